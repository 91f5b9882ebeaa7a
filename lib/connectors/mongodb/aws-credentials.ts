import type { AWSCredentialProvider } from "mongodb";
import { networkAgents } from "../../network/agents.ts";

/**
 * The chain of the AWS SDK: environment, shared files, web identity, the role of the task, the function or the machine.
 * Where the chain asks STS or SSO, that goes by the proxy and the egress list. The driver asks for this very package, also where it is given a provider.
 */
export async function awsCredentials(): Promise<AWSCredentialProvider> {
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  return fromNodeProviderChain({ clientConfig: { requestHandler: networkAgents() } });
}

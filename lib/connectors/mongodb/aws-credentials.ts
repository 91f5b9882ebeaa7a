import type { AWSCredentialProvider } from "mongodb";

/**
 * The chain of the AWS SDK: environment, shared files, web identity, the role of the task, the function or the machine.
 * The driver asks for this very package, also where it is given a provider.
 */
export async function awsCredentials(): Promise<AWSCredentialProvider> {
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  return fromNodeProviderChain();
}

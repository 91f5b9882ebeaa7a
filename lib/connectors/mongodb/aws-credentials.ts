import type { AWSCredentialProvider } from "mongodb";

/** The chain of the AWS SDK: environment, shared files, web identity, the role of the task, the function or the machine. */
export async function awsCredentials(): Promise<AWSCredentialProvider> {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  return defaultProvider();
}

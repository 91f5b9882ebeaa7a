/** Whom ssh is, and whom it trusts, where that is not what ssh itself would use. */
export interface SshFiles {
  readonly sshKeyFile: string | undefined;
  readonly sshKnownHostsFile: string | undefined;
}

/** Arguments of ssh. It asks nothing: a key that wants a passphrase, or an unknown host, is an error. */
export function sshOptions(files: SshFiles, more: readonly string[] = []): string[] {
  const options = [
    "BatchMode=yes",
    "ConnectTimeout=30",
    "ServerAliveInterval=30",
    "ServerAliveCountMax=4",
    ...more,
    ...(files.sshKeyFile === undefined ? [] : ["IdentitiesOnly=yes", `IdentityFile=${sshPath(files.sshKeyFile)}`]),
    ...(files.sshKnownHostsFile === undefined ? [] : [`UserKnownHostsFile=${sshPath(files.sshKnownHostsFile)}`]),
  ];
  return ["-x", ...options.flatMap((option) => ["-o", option])];
}

/** ssh expands `%` and splits at spaces in the values of its options. */
const sshPath = (path: string): string => `"${path.replaceAll("%", "%%")}"`;

/** The .deb of MongoDB Database Tools that the image is built with; container/Dockerfile compares its digest. */
export interface MongodbTools {
  readonly url: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * From the parameters of the deployment; undefined where the image is built without them.
 * @throws Error that names the parameter which cannot be
 */
export function mongodbTools(url: string, sha256: string): MongodbTools | undefined {
  if (url === "" && sha256 === "") return undefined;
  // It stands in the image's history, and among docker's arguments.
  if (!URL.canParse(url) || new URL(url).protocol !== "https:" || new URL(url).password !== "")
    throw new Error("--param=mongodbTools: must be the https:// address of a .deb, without a password");
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new Error(`--param=mongodbToolsSha256=${sha256}: must be the SHA-256 of that .deb, 64 hexadecimal digits`);
  return { url, sha256 };
}

/** For docker build. */
export const toolsArguments = ({ url, sha256 }: MongodbTools): readonly string[] => [
  ...["--build-arg", `MONGODB_TOOLS=${url}`],
  ...["--build-arg", `MONGODB_TOOLS_SHA256=${sha256}`],
];

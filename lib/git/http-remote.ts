export interface HttpRemote {
  /** Without a slash at the end. */
  readonly url: string;
  /** The whole value of the header. Never sent to another host than the URL's. */
  readonly authorization: string | undefined;
}

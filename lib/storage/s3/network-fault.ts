/** What went wrong between here and a server that gave no answer. */
export interface NetworkFault {
  /** For an operator, with the address where the system tells it. */
  readonly message: string;
  readonly passes: boolean;
}

const PASSING = new Map([
  ["ECONNREFUSED", "nothing answers there"],
  ["ECONNRESET", "the connection was cut"],
  ["ECONNABORTED", "the connection was cut"],
  ["EPIPE", "the connection was cut"],
  ["ETIMEDOUT", "there was no answer in time"],
  ["EHOSTUNREACH", "the host cannot be reached"],
  ["ENETUNREACH", "the network cannot be reached"],
  ["ENOTFOUND", "the host's name is not known; with an endpoint of your own, path_style: true may be what it wants"],
  ["EAI_AGAIN", "the host's name cannot be looked up just now"],
  ["EPROTO", "the other side does not speak TLS as expected"],
  ["ERR_STREAM_PREMATURE_CLOSE", "the connection was cut"],
]);
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|CRL/;

/** @returns undefined for what is no fault of the network */
export function networkFault(error: unknown): NetworkFault | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? String(error.code) : "";
  const known = PASSING.get(code);
  if (known !== undefined) return { message: `${known} (${error.message})`, passes: true };
  if (error.name === "TimeoutError") return { message: `there was no answer in time (${error.message})`, passes: true };
  // Node's word for an answer that ends too early.
  if (error.message === "aborted" || error.message === "socket hang up") {
    return { message: "the connection was cut", passes: true };
  }
  if (CERTIFICATE.test(code)) {
    return {
      message: `its certificate is not trusted; name its authority by ca_file (${error.message})`,
      passes: false,
    };
  }
  if (code === "ERR_PROXY_TUNNEL") return { message: `the proxy refused (${error.message})`, passes: true };
  if (error instanceof AggregateError || error.cause !== undefined) {
    const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
    return networkFault(inner);
  }
  return undefined;
}

import { type CodedError, NotifierError, TransientError } from "../errors.ts";
import { networkRefusal } from "../network/refusal.ts";

const CERTIFICATE = /CERT|SIGNATURE|ERR_TLS_|ESTARTTLS|ETLS/;

/** What nodemailer throws, told apart by whether trying again may help. */
export function emailFault(error: unknown, host: string): CodedError {
  const limited = networkRefusal(error);
  if (limited !== undefined) return new NotifierError(limited.code, limited.message);
  const refusals = refusalsIn(error);
  if (refusals.length > 0) return receiversFault(refusals, host);
  const { code, responseCode, message } = partsOf(error);
  const said = `${host}: ${message}`;
  const refused = (responseCode !== undefined && responseCode >= 500) || code === "EAUTH" || code === "EENVELOPE";
  // 4xx is "not now" of a mail server, greylisting among it. https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
  if (responseCode !== undefined && responseCode >= 400 && responseCode < 500) {
    return new TransientError("NOTIFIER_UNREACHABLE", said);
  }
  if (refused) return new NotifierError("NOTIFIER_REFUSED", said);
  const cause = error instanceof Error && error.cause !== undefined ? partsOf(error.cause).code : "";
  if (CERTIFICATE.test(code) || CERTIFICATE.test(cause) || /certificate|STARTTLS/i.test(message)) {
    return new NotifierError("NOTIFIER_UNREACHABLE", `${said} (an own certificate authority goes into ca_file)`);
  }
  return new TransientError("NOTIFIER_UNREACHABLE", said);
}

/** Of the receivers that a server did not take, and why. Those that it does not take just now are tried again. */
export function receiversFault(refusals: readonly Error[], host: string): CodedError {
  const parts = refusals.map((error) => ({ ...partsOf(error), who: receiverOf(error) }));
  const said = `${host} does not take mail for ${parts.map(({ who, message }) => `${who} (${message})`).join(", ")}`;
  const isLater = parts.some(({ responseCode = 500 }) => responseCode < 500);
  return isLater ? new TransientError("NOTIFIER_UNREACHABLE", said) : new NotifierError("NOTIFIER_REFUSED", said);
}

const receiverOf = (error: Error): string => ("recipient" in error ? String(error.recipient) : "a receiver");

const refusalsIn = (error: unknown): readonly Error[] => {
  if (!(error instanceof Error) || !("rejectedErrors" in error) || !Array.isArray(error.rejectedErrors)) return [];
  return error.rejectedErrors.filter((one) => one instanceof Error);
};

function partsOf(error: unknown): { code: string; responseCode: number | undefined; message: string } {
  if (!(error instanceof Error)) return { code: "", responseCode: undefined, message: String(error) };
  const code = "code" in error ? String(error.code) : "";
  const response = "responseCode" in error && typeof error.responseCode === "number" ? error.responseCode : undefined;
  return { code, responseCode: response, message: error.message };
}

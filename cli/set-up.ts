import { CodedError, ConfigError, type ErrorCode } from "../lib/errors.ts";

/** What is wrong with the set-up and not with one run, when it is found before anything is begun. */
const SET_UP: readonly ErrorCode[] = [
  "CONFIG_INVALID",
  "SECRET_MISSING",
  "STORAGE_UNAUTHORIZED",
  "STORAGE_FORBIDDEN",
  "STORAGE_NOT_FOUND",
  "STORAGE_REGION",
  "STORAGE_CLOCK",
  "EGRESS_REFUSED",
  "PROXY_REFUSED",
];

export const isSetUpFault = (code: ErrorCode | undefined): boolean => code !== undefined && SET_UP.includes(code);

/** Awaits what a command looks for before it begins. @throws ConfigError, with the same code, for what is a fault of the set-up */
export async function beforehand<T>(looking: Promise<T>): Promise<T> {
  try {
    return await looking;
  } catch (error) {
    if (!(error instanceof CodedError) || error instanceof ConfigError || !isSetUpFault(error.code)) throw error;
    throw new ConfigError(error.message, { code: error.code, cause: error });
  }
}

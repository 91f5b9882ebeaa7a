import { createHash } from "node:crypto";
import { IntegrityError } from "./errors.ts";

/**
 * The documents from which a manifest is made carry a digest of themselves: of these no other document knows what they
 * must be, and with one bit turned over a unit `app` becomes a unit `aqp` that does not exist and has nothing to store.
 */
export function sealed<T extends object>(value: T): T & { readonly seal: string } {
  return { ...value, seal: sealOf(value) };
}

/** @throws IntegrityError naming `where` for a parsed document that has a seal and is not what was sealed */
export function checkSeal(value: unknown, where: string): void {
  if (typeof value !== "object" || value === null || !("seal" in value)) return;
  const { seal, ...rest } = value;
  if (seal === sealOf(rest)) return;
  throw new IntegrityError("INTEGRITY_MANIFEST", `${where}: it is not what was written: its seal does not fit`);
}

/** JSON keeps the order of names, also through parsing: what was sealed is written the same again. */
const sealOf = (value: object): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

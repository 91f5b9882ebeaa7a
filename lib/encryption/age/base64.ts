/** Base64 without padding, as everywhere in age. */
export const base64Text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replace(/=+$/, "");

/** Undefined for what is not the one way to write its bytes. */
export function base64Bytes(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return base64Text(bytes) === text ? bytes : undefined;
}

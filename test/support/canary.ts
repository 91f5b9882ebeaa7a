/** A secret as it may be written: plain, in hexadecimal, and in base64 wherever it begins in what is encoded. */
export function formsOf(secret: string): readonly string[] {
  const encoded = [0, 1, 2].map((before) => {
    const text = Buffer.from(`${"x".repeat(before)}${secret}`).toString("base64");
    // The first and the last character are also of what stands beside it.
    return text.slice(before === 0 ? 0 : before + 1, -4);
  });
  return [secret, Buffer.from(secret).toString("hex"), ...encoded];
}

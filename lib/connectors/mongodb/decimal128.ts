const EXPONENT_BIAS = 6176n;
const MAX_DIGITS = 34;

/** A Decimal128 as its specification writes it: `12.50`, `1E+3`, `-Infinity`, `NaN`. `bytes` are its sixteen. */
export function decimal128Text(bytes: Buffer): string {
  const low = bytes.readBigUInt64LE(0);
  const high = bytes.readBigUInt64LE(8);
  const sign = high >> 63n === 1n ? "-" : "";
  const combination = (high >> 58n) & 0x1fn;
  if (combination === 0x1fn) return "NaN";
  if (combination === 0x1en) return `${sign}Infinity`;
  const isLarge = combination >> 3n === 3n;
  const exponent = Number(((high >> (isLarge ? 47n : 49n)) & 0x3fffn) - EXPONENT_BIAS);
  // The other form, and more than 34 digits, stand for coefficients that no decimal has: they count as 0.
  const coefficient = isLarge ? 0n : ((high & ((1n << 49n) - 1n)) << 64n) | low;
  const digits = coefficient >= 10n ** BigInt(MAX_DIGITS) ? "0" : String(coefficient);
  return sign + decimalText(digits, exponent);
}

function decimalText(digits: string, exponent: number): string {
  const scientific = digits.length - 1 + exponent;
  if (exponent > 0 || scientific < -6) {
    const mantissa = digits.length === 1 ? digits : `${digits.slice(0, 1)}.${digits.slice(1)}`;
    return `${mantissa}E${scientific < 0 ? "-" : "+"}${Math.abs(scientific)}`;
  }
  if (exponent === 0) return digits;
  const whole = digits.slice(0, exponent) || "0";
  return `${digits.length + exponent > 0 ? whole : "0"}.${digits.slice(exponent).padStart(-exponent, "0")}`;
}

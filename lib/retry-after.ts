/** The least wait that a `Retry-After` header asks for: seconds, or a date. https://httpwg.org/specs/rfc9110.html#field.retry-after */
export function retryAfterMs(value: string | null): number {
  if (value === null) return 0;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const until = Date.parse(value);
  return Number.isNaN(until) ? 0 : Math.max(0, until - Date.now());
}

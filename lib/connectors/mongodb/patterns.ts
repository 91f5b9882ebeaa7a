/** True for what holds `*` or `?`, which stand for any characters and for one. */
export const isPattern = (text: string): boolean => /[*?]/.test(text);

/** Whether `name` is one of these names or matches one of these patterns. */
export function matcher(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns);
  const expressions = patterns.filter(isPattern).map(expressionOf);
  return (name) => exact.has(name) || expressions.some((expression) => expression.test(name));
}

function expressionOf(pattern: string): RegExp {
  const source = [...pattern].map((character) => {
    if (character === "*") return ".*";
    return character === "?" ? "." : RegExp.escape(character);
  });
  return new RegExp(`^${source.join("")}$`, "su");
}

/** A value of JSON whose objects keep the order of their members: JavaScript's would move keys like "0" to the front. */
export type OrderedJson = null | boolean | number | string | readonly OrderedJson[] | ReadonlyMap<string, OrderedJson>;

/** @throws SyntaxError for what is not JSON */
export function orderedJson(text: string): OrderedJson {
  // What is not JSON is found by Node; what is, needs no further care.
  JSON.parse(text);
  let at = 0;
  const tokens = text.match(TOKEN) ?? [];

  function value(): OrderedJson {
    const token = tokens[at] ?? "";
    at += 1;
    if (token === "{") return members();
    if (token === "[") return items();
    return JSON.parse(token);
  }

  function members(): OrderedJson {
    const found = new Map<string, OrderedJson>();
    while (tokens[at] !== "}") {
      const key: string = JSON.parse(tokens[at] ?? "");
      at += 2;
      found.set(key, value());
      if (tokens[at] === ",") at += 1;
    }
    at += 1;
    return found;
  }

  function items(): OrderedJson {
    const found: OrderedJson[] = [];
    while (tokens[at] !== "]") {
      found.push(value());
      if (tokens[at] === ",") at += 1;
    }
    at += 1;
    return found;
  }

  return value();
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g;

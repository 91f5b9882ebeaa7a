export type Path = readonly (string | number)[];

/** A fault before it has a line: where in the text, and in what. */
export interface FaultAt {
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
}

/** `jobs[0].options.paths[1]`; a name that is not plain stands in quotes. */
export function pathText(path: Path): string {
  const parts = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return /^[A-Za-z_][\w-]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  });
  return parts.join("").replace(/^\./, "");
}

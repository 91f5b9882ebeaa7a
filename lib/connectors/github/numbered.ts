/** What one of several of a name is called: no name at GitHub has an `@`. `exclude` knows it by that, too. */
export const numbered = (id: string, { whole }: { readonly whole: string }): string =>
  `${id}@${whole.slice(whole.indexOf(":") + 1)}`;

/** Without the number. */
export const ownId = (id: string): string => id.replace(/@\d+$/, "");

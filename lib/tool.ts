import manifest from "../package.json" with { type: "json" };

/** Who made a snapshot, as its manifest says. */
export const tool = { name: "core-backup", version: manifest.version } as const;

import { StorageError, TransientError } from "../../lib/errors.ts";
import type { Fault, StorageMethod } from "../support/faulty-storage.ts";
import { SECRET } from "./world.ts";

/** One way in which one call can go wrong. */
export interface FaultKind {
  readonly name: string;
  /** The methods to which it can happen. */
  readonly methods: readonly StorageMethod[];
  readonly make: (on: StorageMethod, atByte: number) => Effect;
  /** Also as an outage: at that call and all later ones of the method. */
  readonly lasts: boolean;
}

type Effect = Fault extends infer One ? (One extends Fault ? Omit<One, "on" | "call" | "from" | "key"> : never) : never;

const ALL: readonly StorageMethod[] = ["prepare", "put", "get", "read", "head", "list", "folders", "copy", "remove"];
/** As a careless program has it in its messages. */
const WHERE = `https://user:${SECRET}@storage.example.com`;

const permanent = () => new StorageError("STORAGE_FAILED", `${WHERE}: internal fault`);
const timedOut = () => new TransientError("STORAGE_FAILED", `${WHERE}: no answer in time`);
const slowDown = () => new TransientError("STORAGE_FAILED", `${WHERE}: 503 slow down`, { retryAfterMs: 86_400_000 });
const lost = () => new TransientError("STORAGE_FAILED", `${WHERE}: the connection was reset`);
const full = () => new StorageError("STORAGE_FULL", `${WHERE}: no space left`);

export const FAULT_KINDS: readonly FaultKind[] = [
  { name: "error", methods: ALL, lasts: true, make: () => ({ do: "fail", error: permanent(), when: "before" }) },
  {
    name: "timeout",
    methods: ALL,
    lasts: true,
    make: (on, afterBytes) =>
      on === "put" ? { do: "choke", afterBytes, error: timedOut() } : { do: "fail", error: timedOut(), when: "before" },
  },
  { name: "503 slow down", methods: ALL, lasts: true, make: () => ({ do: "fail", error: slowDown(), when: "before" }) },
  {
    name: "reply lost after success",
    methods: ALL,
    lasts: true,
    make: () => ({ do: "fail", error: lost(), when: "after" }),
  },
  {
    name: "short read",
    methods: ["get"],
    lasts: false,
    make: (_, afterBytes) => ({ do: "cut", afterBytes, error: lost() }),
  },
  {
    name: "short read",
    methods: ["list", "folders"],
    lasts: false,
    make: () => ({ do: "break", afterEntries: 1, error: lost() }),
  },
  // As no storage may end a body, and as a proxy or a file that is being written ends it all the same.
  {
    name: "short read without an error",
    methods: ["get", "read"],
    lasts: false,
    make: (_, afterBytes) => ({ do: "cut", afterBytes }),
  },
  {
    name: "short read at the end of a line",
    methods: ["get", "read"],
    lasts: false,
    make: (_, atByte) => ({ do: "end", atByte }),
  },
  {
    name: "flipped bit",
    methods: ["get", "read", "put", "copy"],
    lasts: false,
    make: (_, atByte) => ({ do: "flip", atByte }),
  },
  { name: "lost write", methods: ["put", "copy"], lasts: false, make: () => ({ do: "vanish" }) },
  { name: "stale list", methods: ["list", "folders"], lasts: true, make: () => ({ do: "stale" }) },
  {
    name: "no space",
    methods: ["put"],
    lasts: true,
    make: (_, afterBytes) => ({ do: "choke", afterBytes, error: full() }),
  },
  {
    name: "no space",
    methods: ["prepare", "copy"],
    lasts: true,
    make: () => ({ do: "fail", error: full(), when: "before" }),
  },
];

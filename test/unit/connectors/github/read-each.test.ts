import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, freshLimits } from "../../../../lib/connectors/github/account.ts";
import { accountChoice } from "../../../../lib/connectors/github/choose-account.ts";
import type { Kind } from "../../../../lib/connectors/github/kinds/kind.ts";
import type { Line } from "../../../../lib/connectors/github/lines.ts";
import { parentsOf } from "../../../../lib/connectors/github/parents.ts";
import { readEach } from "../../../../lib/connectors/github/read-each.ts";
import type { KindContext } from "../../../../lib/connectors/github/reading.ts";
import type { Session } from "../../../../lib/connectors/github/session.ts";
import { UnreadableError } from "../../../../lib/connectors/github/unreadable.ts";
import { NotFoundError } from "../../../../lib/errors.ts";

const KIND: Kind = {
  name: "stages",
  subject: "repository",
  what: "",
  permission: "",
  scope: "",
  byDefault: true,
  reading: {
    how: "each",
    over: "/stages",
    field: "name",
    child: { path: "/stages/{stage}", param: "stage", one: true },
  },
};

/** Answers the list with `names`, and an object for each of them; `deleted` is in the list once more. */
function sessionOf(names: readonly string[], { deleted = "", isRefused = false } = {}): Session {
  const list = [...names, ...(deleted === "" ? [] : [deleted])];
  const get = async (to: string) => {
    if (to === `/stages/${deleted}`) return { status: 404, headers: new Headers(), json: {}, bytes: 0 };
    const json = to === "/stages" ? list.splice(0, list.length, ...names).map((name) => ({ name })) : { id: 1 };
    return { status: 200, headers: new Headers(), json, bytes: 0 };
  };
  const account: Account = {
    name: "T",
    limits: { ...freshLimits(), isRefused },
    authorization: async () => "",
    basic: async () => "",
    renew: () => false,
    seesAllOf: async () => false,
    madeAt: () => undefined,
  };
  const not = () => Promise.reject(new Error("is not asked here"));
  return {
    api: {
      url: "",
      accounts: [account],
      gate: (work) => work(),
      budget: { freeAt: () => 0, spend: () => {}, perAccount: undefined },
      now: () => new Date(0),
    },
    account: () => {
      throw new Error("is not asked here");
    },
    choice: accountChoice([], { key: "", nowMs: () => 0 }),
    signal: new AbortController().signal,
    stats: { requests: 0, notModified: 0, bytes: 0, points: 0 },
    get,
    file: not,
    question: not,
    mayTryAgain: not,
  };
}

const aContext = (given: Partial<KindContext>): KindContext => ({
  kind: KIND,
  session: sessionOf([]),
  params: {},
  before: { state: "READ", probe: "as it was" },
  previousLines: undefined,
  sweep: false,
  probe: "as it was",
  parents: parentsOf([]),
  begun: undefined,
  previousParts: 1,
  ...given,
});

test("what is as it was is read all the same where it lies in parts, which become one", async () => {
  assert.equal((await readEach(aContext({}))).unchanged, true);
  assert.equal((await readEach(aContext({ previousParts: 2 }))).unchanged, false);
});

test("what was stored before a wait and is sealed to us is not taken for deleted", async () => {
  async function* previous(): AsyncGenerator<Line> {
    for (const key of ["a", "b", "c", "d"]) yield { key, json: { of: key, item: { id: 1 } } };
  }
  const sealed = {
    facts: {},
    sourceBytes: 0,
    open: (): never => {
      throw new NotFoundError("sealed");
    },
  };
  const begun = { parts: [sealed], through: "b", facts: {}, listing: undefined };
  const reading = await readEach(aContext({ session: sessionOf(["a", "b", "c"]), previousLines: previous, begun }));
  const keys = (await Array.fromAsync(reading.lines())).map(({ key }) => key);
  assert.deepEqual([keys, reading.deleted()], [["c"], ["d"]]);
});

test("what was deleted since it was listed is left out, but not while a token is not accepted that may have been shown it", async () => {
  const read = async (isRefused: boolean) => {
    const session = sessionOf(["a"], { deleted: "b", isRefused });
    const reading = await readEach(aContext({ session, before: undefined }));
    return (await Array.fromAsync(reading.lines())).map(({ key }) => key);
  };
  assert.deepEqual(await read(false), ["a"]);
  await assert.rejects(read(true), UnreadableError);
});

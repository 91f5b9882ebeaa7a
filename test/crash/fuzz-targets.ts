import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { configText } from "../../cli/init/config-text.ts";
import { bytesOf } from "../../lib/bytes.ts";
import { loadConfig } from "../../lib/config/load.ts";
import {
  archiveHead,
  blockHeaderBytes,
  preludeBytes,
  terminator,
} from "../../lib/connectors/mongodb/archive-format.ts";
import { archiveParser } from "../../lib/connectors/mongodb/archive-parser.ts";
import { BsonFault, bsonElements } from "../../lib/connectors/mongodb/bson-read.ts";
import { openFile } from "../../lib/encryption/age/file.ts";
import { headerText, parseHeader } from "../../lib/encryption/age/header.ts";
import { identitiesOf } from "../../lib/encryption/age/identities.ts";
import { DecryptionFault } from "../../lib/encryption/encryption.ts";
import { CodedError, ConfigError, IntegrityError } from "../../lib/errors.ts";
import { openBundle } from "../../lib/git/bundle.ts";
import { byteReader } from "../../lib/git/byte-reader.ts";
import { packetReader } from "../../lib/git/pkt-line.ts";
import { fileName, folderName, isFileName, leaseKey, snapshotTime, toldKey, unitFolder } from "../../lib/keys.ts";
import { readLease } from "../../lib/lease/lease-document.ts";
import { manifestSchema, parseDocument, unitRecordSchema, verificationSchema } from "../../lib/manifest.ts";
import { readTold } from "../../lib/notify/told.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { resumedSchema, runDocumentSchema } from "../../lib/resume/run-document.ts";
import { decide } from "../../lib/retention/retention.ts";
import { calendarLabels } from "../../lib/retention/retention-buckets.ts";
import { nextRuns, parseSchedule } from "../../lib/scheduling/schedule.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import { parseSums } from "../../lib/sums.ts";
import { TarFormatError } from "../../lib/tar/tar-header.ts";
import { parsePax } from "../../lib/tar/tar-pax.ts";
import { createTarScanner } from "../../lib/tar/tar-scan.ts";
import { documentOfEveryType } from "../support/every-bson-type.ts";
import { damaged, damages, utf8 } from "./damage.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";

/** What reads something that others wrote, and how it may refuse. */
export interface Target {
  readonly inputs: fc.Arbitrary<Uint8Array>;
  /** Everything thrown for which `refuses` is false is a fault of ours. */
  readonly read: (input: Uint8Array) => Promise<void>;
  readonly refuses: (error: unknown) => boolean;
}

const EXAMPLES = join(import.meta.dirname, "../../config/examples");
const coded = (error: unknown) => error instanceof CodedError;
const text = (input: Uint8Array): string => Buffer.from(input).toString("utf8");
/** Any bytes, or one of the real ones with some damage. */
const like = (...real: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    {
      weight: 4,
      arbitrary: fc.tuple(fc.constantFrom(...real), damages).map(([one, changes]) => damaged(one, changes)),
    },
  );

/** By name; made when it is asked for, since some need a store or files. */
export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = {
  "the configuration": configuration,
  "documents of a store": documents,
  "a list of digests": async () => ({
    inputs: like(utf8(`${"a".repeat(64)}  org/app/one.json\n${"b".repeat(64)} *manifest.json\n`)),
    read: async (input) => void parseSums(text(input)),
    refuses: () => false,
  }),
  "a plan": plan,
  "a bundle's header": async () => ({
    inputs: like(
      utf8(`# v2 git bundle\n${"a".repeat(40)} HEAD\n${"b".repeat(40)} refs/heads/main\n\nPACK`),
      utf8(`# v3 git bundle\n@object-format=sha256\n${"a".repeat(64)} refs/tags/v1\n\nPACK`),
    ),
    read: async (input) => (await openBundle(bytesOf(input))).pack.close(),
    refuses: coded,
  }),
  "packets of git": async () => ({
    inputs: like(
      utf8("0006a\n0000000eversion 2\n00010009ls-x\n0002"),
      utf8("0032want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0000"),
    ),
    async read(input) {
      const packets = packetReader(byteReader(bytesOf(input)));
      // Every packet takes four bytes at least.
      for (let count = 0; count <= input.byteLength; count += 1) if ((await packets.packet()) === undefined) return;
      throw new Error("there are more packets than there can be");
    },
    refuses: coded,
  }),
  "a tar listing": async () => ({
    inputs: like(execFileSync("tar", ["--create", "--format=pax", "--directory", EXAMPLES, "git.yml", "files.yml"])),
    async read(input) {
      const scanner = createTarScanner({ entry: () => {}, content: () => {} });
      for (let at = 0; at < input.byteLength; at += 700) scanner.write(input.subarray(at, at + 700));
      scanner.end();
    },
    refuses: (error) => error instanceof TarFormatError,
  }),
  "extended headers of tar": async () => ({
    inputs: like(utf8("30 mtime=1350244992.023960108\n19 path=a/long/name\n"), utf8("22 GNU.sparse.major=1\n")),
    read: async (input) => void parsePax(Buffer.from(input)),
    refuses: (error) => error instanceof TarFormatError,
  }),
  "a schedule": async () => ({
    inputs: like(...["0 3 * * *", "*/15 0-5,8 1,15 JAN-MAR MON-FRI", "@daily", "0 0 31 2 *", "59 23 29 2 0"].map(utf8)),
    async read(input) {
      parseSchedule(text(input));
      nextRuns(text(input), "Europe/Berlin", new Date("2028-03-25T00:00:00Z"), 3);
    },
    refuses: (error) => error instanceof RangeError,
  }),
  "dates of retention": async () => ({
    inputs: like(utf8("2028-02-29T030000Z\n2028-02-28T030000Z"), utf8("9999-12-31T235959Z\n0000-01-01T000000Z")),
    async read(input) {
      const snapshots = [...new Set(text(input).split("\n"))];
      const at = snapshotTime(snapshots[0] ?? "") ?? new Date("2028-03-01T00:00:00Z");
      calendarLabels(at, "America/New_York");
      const states = snapshots.map((snapshot) => ({ snapshot, status: "ok" as const, verified: true }));
      decide(states, { keep_daily: 2, keep_monthly: 1, min_keep: 1, max_removals: 9 }, at, "Europe/Berlin");
    },
    refuses: (error) => error instanceof RangeError,
  }),
  "names in keys": async () => ({
    inputs: like(
      ...["org/app", "../..", "a/../b", "//srv//", ".hidden", "x.tar", "SHA256SUMS", "%2E", "\ud800"].map(utf8),
    ),
    async read(input) {
      for (const name of [text(input), Buffer.from(input).toString("latin1"), Buffer.from(input).toString("utf16le")]) {
        const parts = [folderName(name), ...unitFolder(name).split("/"), fileName(name, ".json")];
        const wrong = parts.find((part) => /[/\\\0]|^\.{1,2}$|^$/.test(part) || part.length > 255);
        if (wrong !== undefined && name !== "")
          throw new Error(`${JSON.stringify(name)} becomes ${JSON.stringify(wrong)}`);
        if (name !== "" && isFileName(folderName(name)))
          throw new Error(`${JSON.stringify(name)} becomes a file's name`);
      }
    },
    refuses: () => false,
  }),
  "a header of age": ageHeader,
  "an archive of MongoDB": mongodbArchive,
};

async function configuration(): Promise<Target> {
  const names = (await readdir(EXAMPLES)).filter((name) => name.endsWith(".yml"));
  const examples = await Promise.all([...names, "../core-backup.yml"].map((name) => readFile(join(EXAMPLES, name))));
  const here = { checkouts: ["/srv/app"], githubOwners: ["my-org"], githubToken: true, docker: true, mongodb: 27017 };
  for (const aws of [true, false]) {
    const found = { ...here, aws, bucket: aws };
    examples.push(Buffer.from(configText({ found, folder: "/srv", timezone: "Europe/Berlin" })));
  }
  const folder = await mkdtemp(join(tmpdir(), "core-backup-fuzz-"));
  const file = join(folder, "core-backup.yml");
  const made = fc.oneof(
    fc.json().map((json) => utf8(`jobs: ${json}\nstorage: ${json}\n`)),
    fc
      .array(fc.tuple(fc.constantFrom("jobs", "storage", "notifications", "max_jobs", "secrets", "x"), fc.json()))
      .map((entries) => utf8(entries.map(([key, value]) => `${key}: ${value}\n`).join(""))),
    fc.string({ unit: "binary", maxLength: 200 }).map(utf8),
  );
  return {
    inputs: fc.oneof(like(...examples), made),
    async read(input) {
      await writeFile(file, input);
      await loadConfig(file, { env: {}, sources: false });
    },
    refuses: (error) => error instanceof ConfigError,
  };
}

async function documents(): Promise<Target> {
  const scenario = (await scenarios(sourceOf({ bigBytes: 1_000 }))).find(({ name }) => name === "daily run");
  const real = [...(scenario?.image ?? [])].flatMap(([key, content]) => (/\.json$/.test(key) ? [content] : []));
  const schemas = [manifestSchema, unitRecordSchema, verificationSchema, runDocumentSchema, resumedSchema];
  return {
    inputs: fc.oneof(like(...real), fc.json().map(utf8)),
    async read(input) {
      const storage = memoryStorage();
      await storage.put(leaseKey("docs"), bytesOf(input));
      await readLease(storage, "docs");
      await storage.put(toldKey("docs"), bytesOf(input));
      await readTold(storage, "docs");
      // Each on its own: what the first refuses the second may take.
      for (const schema of schemas) {
        try {
          parseDocument<unknown>(schema, "docs/document.json", input);
        } catch (error) {
          if (!(error instanceof IntegrityError)) throw error;
        }
      }
    },
    refuses: () => false,
  };
}

async function plan(): Promise<Target> {
  const scenario = (await scenarios(sourceOf({ bigBytes: 1_000 }))).find(({ name }) => name === "daily run");
  const real = [...(scenario?.image ?? [])].flatMap(([key, content]) => (/plan\.jsonl$/.test(key) ? [content] : []));
  return {
    inputs: like(...real),
    async read(input) {
      const storage = memoryStorage();
      await storage.put("docs/2028-02-29/030000Z/.run/plan.jsonl", bytesOf(input));
      await Array.fromAsync(readPlan(storage, { job: "docs", snapshot: "2028-02-29T030000Z" }));
    },
    refuses: (error) => error instanceof IntegrityError,
  };
}

async function ageHeader(): Promise<Target> {
  const stanza = { type: "X25519", args: ["a".repeat(43)], body: new Uint8Array(32) };
  const header = headerText([stanza, { type: "scrypt", args: ["b".repeat(22), "18"], body: new Uint8Array(32) }]);
  const whole = utf8(`${header} ${"c".repeat(43)}\n${"d".repeat(100)}`);
  return {
    inputs: like(whole, utf8(header)),
    async read(input) {
      identitiesOf(text(input), "a file");
      try {
        parseHeader(Buffer.from(input).toString("latin1"));
      } catch (error) {
        if (!(error instanceof DecryptionFault)) throw error;
      }
      for await (const _ of openFile(bytesOf(input), [async () => undefined]));
    },
    refuses: (error) => error instanceof DecryptionFault || coded(error),
  };
}

async function mongodbArchive(): Promise<Target> {
  const collection = { db: "app", collection: "one", metadata: '{"indexes":[]}', size: 0, type: "collection" } as const;
  const head = archiveHead({ concurrentCollections: 1, serverVersion: "7.0.0", toolVersion: "core-backup 1.2.3" });
  const documents = [1, 2, 3].map(documentOfEveryType);
  const archive = Buffer.concat([
    preludeBytes(head, [collection]),
    blockHeaderBytes({ db: "app", collection: "one", isEnd: false, crc: 0n }),
    ...documents,
    terminator,
    blockHeaderBytes({ db: "app", collection: "one", isEnd: true, crc: 0n }),
    terminator,
  ]);
  return {
    inputs: like(archive, ...documents),
    async read(input) {
      try {
        // One after the other, so that what is behind a fault is never looked at.
        for (const _ of bsonElements(input));
      } catch (error) {
        if (!(error instanceof BsonFault)) throw error;
      }
      const parser = archiveParser({ deep: true });
      for (let at = 0; at < input.byteLength; at += 97) parser.push(input.subarray(at, at + 97));
      parser.end();
    },
    refuses: coded,
  };
}

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { describe, test } from "node:test";
import { type Bytes, bytesOf, readAll } from "../../lib/bytes.ts";
import { NotFoundError } from "../../lib/errors.ts";
import { measureOwned } from "../../lib/measure-owned.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import {
  failingAfter,
  oddPieces,
  pattern,
  patternBytes,
  reusingItsBuffer,
  sha256,
  slowly,
  watched,
} from "../support/bytes.ts";

/** What a test of the contract works on. */
export interface StorageSubject extends AsyncDisposable {
  readonly storage: Storage;
  /** What lies in the store and is no object: temporary files, parts of uploads. */
  leftovers(): Promise<readonly string[]>;
  /** Files or connections that are in use. Default: the open files of this process. */
  openFiles?(): Promise<number>;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const LIMIT = 64 * MiB;

/** What every storage promises (lib/storage/storage.ts). `make` gives an empty, prepared one for each test. */
export function storageContract(name: string, make: () => Promise<StorageSubject>): void {
  describe(`${name} keeps the storage contract`, () => {
    const promise = (title: string, body: (storage: Storage, open: () => Promise<number>) => Promise<void>): void => {
      test(title, async () => {
        await using subject = await make();
        await body(subject.storage, () => subject.openFiles?.() ?? openFiles());
        assert.deepEqual(await subject.leftovers(), []);
      });
    };

    for (const size of [0, 1, 64 * KiB, MiB - 1, MiB, MiB + 1, 3 * MiB + 5]) {
      promise(`an object of ${size} bytes comes back as it was, and its digest is confirmed`, async (storage) => {
        const content = patternBytes(size);
        const confirmed = await storage.put("job/object.bin", oddPieces(content), { expectedBytes: size });
        const { version, ...rest } = confirmed;
        assert.deepEqual(rest, { key: "job/object.bin", bytes: size, sha256: sha256(content) });
        assert.match(version, /./);
        assert.ok(Buffer.from(content).equals(await readAll(await storage.get("job/object.bin"), LIMIT)));
        assert.deepEqual(await storage.head("job/object.bin"), { key: "job/object.bin", bytes: size });
      });
    }

    promise("a body that reuses its buffer is stored as it was when it was given", async (storage) => {
      const content = patternBytes(10_500);
      await storage.put("reused.bin", reusingItsBuffer(content));
      assert.ok(Buffer.from(content).equals(await readAll(await storage.get("reused.bin"), LIMIT)));
    });

    promise("a reader may write into what it was given, and the object stays as it is", async (storage) => {
      await storage.put("a.bin", pattern(1_000));
      for await (const chunk of await storage.get("a.bin")) chunk.fill(0);
      assert.equal(sha256(await readAll(await storage.get("a.bin"), LIMIT)), sha256(patternBytes(1_000)));
    });

    promise("a reader may give the memory of a piece away once it asked for the next but one", async (storage) => {
      const content = patternBytes(3 * MiB + 5);
      await storage.put("a.bin", oddPieces(content));
      for (let time = 1; time <= 2; time += 1) {
        const measured = measureOwned(await storage.get("a.bin"), Number.POSITIVE_INFINITY);
        for await (const _ of measured.bytes);
        assert.deepEqual(measured.result(), { bytes: content.byteLength, sha256: sha256(content) });
      }
    });

    for (const [where, count] of [
      ["before its first byte", 0],
      ["in the middle", 2 * MiB],
      ["after its last byte", 3 * MiB],
    ] as const) {
      promise(`a body that fails ${where} leaves nothing`, async (storage) => {
        const broken = new Error("the source broke");
        await assert.rejects(storage.put("job/day/a.bin", failingAfter(count, broken)), (error) => error === broken);
        assert.equal(await storage.head("job/day/a.bin"), undefined);
        assert.deepEqual(await keys(storage, ""), []);
        assert.deepEqual(await Array.fromAsync(storage.folders("")), []);
      });

      promise(`a replacement that fails ${where} leaves the old object`, async (storage) => {
        await storage.put("job/a.bin", bytesOf("old"));
        await assert.rejects(storage.put("job/a.bin", failingAfter(count, new Error("the source broke"))));
        assert.equal(await text(storage, "job/a.bin"), "old");
      });
    }

    for (const [what, expectedBytes] of [
      ["fewer", 99],
      ["more", 101],
      ["no", 0],
    ] as const) {
      promise(`a body of 100 bytes of which ${what} were announced is refused`, async (storage) => {
        const source = watched(pattern(100, { size: 10 }));
        await assert.rejects(storage.put("job/a.bin", source.bytes, { expectedBytes }), /job\/a\.bin/);
        assert.ok(source.state.released);
        assert.equal(await storage.head("job/a.bin"), undefined);
      });
    }

    promise("with ifAbsent an object that exists is not touched, and the body is let go of", async (storage) => {
      await storage.put("job/a.bin", bytesOf("first"), { ifAbsent: true });
      const second = watched(bytesOf("second"));
      await assert.rejects(storage.put("job/a.bin", second.bytes, { ifAbsent: true }), {
        name: "StorageError",
        code: "STORAGE_EXISTS",
        message: /job\/a\.bin/,
      });
      assert.ok(second.state.released);
      assert.equal(await text(storage, "job/a.bin"), "first");
    });

    promise("of several writers with ifAbsent exactly one wins, and its bytes are the object", async (storage) => {
      const contents = Array.from({ length: 8 }, (_, writer) => `writer ${writer}`);
      const results = await Promise.allSettled(
        contents.map((content) => storage.put("job/new/a.bin", slowly(bytesOf(content)), { ifAbsent: true })),
      );
      const won = results.flatMap((result, writer) => (result.status === "fulfilled" ? [writer] : []));
      assert.equal(won.length, 1);
      for (const result of results)
        if (result.status === "rejected") assert.equal(result.reason.code, "STORAGE_EXISTS");
      assert.equal(await text(storage, "job/new/a.bin"), contents[won[0] ?? -1]);
    });

    promise("a document is read whole, with the version that its put answered", async (storage) => {
      const { version } = await storage.put("job/a.json", bytesOf("one"));
      const read = await storage.read("job/a.json", 3);
      assert.deepEqual([Buffer.from(read.content).toString(), read.version], ["one", version]);
      const later = await storage.put("job/a.json", bytesOf("two"));
      assert.notEqual(later.version, version);
      assert.equal((await storage.read("job/a.json", 3)).version, later.version);
      read.content.fill(0);
      assert.equal(await text(storage, "job/a.json"), "two");
      await assert.rejects(storage.read("job/a.json", 2), RangeError);
      await assert.rejects(storage.read("job/none.json", 2), NotFoundError);
    });

    promise("with ifMatch an object is replaced while it has that version, by whoever wrote it", async (storage) => {
      await storage.put("job/a.json", bytesOf("0"), { ifAbsent: true });
      for (let turn = 1; turn <= 3; turn += 1) {
        const { version } = await storage.read("job/a.json", LIMIT);
        await storage.put("job/a.json", bytesOf(`${turn}`), { ifMatch: version, expectedBytes: 1 });
        assert.equal(await text(storage, "job/a.json"), `${turn}`);
      }
    });

    promise("with ifMatch of an older version nothing is touched, and the body is let go of", async (storage) => {
      const { version } = await storage.put("job/a.json", bytesOf("first"));
      const second = await storage.put("job/a.json", bytesOf("second"), { ifMatch: version });
      const body = watched(bytesOf("third"));
      await assert.rejects(storage.put("job/a.json", body.bytes, { ifMatch: version }), {
        name: "StorageError",
        code: "STORAGE_CHANGED",
        message: /job\/a\.json/,
      });
      assert.ok(body.state.released);
      assert.equal(await text(storage, "job/a.json"), "second");
      await storage.put("job/a.json", bytesOf("third"), { ifMatch: second.version });
    });

    promise("with ifMatch what is absent, or was removed, has changed and is not made", async (storage) => {
      const { version } = await storage.put("job/a.json", bytesOf("first"));
      await storage.remove(["job/a.json"]);
      for (const key of ["job/a.json", "job/never.json"]) {
        const body = watched(bytesOf("second"));
        await assert.rejects(storage.put(key, body.bytes, { ifMatch: version }), { code: "STORAGE_CHANGED" });
        assert.ok(body.state.released);
      }
      assert.deepEqual(await keys(storage, ""), []);
    });

    promise("a body that fails with ifMatch leaves the object with its version", async (storage) => {
      const { version } = await storage.put("job/a.json", bytesOf("old"));
      const broken = new Error("the source broke");
      await assert.rejects(storage.put("job/a.json", failingAfter(10, broken), { ifMatch: version }), broken);
      await assert.rejects(storage.put("job/a.json", bytesOf("new"), { ifMatch: version, expectedBytes: 4 }));
      await storage.put("job/a.json", bytesOf("new"), { ifMatch: version });
    });

    promise("ifAbsent and ifMatch together are a fault of the caller", async (storage) => {
      const { version } = await storage.put("job/a.json", bytesOf("old"));
      await assert.rejects(
        async () => storage.put("job/a.json", bytesOf("new"), { ifAbsent: true, ifMatch: version }),
        /exclude each other/,
      );
      assert.equal(await text(storage, "job/a.json"), "old");
    });

    promise("of twenty writers with ifMatch of one version exactly one wins, again and again", async (storage) => {
      let { version } = await storage.put("job/a.json", bytesOf("begin"));
      for (let round = 0; round < 5; round += 1) {
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, writer) =>
            storage.put("job/a.json", slowly(bytesOf(`${round} ${writer}`)), { ifMatch: version }),
          ),
        );
        const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
        assert.equal(won.length, 1);
        for (const result of results)
          if (result.status === "rejected") assert.equal(result.reason.code, "STORAGE_CHANGED");
        const read = await storage.read("job/a.json", LIMIT);
        assert.equal(read.version, won[0]?.version);
        assert.equal(sha256(read.content), won[0]?.sha256);
        version = read.version;
      }
    });

    promise("a counter that many increase by read and ifMatch loses no step", async (storage) => {
      await storage.put("counter", bytesOf("0"));
      const increase = async (): Promise<void> => {
        for (let steps = 0; steps < 5; ) {
          const { content, version } = await storage.read("counter", LIMIT);
          const next = Number(new TextDecoder().decode(content)) + 1;
          try {
            await storage.put("counter", bytesOf(`${next}`), { ifMatch: version });
            steps += 1;
          } catch (error) {
            assert.equal((error as { code?: string }).code, "STORAGE_CHANGED");
          }
        }
      };
      await Promise.all(Array.from({ length: 6 }, increase));
      assert.equal(await text(storage, "counter"), "30");
    });

    promise("a reader sees the old object or the new one while it is replaced, never a mixture", async (storage) => {
      const versions = [1, 2, 3, 4, 5, 6].map((seed) => patternBytes(300 * KiB, seed));
      const whole = new Set(versions.map(sha256));
      await storage.put("a.bin", oddPieces(versions[0] ?? new Uint8Array()));
      let writing = true;
      const writer = (async () => {
        for (const version of versions) await storage.put("a.bin", slowly(oddPieces(version)));
        writing = false;
      })();
      let reads = 0;
      while (writing) {
        assert.ok(whole.has(sha256(await readAll(await storage.get("a.bin"), LIMIT))));
        reads += 1;
        // A storage that never waits would not let the writer go on.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writer;
      assert.ok(reads > 0);
    });

    promise("what was never stored has no head, and to get it throws before the first byte", async (storage) => {
      await storage.put("job/a.bin", bytesOf("a"));
      for (const absent of ["other", "job", "job/a", "job/a.bin/below", "deep/er/still.bin"]) {
        assert.equal(await storage.head(absent), undefined, absent);
        await assert.rejects(storage.get(absent), NotFoundError, absent);
        await assert.rejects(storage.copy(absent, "copy.bin"), NotFoundError, absent);
      }
      assert.deepEqual(await keys(storage, ""), ["job/a.bin"]);
    });

    promise("a reader that stops early, or never begins, holds no file open", async (storage, open) => {
      await storage.put("a.bin", pattern(3 * MiB));
      const before = await open();
      for (let turn = 0; turn < 20; turn += 1) {
        for await (const _ of await storage.get("a.bin")) break;
        await storage.get("a.bin");
      }
      assert.equal(await open(), before);
    });

    promise("neither a put that works nor one that fails holds a file open", async (storage, open) => {
      await storage.put("a.bin", pattern(3 * MiB));
      const before = await open();
      for (let turn = 0; turn < 10; turn += 1) {
        await storage.put("a.bin", pattern(1_000));
        await assert.rejects(storage.put("a.bin", failingAfter(1_000, new Error("broken"))));
        await assert.rejects(storage.put("a.bin", pattern(1_000), { expectedBytes: 1 }));
        await assert.rejects(storage.put("a.bin", pattern(1_000), { ifAbsent: true }));
        const { version } = await storage.put("a.bin", bytesOf(`${turn}`));
        await storage.put("a.bin", pattern(1_000), { ifMatch: version });
        await assert.rejects(storage.put("a.bin", pattern(1_000), { ifMatch: version }));
      }
      assert.equal(await open(), before);
    });

    promise(
      "list gives keys in the order of their UTF-16 units, which is not the order of folders",
      async (storage) => {
        const stored = [
          "a/b",
          "a-b",
          "a.b",
          "a0",
          "a/b-c/d",
          "a/b.c",
          "a/B",
          "Z",
          "a!/x",
          "é",
          "z/ü",
          "\u{1F600}",
          "\uFF5E0",
          "a/b0/x",
        ];
        for (const key of stored) await storage.put(key, bytesOf(key));
        assert.deepEqual(await keys(storage, ""), [...stored].sort());
        assert.deepEqual(await keys(storage, "a/"), stored.filter((key) => key.startsWith("a/")).sort());
      },
    );

    promise("list takes a plain string prefix and gives sizes", async (storage) => {
      for (const key of ["job/1/a", "job/1/ab", "job/10/a", "job/2/a", "jobs/1/a", "j"])
        await storage.put(key, bytesOf(key));
      assert.deepEqual(await Array.fromAsync(storage.list("job/1")), [
        { key: "job/1/a", bytes: 7 },
        { key: "job/1/ab", bytes: 8 },
        { key: "job/10/a", bytes: 8 },
      ]);
      assert.deepEqual(await keys(storage, "job/1/a"), ["job/1/a", "job/1/ab"]);
      assert.deepEqual(await keys(storage, "job"), ["job/1/a", "job/1/ab", "job/10/a", "job/2/a", "jobs/1/a"]);
      assert.deepEqual(await keys(storage, "job/1/a/"), []);
      assert.deepEqual(await keys(storage, "none/at/all"), []);
    });

    promise("a listing may be left early", async (storage) => {
      for (const key of ["a/1", "a/2", "b/1"]) await storage.put(key, bytesOf(key));
      for await (const object of storage.list("")) {
        assert.equal(object.key, "a/1");
        break;
      }
    });

    promise("folders gives what directly holds objects at any depth, each once and in order", async (storage) => {
      const stored = [
        "job/2026/a/b.bin",
        "job/2026/c.bin",
        "job/file.bin",
        "job-2/x/y/z.bin",
        "job.3/x",
        "top.bin",
        "job/.run/plan.jsonl",
      ];
      for (const key of stored) await storage.put(key, bytesOf(key));
      assert.deepEqual(await Array.fromAsync(storage.folders("")), ["job", "job-2", "job.3"]);
      assert.deepEqual(await Array.fromAsync(storage.folders("job/")), [".run", "2026"]);
      assert.deepEqual(await Array.fromAsync(storage.folders("job/2026/")), ["a"]);
      assert.deepEqual(await Array.fromAsync(storage.folders("job/2026/a/")), []);
      assert.deepEqual(await Array.fromAsync(storage.folders("none/")), []);
    });

    promise("a folder whose objects were removed is no folder any more", async (storage) => {
      await storage.put("job/1/a/b.bin", bytesOf("a"));
      await storage.put("job/2/a.bin", bytesOf("a"));
      await storage.remove(["job/1/a/b.bin"]);
      assert.deepEqual(await Array.fromAsync(storage.folders("job/")), ["2"]);
      await storage.put("job/1/a/b.bin", bytesOf("again"));
      assert.equal(await text(storage, "job/1/a/b.bin"), "again");
    });

    promise("a copy is independent of what it was made from", async (storage) => {
      await storage.put("one/a.bin", bytesOf("original"));
      assert.deepEqual(await storage.copy("one/a.bin", "two/deep/b.bin"), { key: "two/deep/b.bin", bytes: 8 });
      await storage.copy("one/a.bin", "three/c.bin");
      await storage.put("one/a.bin", bytesOf("replaced"));
      assert.equal(await text(storage, "two/deep/b.bin"), "original");
      await storage.put("two/deep/b.bin", bytesOf("other"));
      assert.equal(await text(storage, "three/c.bin"), "original");
      await storage.remove(["one/a.bin", "two/deep/b.bin"]);
      assert.equal(await text(storage, "three/c.bin"), "original");
    });

    promise("a copy replaces what was there, also when it is a copy already or the object itself", async (storage) => {
      await storage.put("a.bin", bytesOf("a"));
      await storage.put("b.bin", bytesOf("was b"));
      for (let turn = 0; turn < 2; turn += 1)
        assert.deepEqual(await storage.copy("a.bin", "b.bin"), { key: "b.bin", bytes: 1 });
      await storage.copy("a.bin", "a.bin");
      assert.equal(await text(storage, "b.bin"), "a");
      assert.equal(await text(storage, "a.bin"), "a");
    });

    promise(
      "a copy with ifAbsent replaces nothing, and one whose last step is refused stores nothing",
      async (storage) => {
        await storage.put("a.bin", bytesOf("a"));
        await storage.put("b.bin", bytesOf("was b"));
        await assert.rejects(storage.copy("a.bin", "b.bin", { ifAbsent: true }), { code: "STORAGE_EXISTS" });
        assert.deepEqual(await storage.copy("a.bin", "new/c.bin", { ifAbsent: true }), { key: "new/c.bin", bytes: 1 });
        const beforeLast = () => Promise.reject(new Error("not ours any more"));
        for (const ifAbsent of [false, true])
          for (const to of ["b.bin", "new/d.bin"])
            await assert.rejects(storage.copy("a.bin", to, { ifAbsent, beforeLast }));
        assert.equal(await text(storage, "b.bin"), "was b");
        assert.deepEqual(await keys(storage, ""), ["a.bin", "b.bin", "new/c.bin"]);
      },
    );

    promise("what is made sweepable is stored as everything else, of any length", async (storage) => {
      for (const content of ["", "a", "b".repeat(100_000)]) {
        const stored = await storage.put("a.bin", bytesOf(content), { sweepable: true });
        assert.equal(stored.bytes, content.length);
        assert.equal(await text(storage, "a.bin"), content);
      }
      await assert.rejects(storage.put("a.bin", bytesOf("x"), { sweepable: true, ifAbsent: true }), {
        code: "STORAGE_EXISTS",
      });
    });

    promise("remove takes keys that are absent, twice and in any mixture", async (storage) => {
      for (const key of ["job/a", "job/b", "job/c/d", "keep"]) await storage.put(key, bytesOf(key));
      await storage.remove(["job/none", "job/a", "no/such/folder/at.all", "job/c/d", "job/a", "job/c"]);
      await storage.remove(["job/a"]);
      await storage.remove([]);
      assert.deepEqual(await keys(storage, ""), ["job/b", "keep"]);
    });

    promise("keys with awkward but possible parts come back from a listing as they were given", async (storage) => {
      const long = `${"n".repeat(196)}.tar.gz`;
      const awkward = [
        "%2E/%",
        "a b/c\td",
        "x~0123/-",
        "Größe/日本語.tar",
        "a\nb",
        "'\"$(id)`",
        "\\back\\slash",
        long,
        "j/.lease",
        "...",
        "a@b+c=d",
      ];
      for (const key of awkward) await storage.put(key, bytesOf(key));
      assert.deepEqual(await keys(storage, ""), [...awkward].sort());
      for (const key of awkward) assert.equal(await text(storage, key), key);
      await storage.remove(awkward);
      assert.deepEqual(await keys(storage, ""), []);
    });

    promise("what is no key is refused as a fault of the caller, and nothing is touched", async (storage) => {
      await storage.put("a/b", bytesOf("a"));
      for (const wrong of [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "a\0b",
        ".core-backup-tmp-x",
        "a/.core-backup-tmp-lock-1/b",
      ]) {
        const refusal = { name: "Error", message: /not a storage key/ };
        await assert.rejects(async () => storage.put(wrong, bytesOf("x")), refusal, wrong);
        await assert.rejects(async () => storage.get(wrong), refusal, wrong);
        await assert.rejects(async () => storage.read(wrong, 1), refusal, wrong);
        await assert.rejects(async () => storage.head(wrong), refusal, wrong);
        await assert.rejects(async () => storage.copy("a/b", wrong), refusal, wrong);
        await assert.rejects(async () => storage.copy(wrong, "a/c"), refusal, wrong);
        await assert.rejects(async () => storage.remove(["a/b", wrong]), refusal, wrong);
      }
      for (const wrong of ["/", "..//", "a/../", "../a", "a//b", "a\0"])
        await assert.rejects(keys(storage, wrong), /not a storage prefix/, wrong);
      await assert.rejects(async () => Array.fromAsync(storage.folders("a")), /not a folder's prefix/);
      assert.deepEqual(await keys(storage, ""), ["a/b"]);
    });

    promise(
      "writers, and a remover that empties their folder again and again, do not disturb each other",
      async (storage) => {
        const work = Array.from({ length: 60 }, async (_, n) => {
          const key = `job/day/${n % 3}/${n}.bin`;
          await storage.put(key, slowly(pattern(100 + n)), { ifAbsent: true });
          assert.deepEqual(await storage.head(key), { key, bytes: 100 + n });
          if (n % 2 === 0) await storage.copy(key, `copies/${n}.bin`);
          await storage.remove([key, `copies/${n}.bin`]);
        });
        await Promise.all(work);
        assert.deepEqual(await keys(storage, ""), []);
      },
    );

    promise("two thousand objects are listed, each once and in order", async (storage) => {
      const stored = Array.from({ length: 2_000 }, (_, n) => `many/${n % 7}/${n}.json`);
      for (let start = 0; start < stored.length; start += 50) {
        await Promise.all(stored.slice(start, start + 50).map((key) => storage.put(key, bytesOf("{}"))));
      }
      assert.deepEqual(await keys(storage, "many/"), [...stored].sort());
      await storage.remove(stored);
      assert.deepEqual(await keys(storage, ""), []);
    });

    promise("prepare can be called again and leaves nothing behind", async (storage) => {
      await storage.put("a.bin", bytesOf("a"));
      await Promise.all([storage.prepare(), storage.prepare()]);
      assert.deepEqual(await keys(storage, ""), ["a.bin"]);
      assert.equal(await text(storage, "a.bin"), "a");
    });
  });
}

async function keys(storage: Storage, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(storage.list(prefix))).map((object) => object.key);
}

async function text(storage: Storage, key: string): Promise<string> {
  const bytes: Bytes = await storage.get(key);
  return new TextDecoder().decode(await readAll(bytes, LIMIT));
}

/** Of this process; 0 where the system does not tell. */
async function openFiles(): Promise<number> {
  return (await readdir("/proc/self/fd").catch(() => [])).length;
}

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type ErrorCode, SourceError, TransientError } from "../../lib/errors.ts";
import { backUp, cloneOf, type Entry } from "../support/git-backup.ts";
import { aGitFolder, aRepository, gitSync, objectCount, showRef } from "../support/git-repository.ts";
import { sshMissing, startSshServer } from "../support/ssh-server.ts";

describe("git over ssh", { skip: sshMissing() }, () => {
  for (const acceptEnv of [true, false]) {
    test(`a repository is restored to the byte, from a server of protocol ${acceptEnv ? "v2" : "v0"}`, async () => {
      await using folder = await aGitFolder();
      await using server = await startSshServer({ acceptEnv });
      // A name that a shell would take apart.
      const path = await aRepository(folder.path, { name: 'it\'s a "$(touch x)" repo!.git', bigFileBytes: 500_000 });
      const made = await backUp(entryOf(server, encodeURI(path)), folder.path);
      const clone = cloneOf(made, folder.path);
      assert.equal(clone.refs, showRef(path));
      clone.fsck();
      assert.equal(made.facts.objects, objectCount(path));
      assert.equal(made.facts.head, "refs/heads/main");
      assert.ok(made.unit.fingerprint !== undefined);
    });
  }

  test("a shallow and an empty repository are told as such", async () => {
    await using folder = await aGitFolder();
    await using server = await startSshServer({ acceptEnv: true });
    const whole = await aRepository(folder.path);
    gitSync(folder.path, ["clone", "--quiet", "--bare", "--depth=1", `file://${whole}`, "shallow.git"]);
    gitSync(folder.path, ["init", "--quiet", "--bare", "empty.git"]);
    assert.equal(
      (await failure(entryOf(server, join(folder.path, "shallow.git")), folder.path)).code,
      "SOURCE_SHALLOW",
    );
    assert.equal((await failure(entryOf(server, join(folder.path, "empty.git")), folder.path)).code, "SOURCE_EMPTY");
  });

  test("an unknown host, a key that is refused, a missing repository and a closed port each have a code", async () => {
    await using folder = await aGitFolder();
    await using server = await startSshServer({ acceptEnv: true });
    const path = await aRepository(folder.path);
    const good = entryOf(server, path);
    const cases: readonly [Entry, ErrorCode, RegExp][] = [
      [{ ...good, ssh_known_hosts_file: server.emptyKnownHostsFile }, "SOURCE_FORBIDDEN", /ssh_known_hosts_file/],
      [{ ...good, ssh_key_file: server.strangeKeyFile }, "SOURCE_UNAUTHORIZED", /Permission denied/],
      [entryOf(server, join(folder.path, "gone.git")), "SOURCE_NOT_FOUND", /does not appear to be a git repository/],
      [{ ...good, url: "ssh://127.0.0.1:1/app.git" }, "SOURCE_UNAVAILABLE", /Connection refused/],
    ];
    for (const [entry, code, message] of cases) {
      const error = await failure(entry, folder.path);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.equal(error instanceof TransientError, code === "SOURCE_UNAVAILABLE");
    }
  });

  test("a signal ends ssh and what runs behind it", async () => {
    await using folder = await aGitFolder();
    await using server = await startSshServer({ acceptEnv: true });
    const path = await aRepository(folder.path, { bigFileBytes: 5_000_000 });
    const reason = new Error("told to stop");
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 30);
    await assert.rejects(
      (async () => {
        for (;;) await backUp(entryOf(server, path), folder.path, stop.signal);
      })(),
      (error) => error === reason,
    );
  });
});

function entryOf(server: Awaited<ReturnType<typeof startSshServer>>, path: string) {
  return {
    url: `${server.url}${path}`,
    name: "app",
    ssh_key_file: server.keyFile,
    ssh_known_hosts_file: server.knownHostsFile,
  };
}

async function failure(entry: Entry, folder: string): Promise<SourceError | TransientError> {
  const thrown: unknown = await backUp(entry, folder).then(
    () => undefined,
    (error) => error,
  );
  assert.ok(thrown instanceof SourceError || thrown instanceof TransientError, String(thrown));
  return thrown;
}

import assert from "node:assert/strict";
import type { GithubBackup } from "./github-backup.ts";
import { storedParts } from "./github-backup.ts";
import { aWorld, ids, listOf, type World } from "./github-lists.ts";
import { at } from "./github-organization.ts";
import type { GithubServer } from "./github-server.ts";
import { runWithin } from "./run-within.ts";

/** That a list lacks nothing that stays, while in each of the first three waits many of it go and another one comes. */
export async function lacksNothingThatStays(
  world: World,
  backupOf: (server: GithubServer) => GithubBackup | Promise<GithubBackup>,
): Promise<void> {
  const { kind, perHour } = world;
  await using made = await aWorld(world);
  const { server, path } = made;
  const backup = await backupOf(server);
  let waits = 0;
  const result = await runWithin(backup, server, perHour, () => {
    waits += 1;
    if (waits > 3) return;
    const [first, ...rest] = listOf(server, path).slice(120);
    const id = 1e9 + waits;
    const fresh = { ...first, id, name: `new-${waits}`, created_at: at(900_000), updated_at: at(900_000) };
    // Where they are listed: labels at the end, the others as they are sorted, or at the beginning.
    server.lists.set(path, kind === "labels" ? [first ?? {}, ...rest, fresh] : [fresh, first ?? {}, ...rest]);
  });
  assert.ok(waits >= 3, `${waits} waits`);
  const stored = ids(await storedParts(backup, result, "my-org/app", kind));
  assert.equal(new Set(stored).size, stored.length, "each once");
  const staying = ids(listOf(server, path)).filter((id) => id < 1e9);
  assert.ok(staying.length > 100);
  assert.deepEqual(
    staying.filter((id) => !stored.includes(id)),
    [],
  );
}

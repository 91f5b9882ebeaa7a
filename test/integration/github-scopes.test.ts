import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { kinds } from "../../lib/connectors/github/kinds/all.ts";
import type { Kind } from "../../lib/connectors/github/kinds/kind.ts";
import { noGithubPeers, peerFile } from "../support/github-peers.ts";

interface Operation {
  readonly description?: string;
}

/** `OAuth app tokens and personal access tokens (classic) need the `repo` or `security_events` scope to use this endpoint.` What more one sees with another is no matter here. */
const SCOPES = /\(classic\) need (.*?) scopes?\b(?! to see)/;
/** A scope that GitHub has nowhere else. */
const MISTAKEN: Readonly<Record<string, string>> = { "admin:read": "admin:org" };

test("a kind wants the scope of a classic token that GitHub's description of its request names", {
  skip: noGithubPeers,
}, () => {
  const { paths }: { readonly paths: Readonly<Record<string, { readonly get?: Operation }>> } = JSON.parse(
    readFileSync(peerFile("@octokit/openapi/generated/api.github.com.json"), "utf8"),
  );
  const described = new Map(Object.entries(paths).map(([path, { get }]) => [withoutNames(path), get]));
  let compared = 0;
  for (const kind of kinds) {
    const [, said] = SCOPES.exec(described.get(withoutNames(pathOf(kind)))?.description ?? "") ?? [];
    if (said === undefined) continue;
    const scopes = (said.match(/[\w:]+:[\w]+|\b(?:repo|gist|security_events|public_repo)\b/g) ?? []).map(
      (scope) => MISTAKEN[scope] ?? scope,
    );
    assert.ok(scopes.includes(kind.scope), `${kind.name} has ${kind.scope}, GitHub says ${said}`);
    compared += 1;
  }
  assert.ok(compared > 40, `${compared} kinds compared`);
});

const withoutNames = (path: string): string => path.replace(/\?.*$/, "").replace(/\{\w+\}/g, "{}");

function pathOf({ reading }: Kind): string {
  return reading.how === "each" || reading.how === "changed" ? reading.child.path : reading.path;
}

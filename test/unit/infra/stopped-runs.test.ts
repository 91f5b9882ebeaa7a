import assert from "node:assert/strict";
import { test } from "node:test";
import { stoppedRunResources } from "../../../infra/stopped-runs.ts";
import type { Job } from "../../../lib/config/schema.ts";

interface Transformer {
  readonly InputPathsMap: Readonly<Record<string, string>>;
  readonly InputTemplate: string;
}

const NAME = 'the "rest" <of it>';

/** As EventBridge fills it: what an event lacks is an empty text. */
function inputOf(event: object): unknown {
  const rule = Object.values(stoppedRunResources({ name: NAME } as Job)).find(
    (one) => (one as { readonly Type: string }).Type === "AWS::Events::Rule",
  ) as { readonly Properties: { readonly Targets: readonly { readonly InputTransformer: Transformer }[] } };
  const [target] = rule.Properties.Targets;
  assert.ok(target);
  const { InputPathsMap: paths, InputTemplate: template } = target.InputTransformer;
  const valueAt = (path: string) =>
    path
      .split(".")
      .slice(1)
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], event);
  return JSON.parse(template.replaceAll(/<(\w+)>/g, (_, name) => String(valueAt(paths[name] ?? "$.none") ?? "")));
}

test("notify is told of a stopped run which execution it was, how it ended and how often it had been redriven", () => {
  const detail = { executionArn: "arn:of:it", name: "night", status: "ABORTED" };
  const outcome = {
    job: NAME,
    status: "interrupted",
    stopped: "ABORTED",
    execution: "night",
    executionArn: "arn:of:it",
  };
  assert.deepEqual(inputOf({ detail: { ...detail, redriveCount: 2 } }), { outcome: { ...outcome, redrives: "2" } });
  assert.deepEqual(inputOf({ detail: { ...detail, redriveCount: 0 } }), { outcome: { ...outcome, redrives: "0" } });
  assert.deepEqual(inputOf({ detail }), { outcome: { ...outcome, redrives: "" } });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOLDS_LABEL, type Hold } from "../../../../lib/connectors/docker-volume/hold/hold.ts";
import { heldBy, isHelperAbandoned, markedName } from "../../../../lib/connectors/docker-volume/hold/marker.ts";
import { ownerLabels } from "../../../../lib/connectors/docker-volume/hold/owner.ts";

const planned: readonly Hold[] = Array.from({ length: 70 }, (_, n) => ({ id: `id${n}`, name: `n${n}`, how: "pause" }));
const labels = { ...ownerLabels(new Date("2026-11-26T04:00:00Z")), [HOLDS_LABEL]: JSON.stringify(planned) };
const helper = (name: string) => ({ Id: "x", Names: [`/${name}`], Labels: labels });

test("a helper's name says which of the planned ones are held, any number of them", () => {
  const until = new Date("2026-11-26T05:00:00Z");
  assert.deepEqual(heldBy(helper("core-backup-0f")), []);
  for (const held of [[], planned.slice(0, 1), planned.slice(60, 66), planned])
    assert.deepEqual(heldBy(helper(markedName("core-backup-0f", planned, { until, held }))), held);
});

test("the moment in the name is later than the one in the labels, and counts", () => {
  // Of another machine, of which nothing else can be known.
  const away = (name: string) => {
    const [, , ...rest] = Object.entries(labels);
    return { ...helper(name), Labels: { "core-backup.owner": "0123456789ab-1-1", ...Object.fromEntries(rest) } };
  };
  const name = markedName("core-backup-0f", planned, { until: new Date("2026-11-26T05:00:00Z"), held: [] });
  const at = (time: string, called: string) => isHelperAbandoned(away(called), new Date(`2026-11-26T${time}Z`), true);
  assert.deepEqual([at("04:30:00", "core-backup-0f"), at("04:30:00", name), at("05:00:01", name)], [true, false, true]);
});

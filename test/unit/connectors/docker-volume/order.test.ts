import assert from "node:assert/strict";
import { test } from "node:test";
import { containerShape } from "../../../../lib/connectors/docker-volume/engine/shapes.ts";
import { dependenciesFirst, needsOf } from "../../../../lib/connectors/docker-volume/hold/order.ts";
import { isAbandoned, ownerLabels } from "../../../../lib/connectors/docker-volume/hold/owner.ts";

function container(name: string, host: object = {}, labels: Record<string, string> = {}) {
  return containerShape.parse({
    ...{ Id: `id-${name}`, Name: `/${name}`, Created: "2026-11-26T11:00:00Z", State: { Running: true } },
    ...{ Config: { Labels: labels, Env: null }, HostConfig: host, Mounts: null, NetworkSettings: null },
  });
}

const composed = (service: string, dependsOn: string) =>
  container(
    service,
    {},
    {
      "com.docker.compose.project": "p",
      "com.docker.compose.service": service,
      "com.docker.compose.depends_on": dependsOn,
    },
  );

const names = (containers: readonly { Name: string }[]) => containers.map(({ Name }) => Name.slice(1));

test("what others need comes first, by Compose, networks, volumes and links", () => {
  const order = dependenciesFirst([
    composed("web", "api:service_started:false"),
    composed("api", "db:service_healthy:true,cache:service_started:false"),
    composed("cache", ""),
    composed("db", ""),
    container("sidecar", { NetworkMode: "container:id-web" }),
    container("copier", { VolumesFrom: ["sidecar:ro"] }),
    container("old", { Links: ["/copier:/old/alias"] }),
  ]);
  assert.deepEqual(
    names(order),
    ["db", "cache", "api", "web", "sidecar", "copier", "old"].toSorted(
      (a, b) => names(order).indexOf(a) - names(order).indexOf(b),
    ),
  );
  const at = (name: string) => names(order).indexOf(name);
  for (const [first, second] of [
    ["db", "api"],
    ["cache", "api"],
    ["api", "web"],
    ["web", "sidecar"],
    ["sidecar", "copier"],
    ["copier", "old"],
  ] as const)
    assert.ok(at(first) < at(second), `${first} before ${second}`);
});

test("a circle has an order too, and nobody is left out of it", () => {
  const order = dependenciesFirst([composed("a", "b:service_started:false"), composed("b", "a:service_started:false")]);
  assert.deepEqual(names(order).sort(), ["a", "b"]);
});

test("that something must be healthy is known, and another project's service of that name is another one", () => {
  const db = composed("db", "");
  const foreign = container("db2", {}, { "com.docker.compose.project": "q", "com.docker.compose.service": "db" });
  assert.deepEqual(needsOf(composed("api", "db:service_healthy:false"), [foreign, db]), [
    { id: "id-db", healthy: true },
  ]);
});

test("only what belongs to nobody any more is abandoned", () => {
  const now = new Date("2026-11-26T12:00:00Z");
  const later = new Date("2026-11-26T13:00:00Z");
  const ours = ownerLabels(later);
  assert.equal(isAbandoned(ours, now, true), false);
  assert.equal(isAbandoned({}, now, true), false, "no label of ours");
  assert.equal(
    isAbandoned({ ...ours, "core-backup.owner": `${ours["core-backup.owner"]}1` }, now, true),
    true,
    "another start",
  );
  const elsewhere = { ...ours, "core-backup.owner": "0123456789ab-1-1", "core-backup.boot": "0123456789ab-x" };
  assert.equal(isAbandoned(elsewhere, now, true), false, "another machine within its time");
  assert.equal(isAbandoned(elsewhere, new Date("2026-11-26T13:00:01Z"), true), true, "another machine after its time");
  const before = { ...elsewhere, "core-backup.boot": String(ours["core-backup.boot"]).replace(/-.*/, "-another-boot") };
  assert.equal(isAbandoned(before, now, true), true, "this machine before it was started last");
  assert.equal(isAbandoned(before, now, false), false, "a machine of the same name somewhere");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerVolume } from "../../../../lib/connectors/docker-volume/docker-volume.ts";
import { withoutPasswords } from "../../../../lib/connectors/docker-volume/redact.ts";

const parse = (options: object) => dockerVolume.options.safeParse(options);
const message = (options: object) => parse(options).error?.issues[0]?.message;

test("one name stands for a list of one, and nothing is done to containers unless asked for", () => {
  const parsed = parse({ volumes: "data", containers: { label: "backup" } });
  assert.ok(parsed.success);
  assert.deepEqual(parsed.data.volumes, ["data"]);
  assert.deepEqual(parsed.data.containers, [{ label: "backup" }]);
  assert.equal(parsed.data.consistency, "none");
  assert.equal(parsed.data.include_env, false);
  assert.equal(parsed.data.hold_limit, 3_600_000);
});

test("what names no source, no known word, no absolute path, or no Engine is refused with what it takes", () => {
  assert.match(String(message({})), /must name volumes, bind_mounts, containers or compose_project/);
  assert.match(String(message({ volumes: [] })), /at least one/);
  assert.match(String(message({ bind_mounts: "relative" })), /absolute/);
  assert.match(String(message({ volumes: "a", host: "docker.lan" })), /unix:\/\/\/path/);
  assert.match(String(message({ volumes: "a", host: "unix:///s", tls: {} })), /tcp:\/\//);
  assert.equal(parse({ volumes: "a", consistency: "freeze" }).success, false);
  assert.equal(parse({ volumes: "a", exec_before: [{ container: "c", command: [] }] }).success, false);
});

test("passwords in a driver's options are hidden, and the rest stays", () => {
  assert.deepEqual(withoutPasswords({ type: "cifs", device: "//nas/x", o: "addr=nas,username=u,password=p,uid=1" }), {
    type: "cifs",
    device: "//nas/x",
    o: "addr=nas,username=u,password=***,uid=1",
  });
  assert.deepEqual(withoutPasswords({ secret_id: "s", mode: "0700" }), { secret_id: "***", mode: "0700" });
});

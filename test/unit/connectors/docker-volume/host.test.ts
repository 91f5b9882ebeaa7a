import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaultHost,
  HostFault,
  isPlaintext,
  parseHost,
} from "../../../../lib/connectors/docker-volume/engine/host.ts";

test("a host is a socket, a port or a machine behind ssh", () => {
  assert.deepEqual(parseHost("unix:///run/user/1000/docker.sock"), {
    kind: "unix",
    path: "/run/user/1000/docker.sock",
  });
  assert.deepEqual(parseHost("tcp://engine.lan:2376"), { kind: "tcp", host: "engine.lan", port: 2376 });
  assert.deepEqual(parseHost("tcp://[::1]:2375/"), { kind: "tcp", host: "::1", port: 2375 });
  assert.deepEqual(parseHost("ssh://ops@engine.lan:2222/run/docker.sock"), {
    kind: "ssh",
    destination: "ops@engine.lan",
    port: 2222,
    path: "/run/docker.sock",
  });
  assert.deepEqual(parseHost("ssh://engine"), {
    kind: "ssh",
    destination: "engine",
    port: undefined,
    path: "/var/run/docker.sock",
  });
});

test("what is no host, holds a password, or would be an option of ssh, is refused", () => {
  for (const text of [
    ...["", "engine", "http://engine", "unix://", "unix://relative", "tcp://engine", "tcp://engine:2375/path"],
    ...[
      "tcp://:2375",
      "ssh://",
      "ssh://me:secret@engine",
      "ssh://-oProxyCommand=x",
      "ssh://-l@engine",
      "npipe:////./pipe/docker",
    ],
  ])
    assert.throws(() => parseHost(text), HostFault, text);
});

test("without a host it is the one of the docker command, then the system's, then this user's own", () => {
  const exists = (path: string) => path === "/run/user/7/docker.sock";
  assert.equal(defaultHost({ DOCKER_HOST: "tcp://a:1" }, exists), "tcp://a:1");
  assert.equal(defaultHost({ XDG_RUNTIME_DIR: "/run/user/7" }, exists), "unix:///run/user/7/docker.sock");
  assert.equal(
    defaultHost({ XDG_RUNTIME_DIR: "/run/user/7" }, () => true),
    "unix:///var/run/docker.sock",
  );
  assert.equal(
    defaultHost({}, () => false),
    "unix:///var/run/docker.sock",
  );
});

test("plain TCP to another machine is told", () => {
  assert.equal(isPlaintext(parseHost("tcp://engine:2375"), false), true);
  assert.equal(isPlaintext(parseHost("tcp://engine:2376"), true), false);
  assert.equal(isPlaintext(parseHost("tcp://127.0.0.1:2375"), false), false);
  assert.equal(isPlaintext(parseHost("unix:///s"), false), false);
});

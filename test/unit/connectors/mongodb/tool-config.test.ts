import assert from "node:assert/strict";
import { type FileHandle, open, readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { toolConfig, toolUri } from "../../../../lib/connectors/mongodb/tool-config.ts";
import { programText } from "../../../../lib/process.ts";

const address = (uri: string, tls = {}) => ({
  uri,
  tls: { ca: undefined, certificateKey: undefined, certificateKeyPassword: undefined, ...tls },
  readPreference: undefined,
});

test("the tools get the URI without its database and without the times that they misread", () => {
  assert.equal(
    toolUri(address("mongodb://u:p@a,b/app?replicaSet=r&serverSelectionTimeoutMS=500&socketTimeoutMS=1")),
    "mongodb://u:p@a,b/?replicaSet=r&authSource=app",
  );
});

test("authorities and our certificate are named in the URI by descriptors, once", () => {
  const tls = { ca: "AUTHORITIES", certificateKey: "OURS", certificateKeyPassword: "a&b" };
  assert.equal(
    toolUri(address("mongodb://a/?tls=true&tlsCAFile=/old", tls)),
    "mongodb://a/?tls=true&tlsCAFile=%2Fdev%2Ffd%2F4&tlsCertificateKeyFile=%2Fdev%2Ffd%2F5&tlsCertificateKeyFilePassword=a%26b",
  );
  assert.match(toolUri(address("mongodb://a/", { certificateKey: "OURS" })), /tlsCertificateKeyFile=%2Fdev%2Ffd%2F4$/);
  assert.equal(toolUri(address("mongodb://a/")), "mongodb://a/");
});

test("no file has a name when it is written to; the first one says the URI, and the others what it names", async (context) => {
  const before = await readdir(tmpdir());
  await using own = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(own) as FileHandle;
  const { writeFile } = prototype;
  const writtenTo: string[] = [];
  context.mock.method(prototype, "writeFile", async function (this: FileHandle, text: string) {
    writtenTo.push(await readlink(`/proc/self/fd/${this.fd}`));
    return writeFile.call(this, text);
  });
  const config = await toolConfig(address("mongodb://u:c4nary@a/", { ca: "AUTHORITIES", certificateKey: "OURS" }));
  try {
    assert.equal(writtenTo.length, 3);
    for (const name of writtenTo) assert.match(name, /\(deleted\)$/);
    const paths = config.descriptors.map((fd) => `/proc/self/fd/${fd}`);
    for (const path of paths) assert.match(await readlink(path), /\(deleted\)$/);
    const [uri, ...others] = await Promise.all(paths.map((path) => readFile(path, "utf8")));
    assert.match(uri ?? "", /^uri: "mongodb:\/\/u:c4nary@a\/\?tls=true&/);
    assert.deepEqual(others, ["AUTHORITIES", "OURS"]);
    // The tools read each as often as they connect.
    const args = ["-c", "cat /dev/fd/4 /dev/fd/4 /dev/fd/5"];
    const { signal } = new AbortController();
    const read = await programText("sh", args, { signal, descriptors: config.descriptors });
    assert.equal(read, "AUTHORITIESAUTHORITIESOURS");
    const left = (await readdir(tmpdir())).filter(
      (name) => name.startsWith("core-backup-mongodb") && name.includes(`-${process.pid}-`),
    );
    assert.deepEqual(
      left.filter((name) => !before.includes(name)),
      [],
    );
  } finally {
    await config.close();
  }
});

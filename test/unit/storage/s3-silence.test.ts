import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  HeadObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";

const OBJECT = { Bucket: "backups", Key: "large.tar" };
const ANSWERS = {
  complete: "<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>",
  copy: "<CopyObjectResult><ETag>whole</ETag></CopyObjectResult>",
};

/** Answers what puts an object together once it is let, and nothing else ever. */
async function silentServer() {
  const { promise: isLet, resolve: letAnswer } = Promise.withResolvers<void>();
  const server = http.createServer((request, response) => {
    request.resume();
    if (request.method === "HEAD") return;
    const answer = request.method === "POST" ? ANSWERS.complete : ANSWERS.copy;
    void isLet.then(() => response.end(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    letAnswer,
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

for (const [what, send] of [
  [
    "an upload is put together",
    (client: S3Client) => client.send(new CompleteMultipartUploadCommand({ ...OBJECT, UploadId: "1" })),
  ],
  [
    "an object is copied",
    async (client: S3Client) =>
      (await client.send(new CopyObjectCommand({ ...OBJECT, CopySource: "backups/a" }))).CopyObjectResult,
  ],
] as const) {
  test(`while ${what} the server may be silent for longer than otherwise`, async () => {
    await using server = await silentServer();
    const client = createS3Client({
      endpoint: server.endpoint,
      region: "us-east-1",
      pathStyle: true,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      connection: connect({}),
      silence: { usualMs: 200, assemblyMs: 600_000 },
    });
    const together = send(client);
    // Begun later, and given up for its silence: so long the other one has been silent too.
    await assert.rejects(client.send(new HeadObjectCommand(OBJECT)), { name: "TimeoutError" });
    server.letAnswer();
    assert.equal((await together)?.ETag, "whole");
    client.destroy();
  });
}

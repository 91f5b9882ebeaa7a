import { after, before, describe } from "node:test";
import { storageContract } from "../contract/storage.ts";
import { noMinistack, noVersitygw, type S3Server, startMinistack, startVersitygw } from "../support/s3-server.ts";
import { storeOnS3 } from "../support/s3-store.ts";

for (const [name, skip, start] of [
  ["versitygw", noVersitygw, startVersitygw],
  ["MiniStack", noMinistack, startMinistack],
] as const) {
  describe(name, { skip }, () => {
    let server: S3Server;
    before(async () => {
      server = await start();
    });
    after(() => server[Symbol.asyncDispose]());
    storageContract(`s3 on ${name}`, () => storeOnS3(server));
  });
}

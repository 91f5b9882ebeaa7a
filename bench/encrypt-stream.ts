import { createReadStream, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import process from "node:process";
import { Readable } from "node:stream";
import { Encrypter } from "age-encryption";
import { type Bytes, CHUNK_BYTES } from "../lib/bytes.ts";
import { openDecryption, openEncryption } from "../lib/encryption/all.ts";
import { tuneGarbageCollection } from "../lib/garbage-collection.ts";

/**
 * A process of its own that encrypts or decrypts one file into nothing: `node encrypt-stream.ts HOW KEY FILE`, with HOW being
 * `encrypt`, `decrypt`, `library` or `gpg`. Prints what it took once everything was loaded.
 */
export interface EncryptedStream {
  readonly bytes: number;
  readonly cpuSeconds: number;
}

// As cli/main.ts does.
tuneGarbageCollection();
const [how = "", key = "", file = ""] = process.argv.slice(2);
const context = {
  secrets: { resolve: () => Promise.reject(new Error("a benchmark has no secrets")) },
  signal: new AbortController().signal,
};
let bytes = 0;
const { output, close } = await made();
const before = process.cpuUsage();
for await (const _ of output);
const { user, system } = process.cpuUsage(before);
await close();
process.stdout.write(`${JSON.stringify({ bytes, cpuSeconds: (user + system) / 1e6 } satisfies EncryptedStream)}\n`);

async function made(): Promise<{ output: AsyncIterable<unknown>; close(): Promise<void> }> {
  const none = { close: async () => {} };
  switch (how) {
    case "library": {
      bytes = statSync(file).size;
      const encrypter = new Encrypter();
      encrypter.addRecipient(key);
      return { output: await encrypter.encrypt(Readable.toWeb(createReadStream(file))), ...none };
    }
    case "decrypt": {
      const decryption = await openDecryption(
        "age",
        undefined,
        { key: readFileSync(key, "utf8"), source: key },
        context,
      );
      if (decryption === undefined) throw new Error(`${key} holds no key of age`);
      return { output: decryption.decrypt(read()), ...none };
    }
    case "gpg": {
      const encryption = await openEncryption({ type: "gpg", public_keys_file: key }, context);
      return { output: encryption.encrypt(read()), close: () => encryption.close() };
    }
    default: {
      const encryption = await openEncryption({ type: "age", recipients: [key] }, context);
      return { output: encryption.encrypt(read()), ...none };
    }
  }
}

async function* read(): Bytes {
  const handle = await open(file);
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  try {
    for (let turn = 0; ; turn += 1) {
      const buffer = buffers[turn % buffers.length] ?? Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength);
      if (bytesRead === 0) return;
      bytes += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { whyNoMounts } from "../support/mount-namespace.ts";

const skip = (await whyNoMounts()) ?? false;
const MODULE = join(import.meta.dirname, "../../lib/connectors/github/scratch-file.ts");

/** Downloads a file of two megabytes to a folder for temporary files that is a file system of its own. */
async function downloadTo(mountOptions: string): Promise<string> {
  const script = `
    const { scratchFile } = await import(${JSON.stringify(MODULE)});
    const download = async function* () { for (let n = 0; n < 32; n += 1) yield Buffer.alloc(65536); };
    try {
      const file = await scratchFile("test", download, { maxBytes: 1e9, signal: new AbortController().signal });
      await file.remove();
      console.log("stored");
    } catch (error) {
      console.log(error.name, error.code, error.message);
    }`;
  const shell = `mount -t tmpfs -o ${mountOptions} tmpfs /mnt && TMPDIR=/mnt "$0" --input-type=module -e "$1"; ls /mnt`;
  const args = ["--mount", "sh", "-c", shell, process.execPath, script];
  return (await promisify(execFile)("unshare", args)).stdout.trim();
}

test("a folder for temporary files that is full is told as that, by name", { skip }, async () => {
  assert.equal(await downloadTo("size=4m"), "stored");
  for (const full of ["size=1m", "size=4m,nr_inodes=1"])
    assert.equal(
      await downloadTo(full),
      "SourceError SCRATCH_FULL no space is left in the folder for temporary files, /mnt",
    );
});

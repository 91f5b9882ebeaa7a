import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type DockerEngine, dockerMissing } from "./docker-engine.ts";

const BUILD = join(import.meta.dirname, "../peers/container/build.sh");
const FOLDER = join(import.meta.dirname, "../peers/.bin/container");
const NAME = "core-backup-test/image:1";

/** False when the image of container/Dockerfile can be built and run here. In CI it can, or the test fails. */
export function imageMissing(): string | false {
  const noDocker = dockerMissing();
  if (noDocker !== false) return noDocker;
  try {
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    execFileSync("sh", ["-c", "command -v debootstrap"], { env, stdio: "ignore" });
    return false;
  } catch (error) {
    if (process.env.CI === "true") throw new Error("debootstrap is not installed", { cause: error });
    return "debootstrap is not installed";
  }
}

/** The image of this very checkout, built if that was not done yet, in `engine`. Answers its name there. */
export async function loadImage(engine: DockerEngine): Promise<string> {
  await promisify(execFile)("sh", [BUILD, FOLDER], { maxBuffer: 1 << 26 });
  await engine.docker("load", "--quiet", "--input", join(FOLDER, "image.tar"));
  return NAME;
}

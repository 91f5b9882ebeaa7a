import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configured } from "./core-backup.ts";

export interface FilesJob {
  readonly folder: string;
  readonly config: string;
  /** What is backed up. */
  readonly source: string;
  /** The storage's base_path. */
  readonly backups: string;
}

/** A configuration with a job `docs` of one folder with two files; `more` is YAML at the job's indentation. */
export async function filesJob(folder: string, more = ""): Promise<FilesJob> {
  const source = join(folder, "source");
  const backups = join(folder, "backups");
  await mkdir(join(source, "deep"), { recursive: true });
  await writeFile(join(source, "a.txt"), "first\n".repeat(500));
  await writeFile(join(source, "deep", "b.txt"), "second\n");
  const yaml = `jobs:
  - name: docs
    service: filesystem
    target_storage: local
    options:
      paths: [${source}]
${more}
storage:
  local: { type: filesystem, base_path: ${backups} }
`;
  return { folder, source, backups, config: await configured(folder, yaml) };
}

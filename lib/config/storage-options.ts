import * as z from "zod";
import { s3Options } from "./s3-options.ts";

/** What `storage:` may hold, told apart by `type`. Each type's storage is a file of lib/storage. */

const basePath = z
  .string()
  .min(1)
  .describe("Folder that holds the snapshots; made when it is absent. Relative to the working directory.");

export const storageKinds = {
  filesystem: z
    .strictObject({
      type: z.literal("filesystem").describe("A folder on a disk of this machine."),
      base_path: basePath,
    })
    .describe("Snapshots in a folder."),
  nfs: z
    .strictObject({
      type: z.literal("nfs").describe("A folder on a share that is mounted on this machine."),
      base_path: basePath,
      require_mount: z
        .boolean()
        .default(true)
        .describe(
          "Refuse to work while base_path lies on the root file system, so that an unmounted share never fills it.",
        ),
    })
    .describe("Snapshots in a folder of a mounted share."),
  s3: s3Options,
} as const;

export const storageSchema = z.discriminatedUnion("type", [storageKinds.filesystem, storageKinds.nfs, storageKinds.s3]);

export type StorageOptions = z.infer<typeof storageSchema>;

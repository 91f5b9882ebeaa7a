import * as z from "zod";

/** What is needed of the Engine's answers; the rest is let through. Lists and mappings that are empty come as null. */

const mapping = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);

const mountShape = z.looseObject({
  Type: z.string(),
  Name: z.string().optional(),
  Source: z.string().default(""),
  Destination: z.string(),
  RW: z.boolean().default(true),
});

export const volumeShape = z.looseObject({
  Name: z.string(),
  Driver: z.string(),
  Mountpoint: z.string().default(""),
  Labels: mapping,
  Options: mapping,
});

export const volumesShape = z.object({ Volumes: list(volumeShape) });

export const summaryShape = z.object({
  Id: z.string(),
  Names: list(z.string()),
  State: z.string().default(""),
  Labels: mapping,
  Mounts: list(mountShape),
  HostConfig: z.object({ NetworkMode: z.string().default("") }).default({ NetworkMode: "" }),
});

export const summariesShape = z.array(summaryShape);

export const containerShape = z.looseObject({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  State: z.looseObject({
    Running: z.boolean(),
    Paused: z.boolean().default(false),
    Health: z.looseObject({ Status: z.string() }).nullish(),
  }),
  Config: z.looseObject({ Labels: mapping, Env: list(z.string()) }),
  HostConfig: z.looseObject({
    AutoRemove: z.boolean().default(false),
    NetworkMode: z.string().default(""),
    VolumesFrom: list(z.string()),
    Links: list(z.string()),
    Mounts: z
      .array(
        z.looseObject({
          VolumeOptions: z.looseObject({ DriverConfig: z.looseObject({ Options: mapping }).nullish() }).nullish(),
        }),
      )
      .nullish(),
    LogConfig: z.looseObject({ Config: mapping }).nullish(),
  }),
  Mounts: list(mountShape),
  NetworkSettings: z
    .looseObject({
      Networks: z
        .record(z.string(), z.looseObject({}))
        .nullish()
        .transform((value) => value ?? {}),
    })
    .nullish()
    .transform((value) => value ?? { Networks: {} }),
});

export const infoShape = z.looseObject({
  DockerRootDir: z.string().default(""),
  SecurityOptions: list(z.string()),
  ServerVersion: z.string().default(""),
  OSType: z.string().default("linux"),
  Architecture: z.string().default(""),
});

export const createdShape = z.object({ Id: z.string() });
export const execStateShape = z.object({ Running: z.boolean(), ExitCode: z.number().nullable() });
export const networkShape = z.looseObject({ Name: z.string() });

export type Volume = z.infer<typeof volumeShape>;
export type ContainerSummary = z.infer<typeof summaryShape>;
export type Container = z.infer<typeof containerShape>;
export type Mount = z.infer<typeof mountShape>;

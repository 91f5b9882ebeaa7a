import type { Statement } from "./statement.ts";

/** A file system of Amazon EFS, as functions and tasks see it. */
export interface EfsMount {
  /** Where it is mounted: `/mnt/team`. */
  readonly path: string;
  /** `fs-…` */
  readonly fileSystem: string;
  /** `fsap-…` */
  readonly accessPoint: string;
}

const MOUNT = /^(\/mnt(?:\/[A-Za-z0-9_-]+)+)=(fs-[0-9a-f]{8,40})\/(fsap-[0-9a-f]{8,40})$/;

/** `--param=efs=/mnt/team=fs-…/fsap-…,/mnt/web=…`. @throws Error that says how it is written */
export function efsMounts(text: string): readonly EfsMount[] {
  const mounts = text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map(mountFrom);
  for (const [index, { path }] of mounts.entries()) {
    const other = mounts.slice(index + 1).find((one) => isBelow(one.path, path) || isBelow(path, one.path));
    if (other !== undefined) throw new Error(`--param=efs: ${path} and ${other.path} lie in each other`);
  }
  return mounts;
}

function mountFrom(text: string): EfsMount {
  const [, path, fileSystem, accessPoint] = MOUNT.exec(text) ?? [];
  if (path === undefined || fileSystem === undefined || accessPoint === undefined)
    throw new Error(`--param=efs=${text}: must be /mnt/NAME=fs-…/fsap-…, several separated by commas`);
  return { path, fileSystem, accessPoint };
}

/** The one that holds a path. */
export const mountOf = (mounts: readonly EfsMount[], path: string): EfsMount | undefined =>
  mounts.find((mount) => isBelow(path, mount.path));

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** One that a job reads its source of, or writes its snapshots to. */
export interface UsedMount extends EfsMount {
  readonly writes: boolean;
}

/** Volumes of a task definition, and where its container has them: encrypted on the way, and to read unless it writes there. */
export function efsVolumes(mounts: readonly UsedMount[]): {
  readonly volumes: readonly unknown[];
  readonly mountPoints: readonly unknown[];
} {
  return {
    volumes: mounts.map(({ fileSystem, accessPoint }, n) => ({
      Name: nameOf(n),
      EFSVolumeConfiguration: {
        FilesystemId: fileSystem,
        TransitEncryption: "ENABLED",
        AuthorizationConfig: { AccessPointId: accessPoint, IAM: "ENABLED" },
      },
    })),
    mountPoints: mounts.map(({ path, writes }, n) => ({
      ...{ SourceVolume: nameOf(n), ContainerPath: path, ReadOnly: !writes },
    })),
  };
}

const nameOf = (n: number): string => `efs${n}`;

/**
 * What may be done with them: mount them, by this access point alone, and read; writing is a right of its own. Root's access
 * counts only where the access point has the user 0, who may read everything.
 */
export const efsStatements = (mounts: readonly UsedMount[]): readonly Statement[] =>
  mounts.map(({ fileSystem, accessPoint, writes }) => ({
    Effect: "Allow",
    Action: [
      "elasticfilesystem:ClientMount",
      "elasticfilesystem:ClientRootAccess",
      ...(writes ? ["elasticfilesystem:ClientWrite"] : []),
    ],
    Resource: ofAccount(`file-system/${fileSystem}`),
    Condition: { ArnEquals: { "elasticfilesystem:AccessPointArn": ofAccount(`access-point/${accessPoint}`) } },
  }));

/** As a function mounts it. */
export const functionMount = ({ path, accessPoint }: EfsMount): unknown => ({
  localMountPath: path,
  arn: {
    // The framework takes no Fn::Sub here.
    "Fn::Join": [
      ":",
      [
        ...["arn", { Ref: "AWS::Partition" }, "elasticfilesystem", { Ref: "AWS::Region" }, { Ref: "AWS::AccountId" }],
        `access-point/${accessPoint}`,
      ],
    ],
  },
});

const ofAccount = (resource: string): unknown => ({
  "Fn::Sub": `arn:\${AWS::Partition}:elasticfilesystem:\${AWS::Region}:\${AWS::AccountId}:${resource}`,
});

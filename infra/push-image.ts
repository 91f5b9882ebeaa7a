import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import { tool } from "../lib/tool.ts";
import { BUILT_IMAGE } from "./task-options.ts";

/** What of the framework's provider is used: it makes the repository, and hands the registry's password to docker by its input. */
export interface ImageProvider {
  ensureDockerIsAvailable(): Promise<void>;
  getOrCreateEcrRepository(scanOnPush: boolean, maxImageCount: number): Promise<{ readonly repositoryUri: string }>;
  dockerLoginToEcr(): Promise<void>;
}

const ROOT = join(import.meta.dirname, "..");
const PLATFORMS = { X86_64: "linux/amd64", ARM64: "linux/arm64" } as const;
/** Older ones are cleared away; a stack that is rolled back finds its own. */
const KEPT_IMAGES = 10;

const taskDefinition = z.object({
  Properties: z.object({
    RuntimePlatform: z.object({ CpuArchitecture: z.enum(["X86_64", "ARM64"]) }),
    ContainerDefinitions: z.array(z.object({ Image: z.union([z.string(), z.object({ "Fn::Sub": z.string() })]) })),
  }),
});

/**
 * Builds and pushes the image that the template's tasks name, where that is one of this checkout, and is not there yet.
 * @throws Error when there is no Docker to build it
 */
export async function pushImage(
  template: unknown,
  provider: ImageProvider,
  say: (text: string) => void,
): Promise<void> {
  const wanted = imageOf(template);
  if (wanted === undefined) return;
  await provider.ensureDockerIsAvailable().catch((error: unknown) => {
    const message =
      "tasks need an image, and there is no Docker here to build it: install one, or give --param=image=URI";
    throw new Error(message, { cause: error });
  });
  const { repositoryUri } = await provider.getOrCreateEcrRepository(true, KEPT_IMAGES);
  await provider.dockerLoginToEcr();
  const image = `${repositoryUri}:${wanted.tag}`;
  if (await succeeds(["manifest", "inspect", image])) {
    say(`  image: ${image} (unchanged)`);
    return;
  }
  await docker([
    ...["build", "--platform", PLATFORMS[wanted.architecture], "--file", join(ROOT, "container/Dockerfile")],
    ...["--build-arg", `VERSION=${tool.version}`, "--tag", image, ROOT],
  ]);
  await docker(["push", image]);
  say(`  image: ${image}`);
}

function imageOf(template: unknown): { readonly tag: string; readonly architecture: "X86_64" | "ARM64" } | undefined {
  const { Resources } = z.object({ Resources: z.record(z.string(), z.unknown()) }).parse(template);
  for (const resource of Object.values(Resources)) {
    const { data } = taskDefinition.safeParse(resource);
    const image = data?.Properties.ContainerDefinitions[0]?.Image;
    const tag = typeof image === "object" ? BUILT_IMAGE.exec(image["Fn::Sub"])?.[1] : undefined;
    if (data !== undefined && tag !== undefined) {
      return { tag, architecture: data.Properties.RuntimePlatform.CpuArchitecture };
    }
  }
  return undefined;
}

const docker = (args: readonly string[]) => promisify(execFile)("docker", [...args], { maxBuffer: 1 << 26 });

const succeeds = (args: readonly string[]): Promise<boolean> =>
  docker(args).then(
    () => true,
    () => false,
  );

import { join } from "node:path";
import { SourceError } from "../errors.ts";
import { programText } from "../process.ts";
import { scratchFolder } from "../scratch.ts";
import { truncated } from "./byte-reader.ts";
import { judgeProgram, programFault } from "./fault.ts";
import { isolatedEnvironment } from "./git-program.ts";
import type { HttpRemote } from "./http-remote.ts";
import { hostOf } from "./redirect.ts";
import { type Head, type Listing, listingOf, type Ref } from "./refs.ts";
import { fetchFile } from "./transport-http.ts";

/** Over plain files there is no protocol that makes a pack, so git itself has to collect the files first. */
export interface Clone {
  readonly path: string;
  remove(): Promise<void>;
}

const MAX_LISTING_BYTES = 64 * 1024 * 1024;

/** A mirror in a temporary folder, which whoever calls must remove. @throws SourceError | TransientError */
export async function cloneDumb(remote: HttpRemote, signal: AbortSignal): Promise<Clone> {
  const { path: folder, remove } = await scratchFolder("clone");
  const path = join(folder, "repository.git");
  try {
    const head = await readHead(remote, signal);
    await git(["clone", "--quiet", "--mirror", "--", remote.url, path], remote, signal);
    if (head.target !== undefined) await git(["-C", path, "symbolic-ref", "HEAD", head.target], remote, signal);
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The refs as the files say, which is as true as the last `git update-server-info` there. */
export async function listDumb(remote: HttpRemote, signal: AbortSignal): Promise<Listing> {
  const text = (await readFile(remote, "info/refs", signal)) ?? "";
  const refs: Ref[] = [];
  for (const line of text.split("\n")) {
    const [oid = "", name = ""] = line.split("\t");
    if (line !== "" && !name.endsWith("^{}")) refs.push({ oid, name });
  }
  const { oid, target } = await readHead(remote, signal);
  const format = refs[0]?.oid.length === 64 ? "sha256" : "sha1";
  const headOid = oid ?? refs.find((ref) => ref.name === target)?.oid;
  return listingOf(refs, { oid: headOid, target }, format);
}

async function readHead(remote: HttpRemote, signal: AbortSignal): Promise<Head> {
  const text = ((await readFile(remote, "HEAD", signal)) ?? "").trim();
  if (text.startsWith("ref: ")) return { oid: undefined, target: text.slice(5).trim() };
  return { oid: /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined, target: undefined };
}

async function readFile(remote: HttpRemote, path: string, signal: AbortSignal): Promise<string | undefined> {
  const reader = await fetchFile(remote, path, signal);
  if (reader === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  let total = 0;
  try {
    for (let piece = await reader.some(); piece !== undefined; piece = await reader.some()) {
      pieces.push(piece);
      total += piece.byteLength;
      if (total > MAX_LISTING_BYTES)
        throw new SourceError("SOURCE_PROTOCOL", `${hostOf(remote.url)} sends a list of refs without end`);
    }
  } catch (error) {
    if (error instanceof RangeError) throw truncated(error);
    throw error;
  } finally {
    await reader.close();
  }
  return Buffer.concat(pieces).toString("latin1");
}

/** Credentials go by the environment, for this URL alone; a redirect is not followed with them. */
async function git(args: readonly string[], remote: HttpRemote, signal: AbortSignal): Promise<void> {
  const settings: [string, string][] = [["http.followRedirects", "false"]];
  if (remote.authorization !== undefined) {
    settings.push([`http.${remote.url}.extraHeader`, `Authorization: ${remote.authorization}`]);
  }
  const env: Record<string, string> = { ...isolatedEnvironment, GIT_CONFIG_COUNT: String(settings.length) };
  for (const [index, [key, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  try {
    await programText("git", args, {
      signal,
      env,
      proxyCredentials: true,
      judge: (exit) => judgeProgram("git", hostOf(remote.url), exit),
    });
  } catch (error) {
    throw programFault(error, "reading a repository that is served as plain files");
  }
}

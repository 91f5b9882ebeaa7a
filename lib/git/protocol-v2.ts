import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { tool } from "../tool.ts";
import { DELIMITER, FLUSH, type PacketReader, packetOf, packetText } from "./pkt-line.ts";
import { type Head, type Listing, listingOf, type ObjectFormat, objectFormatOf, type Ref } from "./refs.ts";
import { shallow } from "./shallow.ts";
import { firstBand } from "./side-band.ts";
import type { Transport } from "./transport.ts";

/** https://git-scm.com/docs/protocol-v2 */
export interface CapabilitiesV2 {
  readonly objectFormat: ObjectFormat;
  /** The server can tell where HEAD points although that branch has no commit yet. */
  readonly unborn: boolean;
  /** The server can leave objects out of a pack. */
  readonly filter: boolean;
  /** Sent back with each command, where the server advertised it. */
  readonly common: readonly string[];
}

/** Reads the rest of the greeting behind `version 2`. @throws SourceError `SOURCE_PROTOCOL` */
export async function capabilitiesV2(greeting: PacketReader): Promise<CapabilitiesV2> {
  const capabilities = new Map<string, string>();
  for (;;) {
    const packet = await greeting.expect();
    if (packet.type === "flush") break;
    if (packet.type !== "data") throw outOfPlace("the capabilities");
    const [name = "", ...value] = packetText(packet.data).split("=");
    capabilities.set(name, value.join("="));
  }
  for (const command of ["ls-refs", "fetch"]) {
    if (!capabilities.has(command))
      throw new SourceError("SOURCE_PROTOCOL", `the server does not offer the command ${command}`);
  }
  const format = capabilities.get("object-format");
  const common = capabilities.has("agent") ? [`agent=${tool.name}/${tool.version}`] : [];
  if (format !== undefined) common.push(`object-format=${format}`);
  return {
    objectFormat: objectFormatOf(format ?? "sha1"),
    unborn: (capabilities.get("ls-refs") ?? "").split(" ").includes("unborn"),
    filter: (capabilities.get("fetch") ?? "").split(" ").includes("filter"),
    common,
  };
}

/** `prefixes` undefined lists everything, hidden refs excepted. */
export async function listV2(
  transport: Transport,
  capabilities: CapabilitiesV2,
  prefixes: readonly string[] | undefined,
): Promise<Listing> {
  const wanted = (prefixes ?? []).map((prefix) => `ref-prefix ${prefix}`);
  const args = ["symrefs", ...(capabilities.unborn ? ["unborn"] : []), ...wanted];
  const answer = await transport.send(command("ls-refs", capabilities, args));
  const refs: Ref[] = [];
  let head: Head = { oid: undefined, target: undefined };
  for (;;) {
    const packet = await answer.expect();
    if (packet.type === "flush") return listingOf(refs, head, capabilities.objectFormat);
    if (packet.type !== "data") throw outOfPlace("the refs");
    const [oid = "", name = "", ...attributes] = packetText(packet.data).split(" ");
    if (name === "HEAD") head = { oid: oid === "unborn" ? undefined : oid, target: symrefTarget(attributes) };
    else refs.push({ oid, name });
  }
}

/** A pack with everything that `wants` reach. @throws SourceError `SOURCE_SHALLOW`, and what `firstBand` throws */
export async function* packV2(
  transport: Transport,
  capabilities: CapabilitiesV2,
  wants: readonly string[],
  { belowBytes }: { readonly belowBytes?: number } = {},
): Bytes {
  const filter = belowBytes !== undefined && capabilities.filter ? [`filter blob:limit=${belowBytes}`] : [];
  const args = ["ofs-delta", "no-progress", ...filter, ...wants.map((oid) => `want ${oid}`), "done"];
  const answer = await transport.send(command("fetch", capabilities, args));
  for (;;) {
    const packet = await answer.expect();
    if (packet.type === "delimiter") continue;
    if (packet.type !== "data") throw outOfPlace("the pack");
    const line = packetText(packet.data);
    if (line === "packfile") break;
    if (line.startsWith("shallow ")) throw shallow();
  }
  yield* firstBand(answer);
}

function command(name: string, capabilities: CapabilitiesV2, args: readonly string[]): Uint8Array {
  const head = [`command=${name}`, ...capabilities.common].map((line) => packetOf(`${line}\n`));
  return Buffer.concat([...head, DELIMITER, ...args.map((line) => packetOf(`${line}\n`)), FLUSH]);
}

function symrefTarget(attributes: readonly string[]): string | undefined {
  return attributes.find((attribute) => attribute.startsWith("symref-target:"))?.slice("symref-target:".length);
}

const outOfPlace = (where: string) =>
  new SourceError("SOURCE_PROTOCOL", `the server's answer breaks off inside ${where}`);

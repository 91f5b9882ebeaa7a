import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { tool } from "../tool.ts";
import { truncated } from "./byte-reader.ts";
import { FLUSH, type Packet, type PacketReader, packetOf, packetText } from "./pkt-line.ts";
import { type Listing, listingOf, type ObjectFormat, objectFormatOf, type Ref } from "./refs.ts";
import { shallow } from "./shallow.ts";
import { firstBand } from "./side-band.ts";
import type { Transport } from "./transport.ts";

/** What a server of protocol v0 or v1 says first. https://git-scm.com/docs/pack-protocol#_reference_discovery */
export interface AdvertisementV0 {
  readonly listing: Listing;
  readonly capabilities: readonly string[];
}

const NO_REFS = "capabilities^{}";

/** `first` is the packet that showed which protocol it is. @throws SourceError `SOURCE_PROTOCOL` | `SOURCE_SHALLOW` */
export async function advertisementV0(greeting: PacketReader, first: Packet): Promise<AdvertisementV0> {
  let capabilities: readonly string[] = [];
  const refs: Ref[] = [];
  let headOid: string | undefined;
  for (let packet = first, at = 0; packet.type !== "flush"; packet = await greeting.expect(), at += 1) {
    if (packet.type !== "data") throw new SourceError("SOURCE_PROTOCOL", "the server's list of refs breaks off");
    const [line = "", offered] = packetText(packet.data).split("\0");
    if (at === 0 && offered !== undefined) capabilities = offered.trim().split(" ");
    if (line.startsWith("shallow ")) throw shallow();
    const [oid = "", name = ""] = splitOnce(line);
    if (name === "HEAD") headOid = oid;
    // `name^{}` says what a tag points at, which the pack says too.
    else if (name !== NO_REFS && !name.endsWith("^{}")) refs.push({ oid, name });
  }
  const target = symrefOfHead(capabilities);
  return { listing: listingOf(refs, { oid: headOid, target }, formatOf(capabilities)), capabilities };
}

/** A pack with everything that `wants` reach. */
export async function* packV0(transport: Transport, offered: readonly string[], wants: readonly string[]): Bytes {
  const bands = ["side-band-64k", "side-band"].find((name) => offered.includes(name));
  const used = [bands, ...["ofs-delta", "no-progress"].filter((name) => offered.includes(name))];
  if (offered.some((name) => name.startsWith("agent="))) used.push(`agent=${tool.name}/${tool.version}`);
  if (offered.some((name) => name.startsWith("object-format="))) used.push(`object-format=${formatOf(offered)}`);
  const asked = used.filter((name) => name !== undefined).join(" ");
  const lines = wants.map((oid, index) => packetOf(index === 0 ? `want ${oid} ${asked}\n` : `want ${oid}\n`));
  const answer = await transport.send(Buffer.concat([...lines, FLUSH, packetOf("done\n")]));
  const acknowledged = await answer.expect();
  if (acknowledged.type !== "data" || packetText(acknowledged.data) !== "NAK") {
    throw new SourceError("SOURCE_PROTOCOL", "the server does not acknowledge the request");
  }
  if (bands !== undefined) return yield* firstBand(answer);
  yield* untilTheEnd(answer);
}

/** Without bands a pack just ends, and only its trailer tells whether it is whole. */
async function* untilTheEnd(answer: PacketReader): Bytes {
  for (let piece = await answer.bytes.some(); ; piece = await answer.bytes.some()) {
    if (piece === undefined) return;
    yield piece;
  }
}

/** Protocol v1 is v0 behind a line that says so. */
export async function firstRefPacket(greeting: PacketReader, first: Packet): Promise<Packet> {
  if (first.type !== "data" || packetText(first.data) !== "version 1") return first;
  const next = await greeting.packet();
  if (next === undefined) throw truncated();
  return next;
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(" ");
  return at === -1 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}

function symrefOfHead(capabilities: readonly string[]): string | undefined {
  return capabilities.find((capability) => capability.startsWith("symref=HEAD:"))?.slice("symref=HEAD:".length);
}

function formatOf(capabilities: readonly string[]): ObjectFormat {
  const named = capabilities.find((capability) => capability.startsWith("object-format="));
  return objectFormatOf(named?.slice("object-format=".length) ?? "sha1");
}

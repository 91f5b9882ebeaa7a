import type { Bytes } from "../bytes.ts";
import { cloneDumb, listDumb } from "./dumb.ts";
import type { HttpRemote } from "./http-remote.ts";
import { type Packet, packetText } from "./pkt-line.ts";
import { advertisementV0, firstRefPacket, packV0 } from "./protocol-v0.ts";
import { capabilitiesV2, listV2, packV2 } from "./protocol-v2.ts";
import { refPatterns } from "./ref-patterns.ts";
import { type Listing, tips } from "./refs.ts";
import type { GitRemote } from "./remote.ts";
import type { Transport } from "./transport.ts";
import { openHttp } from "./transport-http.ts";
import { openLocal, openSsh } from "./transport-process.ts";

/** One reading of a repository: what it holds, and then, if wanted, all of it. */
export interface Conversation {
  /** After the `refs:` option. */
  readonly listing: Listing;
  /** Patterns of the `refs:` option that no ref matches. */
  readonly unmatched: readonly string[];
  /** True when git had to clone into a temporary folder first. */
  readonly cloned: boolean;
  /** A pack of everything listed. Once. It ends only after the other side has ended well. */
  pack(options?: PackOptions): Bytes;
  close(): Promise<void>;
}

export interface PackOptions {
  /** Leaves files of this many bytes or more out, where the server can do that; else they come along. */
  readonly belowBytes?: number;
}

export interface ReadOptions {
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

/** Only what a repository holds; a clone is never made for it. @throws SourceError | TransientError */
export async function listRepository(repository: GitRemote, options: ReadOptions): Promise<Listing> {
  const peer = await openPeer(repository, options);
  if (peer.kind === "dumb") return refPatterns(repository.refs).keep(await listDumb(peer.remote, options.signal));
  try {
    const { listing } = await converse(peer.transport, repository);
    await peer.transport.finish();
    return listing;
  } finally {
    await peer.transport.close();
  }
}

/** Whoever calls must close it. @throws SourceError | TransientError */
export async function openConversation(repository: GitRemote, options: ReadOptions): Promise<Conversation> {
  const peer = await openPeer(repository, options);
  if (peer.kind === "smart") return closingOnFailure(peer.transport, repository, peer.transport.close);
  const clone = await cloneDumb(peer.remote, options.signal);
  const transport = openLocal(clone.path, options.signal);
  const conversation = await closingOnFailure(transport, repository, async () => {
    await transport.close();
    await clone.remove();
  });
  return { ...conversation, cloned: true };
}

type Peer =
  | { readonly kind: "smart"; readonly transport: Transport }
  | { readonly kind: "dumb"; readonly remote: HttpRemote };

async function openPeer(repository: GitRemote, { authorization, signal }: ReadOptions): Promise<Peer> {
  const { location } = repository;
  switch (location.kind) {
    case "local":
      return { kind: "smart", transport: openLocal(location.path, signal) };
    case "ssh":
      return { kind: "smart", transport: openSsh(location, repository, signal) };
    case "http": {
      const peer = await openHttp({ url: location.url, authorization }, signal);
      return peer.kind === "smart" ? peer : { kind: "dumb", remote: { url: peer.url, authorization } };
    }
  }
}

async function closingOnFailure(
  transport: Transport,
  repository: GitRemote,
  close: () => Promise<void>,
): Promise<Conversation> {
  try {
    return { ...(await converse(transport, repository)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Finds out which protocol the other side speaks, and lists. */
async function converse(transport: Transport, repository: GitRemote): Promise<Omit<Conversation, "close">> {
  const patterns = refPatterns(repository.refs);
  const first = await transport.greeting.expect();
  const { listing, pack } = isV2(first) ? await inV2() : await inV0();
  const kept = patterns.keep(listing);
  return {
    listing: kept,
    unmatched: patterns.unmatched(listing),
    cloned: false,
    async *pack(options = {}) {
      yield* pack(tips(kept), options);
      await transport.finish();
    },
  };

  async function inV2() {
    const capabilities = await capabilitiesV2(transport.greeting);
    const listed = await listV2(transport, capabilities, patterns.prefixes);
    return {
      listing: listed,
      pack: (wants: readonly string[], options: PackOptions) => packV2(transport, capabilities, wants, options),
    };
  }

  async function inV0() {
    const advertised = await advertisementV0(transport.greeting, await firstRefPacket(transport.greeting, first));
    const { capabilities } = advertised;
    return { listing: advertised.listing, pack: (wants: readonly string[]) => packV0(transport, capabilities, wants) };
  }
}

const isV2 = (first: Packet): boolean => first.type === "data" && packetText(first.data) === "version 2";

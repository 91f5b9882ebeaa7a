import type { PacketReader } from "./pkt-line.ts";

/** A way to talk with an `upload-pack`, whatever lies between. One conversation, one thing at a time. */
export interface Transport {
  /** What the other side says first: its capabilities, and in the old protocol its refs. */
  readonly greeting: PacketReader;
  /** Sends one request, whole, and answers where its reply is read. */
  send(request: Uint8Array): Promise<PacketReader>;
  /** Says goodbye, and waits until the other side has ended well. @throws when it has not, or still had something to say */
  finish(): Promise<void>;
  /** Releases everything, at whatever point the conversation is. Harmless when repeated. */
  close(): Promise<void>;
}

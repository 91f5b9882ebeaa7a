import { createSocket } from "node:dgram";
import dns from "node:dns";
import { once } from "node:events";

/** What a name server of one zone says: host and port of SRV records, and texts, by name. */
export interface Zone {
  readonly srv: Readonly<Record<string, readonly { readonly host: string; readonly port: number }[]>>;
  readonly txt: Readonly<Record<string, readonly string[]>>;
}

const [TXT, SRV] = [16, 33];
const NO_SUCH_NAME = 3;
const HEADER_BYTES = 12;

/**
 * The name server of this process from now on, for SRV and TXT, and 127.0.0.1 for every host of `.test`: what a
 * `mongodb+srv://` address asks before anything else.
 */
export async function useDnsServer(zone: Zone): Promise<AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => socket.send(answerTo(query, zone), port, address));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const [servers, { lookup }] = [dns.getServers(), dns];
  dns.setServers([`127.0.0.1:${socket.address().port}`]);
  dns.lookup = Object.assign(
    (host: string, ...rest: never[]) =>
      Reflect.apply(lookup, dns, [host.endsWith(".test") ? "127.0.0.1" : host, ...rest]),
    lookup,
  );
  return {
    async [Symbol.asyncDispose]() {
      dns.lookup = lookup;
      dns.setServers(servers);
      socket.close();
      await once(socket, "close");
    },
  };
}

function answerTo(query: Buffer, { srv, txt }: Zone): Buffer {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(HEADER_BYTES, at + 5);
  const type = query.readUInt16BE(at + 1);
  const name = labels.join(".").toLowerCase();
  const records =
    type === SRV
      ? (srv[name] ?? []).map(({ host, port }) => Buffer.concat([uint16s(0, 0, port), nameBytes(host)]))
      : type === TXT
        ? (txt[name] ?? []).map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]))
        : [];
  const flags = 0x8180 | (records.length === 0 ? NO_SUCH_NAME : 0);
  const head = Buffer.concat([query.subarray(0, 2), uint16s(flags, 1, records.length, 0, 0)]);
  // Each begins with a pointer to the name of the question.
  const answers = records.map((data) => Buffer.concat([uint16s(0xc00c, type, 1, 0, 60, data.byteLength), data]));
  return Buffer.concat([head, question, ...answers]);
}

const nameBytes = (name: string): Buffer =>
  Buffer.concat([
    ...name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.alloc(1),
  ]);

function uint16s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

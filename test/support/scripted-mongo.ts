import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { BSON, type Document, Long } from "mongodb";
import type { ServerCertificate } from "./certificates.ts";
import { type Request, replyBytes, requestsIn } from "./mongo-wire.ts";

/** A collection, byte for byte as the server is to give it. */
export interface ScriptedCollection {
  readonly name: string;
  readonly type?: "collection" | "view" | "timeseries";
  readonly options?: Document;
  readonly uuid?: BSON.UUID;
  /** Beside that of `_id`. */
  readonly indexes?: readonly (Document | Uint8Array)[];
  readonly documents?: readonly Uint8Array[];
}

/** One command as it came. */
export interface Command {
  readonly name: string;
  readonly db: string;
  readonly body: Document;
  /** The collection that it is about, also for getMore. */
  readonly collection: string;
  /** The name in the certificate that was shown. */
  readonly certificate: string | undefined;
}

/** In place of the usual answer: a document, an error, a connection that breaks, or nothing for ever. */
export type Answer = Document | { readonly code: number; readonly errmsg: string } | "hang up" | "silence" | undefined;

export interface ScriptedMongoOptions {
  readonly databases: Readonly<Record<string, readonly ScriptedCollection[]>>;
  readonly version?: string;
  /** Over the usual answer to `hello`: `{ setName, hosts }`, `{ msg: "isdbgrid" }`. */
  readonly hello?: (address: string) => Document;
  /** Added to every answer, as replica sets do: `operationTime`. */
  readonly everyAnswer?: Document | ((command: Command) => Document);
  readonly answer?: (command: Command) => Answer;
  /** Speaks TLS, and wants a certificate of the same authority. */
  readonly tls?: ServerCertificate;
}

export interface ScriptedMongo extends AsyncDisposable {
  readonly uri: string;
  readonly seen: readonly Command[];
  /** What there is now: writes arrive here. */
  readonly databases: Map<
    string,
    Map<string, Required<Omit<ScriptedCollection, "uuid">> & { readonly uuid?: BSON.UUID }>
  >;
}

const WIRE_VERSION = 21;

/** A MongoDB server of this process: it gives what the script says, byte for byte, and fails where the script says. */
export async function startScriptedMongo(options: ScriptedMongoOptions): Promise<ScriptedMongo> {
  const seen: Command[] = [];
  const sockets = new Set<Socket>();
  const databases: ScriptedMongo["databases"] = new Map();
  for (const [db, collections] of Object.entries(options.databases)) {
    databases.set(db, new Map(collections.map((one) => [one.name, withDefaults(one)])));
  }
  const cursors = new Map<string, Buffer[]>();
  let lastCursor = 0;
  const server = listener(options.tls, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let held = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      const { requests, rest } = requestsIn(Buffer.concat([held, chunk]));
      held = Buffer.from(rest);
      for (const request of requests) serve(socket, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  function serve(socket: Socket, request: Request): void {
    const [name = ""] = Object.keys(request.body);
    const { body } = request;
    const collection = String(name === "getMore" ? body.collection : body[name]);
    const certificate = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject?.CN) : undefined;
    const command = { name, db: String(body.$db ?? "admin"), body, collection, certificate };
    seen.push(command);
    const scripted = options.answer?.(command);
    if (scripted === "silence") return;
    if (scripted === "hang up") {
      socket.destroy();
      return;
    }
    const answer = scripted ?? usual(command, request);
    const more = typeof options.everyAnswer === "function" ? options.everyAnswer(command) : (options.everyAnswer ?? {});
    socket.write(replyBytes(request, answerBytes(answer, more)));
  }

  function usual({ name, db, body, collection }: Command, request: Request): Document | Buffer {
    const here = databases.get(db) ?? new Map();
    const found = here.get(collection);
    switch (name.toLowerCase()) {
      case "hello":
      case "ismaster":
        return hello(address, options.hello);
      case "ping":
      case "endsessions":
      case "killcursors":
        return {};
      case "buildinfo":
        return { version: options.version ?? "7.0.12" };
      case "listdatabases":
        return { databases: [...databases.keys()].map((one) => ({ name: one })) };
      case "dbstats":
        return { dataSize: sum([...here.values()].flatMap(({ documents }) => documents)) };
      case "listcollections": {
        const wanted = [...here.values()].filter(
          (one) => body.filter?.name === undefined || body.filter.name === one.name,
        );
        return cursorReply(db, "$cmd.listCollections", wanted.map(listingOf).map(serialized), 1000);
      }
      case "listindexes":
        return found === undefined
          ? missing(db, collection)
          : cursorReply(db, collection, found.indexes.map(serialized), 1000);
      case "count":
        return { n: found?.documents.length ?? 0 };
      case "find": {
        const matching = (found?.documents ?? []).filter((one: Uint8Array) => matches(one, body.filter ?? {}));
        return cursorReply(db, collection, matching.map(asBuffer), body.batchSize ?? 101);
      }
      case "getmore": {
        const left = cursors.get(String(body.getMore));
        return left === undefined
          ? { ok: 0, code: 43, codeName: "CursorNotFound", errmsg: `cursor id ${body.getMore} not found` }
          : nextBatch(db, collection, String(body.getMore), left, body.batchSize ?? 1000);
      }
      case "create":
        return created(here, db, body);
      case "insert": {
        const into = found ?? withDefaults({ name: collection });
        const documents = [
          ...into.documents,
          ...(request.sequences.get("documents") ?? (body.documents ?? []).map(serialized)),
        ];
        databases.set(db, new Map([...here, [collection, { ...into, documents }]]));
        return { n: documents.length - into.documents.length };
      }
      case "createindexes": {
        const { indexes } = BSON.deserialize(request.raw, { fieldsAsRaw: { indexes: true } });
        here.set(collection, { ...found, indexes: [...found.indexes, ...indexes] });
        return {};
      }
      case "dropdatabase":
        databases.delete(db);
        return {};
      default:
        return { ok: 0, code: 59, codeName: "CommandNotFound", errmsg: `no such command: '${name}'` };
    }
  }

  function created(here: Map<string, unknown>, db: string, { create, ...rest }: Document): Document {
    if (here.has(create)) return { ok: 0, code: 48, errmsg: "Collection already exists." };
    const options = Object.fromEntries(Object.entries(rest).filter(([key]) => !/^(\$|lsid|txnNumber)/.test(key)));
    const type = "viewOn" in options ? "view" : "timeseries" in options ? "timeseries" : "collection";
    databases.set(db, new Map([...(databases.get(db) ?? []), [create, withDefaults({ name: create, type, options })]]));
    return {};
  }

  function cursorReply(db: string, collection: string, documents: readonly Buffer[], batchSize: number): Buffer {
    lastCursor += 1;
    return nextBatch(db, collection, String(lastCursor), [...documents], batchSize, "firstBatch");
  }

  function nextBatch(
    db: string,
    collection: string,
    id: string,
    left: Buffer[],
    size: number,
    field = "nextBatch",
  ): Buffer {
    const batch = left.splice(0, size);
    if (left.length > 0) cursors.set(id, left);
    else cursors.delete(id);
    const cursor = { id: Long.fromString(left.length > 0 ? id : "0"), ns: `${db}.${collection}` };
    return withField(serialized({}), "cursor", 3, withField(serialized(cursor), field, 4, arrayOf(batch)));
  }

  return {
    uri: `mongodb://${address}`,
    seen,
    databases,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function listener(tls: ServerCertificate | undefined, onSocket: (socket: Socket) => void): Server {
  if (tls === undefined) return createServer(onSocket);
  const [cert, key, ca] = [tls.certFile, tls.keyFile, tls.caFile].map((file) => readFileSync(file));
  return createTlsServer({ cert, key, ca, requestCert: true }, onSocket);
}

function withDefaults({
  type = "collection",
  options = {},
  indexes = [],
  documents = [],
  ...rest
}: ScriptedCollection) {
  const all =
    type === "view" ? [] : [...(type === "timeseries" ? [] : [{ v: 2, key: { _id: 1 }, name: "_id_" }]), ...indexes];
  return { ...rest, type, options, indexes: all, documents };
}

function listingOf({ name, type, options, uuid }: ScriptedCollection): Document {
  return {
    name,
    type,
    options: options ?? {},
    info: { readOnly: type === "view", ...(uuid === undefined ? {} : { uuid }) },
  };
}

function hello(address: string, more: ScriptedMongoOptions["hello"]): Document {
  return {
    ...{
      isWritablePrimary: true,
      maxBsonObjectSize: 16_777_216,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
    },
    ...{ localTime: new Date(0), logicalSessionTimeoutMinutes: 30, minWireVersion: 0, maxWireVersion: WIRE_VERSION },
    ...more?.(address),
  };
}

const missing = (db: string, name: string) => ({
  ok: 0,
  code: 26,
  codeName: "NamespaceNotFound",
  errmsg: `ns does not exist: ${db}.${name}`,
});

/** Equality of fields at the top, which is all that is asked of users and roles. */
function matches(document: Uint8Array, filter: Document): boolean {
  const entries = Object.entries(filter);
  if (entries.length === 0) return true;
  const fields = BSON.deserialize(document);
  return entries.every(([key, value]) => fields[key] === value);
}

function answerBytes(answer: Document | Buffer, more: Document): Buffer {
  const added = Buffer.isBuffer(answer) ? { ok: 1, ...more } : { ok: "code" in answer ? 0 : 1, ...more, ...answer };
  const fields = serialized(added);
  return Buffer.isBuffer(answer) ? merged(answer, fields) : fields;
}

const serialized = (document: Document | Uint8Array): Buffer =>
  Buffer.from(document instanceof Uint8Array ? document : BSON.serialize(document));
/** Not a copy: a benchmark has the same few documents a million times. */
const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
const sum = (pieces: readonly Uint8Array[]): number => pieces.reduce((total, { byteLength }) => total + byteLength, 0);

/** A document that was serialized, with a field more, which is BSON already. */
function withField(document: Buffer, name: string, type: number, value: Buffer): Buffer {
  const element = Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
  return closed([document.subarray(4, -1), element]);
}

const merged = (one: Buffer, other: Buffer): Buffer => closed([one.subarray(4, -1), other.subarray(4, -1)]);

function arrayOf(documents: readonly Buffer[]): Buffer {
  return closed(documents.flatMap((document, index) => [Buffer.from(`\x03${index}\0`), document]));
}

function closed(elements: readonly Buffer[]): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32LE(5 + sum(elements));
  return Buffer.concat([length, ...elements, Buffer.alloc(1)]);
}

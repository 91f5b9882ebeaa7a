/** The few kinds of element that an archive's own documents have. Elements go into `bsonDocument` in the order they are given. */

export const textElement = (name: string, value: string): Buffer => {
  const text = Buffer.from(value, "utf8");
  return Buffer.concat([head(0x02, name), int32Bytes(text.byteLength + 1), text, ZERO]);
};

export const int32Element = (name: string, value: number): Buffer =>
  Buffer.concat([head(0x10, name), int32Bytes(value)]);

export const int64Element = (name: string, value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return Buffer.concat([head(0x12, name), bytes]);
};

export const booleanElement = (name: string, value: boolean): Buffer =>
  Buffer.concat([head(0x08, name), Buffer.from([value ? 1 : 0])]);

/** An element whose value is BSON already. */
export const element = (type: number, name: string, value: Buffer): Buffer => Buffer.concat([head(type, name), value]);

/** A document of these elements, its length in front and a zero byte behind. */
export function bsonDocument(...elements: readonly Buffer[]): Buffer {
  const length = elements.reduce((total, element) => total + element.byteLength, 5);
  return Buffer.concat([int32Bytes(length), ...elements, ZERO], length);
}

const ZERO = Buffer.alloc(1);

const head = (type: number, name: string) => Buffer.concat([Buffer.from([type]), Buffer.from(name, "utf8"), ZERO]);

function int32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

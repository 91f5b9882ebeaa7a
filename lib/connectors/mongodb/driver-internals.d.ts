/** What the driver uses for its own bulk writes: the one way to send documents that are BSON already. */
declare module "mongodb/lib/cmap/commands.js" {
  export class DocumentSequence {
    constructor(field: string);
    push(document: object, bytes: Uint8Array): number;
  }
}

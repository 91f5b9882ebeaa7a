import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import path from "node:path";
import { createServer } from "node:tls";
import { makeServerCertificate } from "../test/support/certificates.ts";

export interface TlsDoor extends AsyncDisposable {
  readonly port: number;
  /** What its clients have to trust. */
  readonly caFile: string;
}

/** `https://localhost:PORT` before a server of plain HTTP, for clients that take no other. Its certificate is made in `folder`. */
export async function tlsDoor(folder: string, port: number): Promise<TlsDoor> {
  await mkdir(path.join(folder, "tls"));
  const certificate = await makeServerCertificate(path.join(folder, "tls"));
  const options = { cert: await readFile(certificate.certFile), key: await readFile(certificate.keyFile) };
  const door = createServer(options, (socket) => {
    const inner = connect(port, "127.0.0.1");
    inner.on("error", () => socket.destroy());
    socket.on("error", () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return {
    port: (door.address() as AddressInfo).port,
    caFile: certificate.caFile,
    async [Symbol.asyncDispose]() {
      door.close();
    },
  };
}

import { existsSync } from "node:fs";
import path from "node:path";
import { startListening } from "./listening.ts";

const PROGRAM = process.env.CORE_BACKUP_TEST_OTLP ?? path.join(import.meta.dirname, "..", "peers", ".bin", "otlp");

/** Why tests with it are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noOtlpReceiver: string | false =
  existsSync(PROGRAM) || process.env.CI !== undefined ? false : "no OTLP receiver: test/peers/otlp/build.sh builds it";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, string>> }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

interface Received {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: ReceivedSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
}

/** The reader of OpenTelemetry's collector, which answers 400 to what the published schema does not have. */
export async function startOtlpReceiver() {
  const server = await startListening((port) => ({ program: PROGRAM, args: [`127.0.0.1:${port}`] }));
  const url = `http://127.0.0.1:${server.port}`;
  const received = async () => JSON.parse(await (await fetch(`${url}/received`)).text()) as Received[];
  return {
    url,
    requests: async () => (await received()).length,
    spans: async () =>
      (await received()).flatMap(({ resourceSpans = [] }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

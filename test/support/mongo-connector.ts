import { bytesOf } from "../../lib/bytes.ts";
import type { Connector, Proof, ProvenArtifact, Warning } from "../../lib/connectors/connector.ts";
import { mongodb } from "../../lib/connectors/mongodb/mongodb.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";
import { type Collected, collectAll, context, never } from "../contract/connector.ts";

export interface OpenedConnector extends AsyncDisposable {
  readonly connector: Connector;
  /** Takes secrets out, as every message that leaves the process is treated. */
  redact(text: string): string;
  /** All of one database's items, and what was warned of. */
  collect(
    database: string,
    signal?: AbortSignal,
  ): Promise<{ readonly items: readonly Collected[]; readonly warnings: readonly Warning[] }>;
  prove(artifact: ProvenArtifact, bytes: Uint8Array, full?: boolean): Promise<Proof>;
}

/** A connector with options as in a configuration, and the variables that they name. */
export async function openMongodb(
  options: object,
  env: Readonly<Record<string, string>> = {},
): Promise<OpenedConnector> {
  const redaction = createRedaction();
  const secrets = createSecretResolver({ env, redaction, signal: never() });
  const given = { secrets, redaction, now: () => new Date(), avoid: [] };
  const connector = await mongodb.create(mongodb.options.parse(options), given);
  return {
    connector,
    redact: redaction.redact,
    async collect(database, signal) {
      const collecting = context(signal);
      const unit = { id: database, compute: "lambda", input: {} } as const;
      return { items: await collectAll(connector, unit, collecting), warnings: collecting.warnings };
    },
    prove: (artifact, bytes, full = false) => connector.prove(artifact, bytesOf(bytes), { full, signal: never() }),
    [Symbol.asyncDispose]: () => connector.cleanup(),
  };
}

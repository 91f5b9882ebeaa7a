export interface OtlpSettings {
  readonly url: string;
  /** May hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly resource: Readonly<Record<string, string>>;
  /** What the run is a part of. */
  readonly parent?: { readonly traceId: string; readonly spanId: string };
}

type Env = Readonly<Record<string, string | undefined>>;

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 60_000;

/**
 * What OpenTelemetry's usual variables ask for; undefined where they ask for nothing.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and, for TRACEPARENT, https://www.w3.org/TR/trace-context/
 */
export function otlpSettings(env: Env): OtlpSettings | undefined {
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || undefined;
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined;
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none";
  if (isOff || (own === undefined && base === undefined)) return undefined;
  const given = Number(env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT || env.OTEL_EXPORTER_OTLP_TIMEOUT);
  const parent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(env.TRACEPARENT ?? "");
  return {
    url: own ?? `${base?.replace(/\/+$/, "")}/v1/traces`,
    headers: pairs(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS || env.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMs: given > 0 ? Math.min(given, MAX_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS,
    resource: {
      ...pairs(env.OTEL_RESOURCE_ATTRIBUTES),
      "service.name": env.OTEL_SERVICE_NAME || pairs(env.OTEL_RESOURCE_ATTRIBUTES)["service.name"] || "core-backup",
    },
    ...(parent?.[1] === undefined || parent[2] === undefined
      ? {}
      : { parent: { traceId: parent[1], spanId: parent[2] } }),
  };
}

/** `key=value,key=value`, percent-encoded, as in W3C Baggage. */
function pairs(text: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of (text ?? "").split(",")) {
    const at = part.indexOf("=");
    if (at <= 0) continue;
    found[decoded(part.slice(0, at).trim())] = decoded(part.slice(at + 1).trim());
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded after all: it is meant as it stands.
    return text;
  }
}

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../lib/config/load.ts";
import { openNotifier } from "../../lib/notifiers/all.ts";
import type { Notifier } from "../../lib/notifiers/notifier.ts";
import { createRedaction, type Redaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";

type Options = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string>>;

/** A notifier as a run gets it: its options through a configuration, its secrets through the resolver. */
export async function openedNotifier(
  options: Options,
  env: Environment,
): Promise<{ readonly notifier: Notifier; readonly redaction: Redaction }> {
  const given = (await loadedNotifications(options, env)).told;
  assert.ok(given !== undefined);
  const redaction = createRedaction();
  const { signal } = new AbortController();
  const secrets = createSecretResolver({ env, redaction, signal });
  return { notifier: await openNotifier(given, { secrets, redaction }), redaction };
}

/** What a configuration with one notifier `told` of these options gives. @throws ConfigError */
export async function loadedNotifications(options: Options, env: Environment) {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-notifier-"));
  const file = join(folder, "core-backup.yml");
  const config = {
    jobs: [{ name: "docs", service: "filesystem", options: { paths: "docs" } }],
    storage: { local: { type: "filesystem", base_path: join(folder, "backups") } },
    notifications: { told: options },
  };
  try {
    await writeFile(file, JSON.stringify(config, null, 2));
    return (await loadConfig(file, { env })).notifications;
  } finally {
    await rm(folder, { recursive: true });
  }
}

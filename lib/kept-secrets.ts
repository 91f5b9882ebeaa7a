import type { KeptSecrets } from "./secrets/secrets.ts";

interface Kept {
  readonly value: string;
  readonly readAt: number;
}

/**
 * Secrets for as long as a function stays warm, so that a run over thousands of units does not ask for one thousands of
 * times. Each is read again after `ttlMs`, and all of them once someone refused what was kept: it may have been rotated.
 */
export function keptSecrets(ttlMs: number, now: () => Date): KeptSecrets {
  const kept = new Map<string, Kept>();
  let used = false;
  return {
    begin() {
      used = false;
    },
    get(key) {
      const found = kept.get(key);
      if (found === undefined || now().getTime() - found.readAt >= ttlMs) return undefined;
      used = true;
      return found.value;
    },
    set(key, value) {
      kept.set(key, { value, readAt: now().getTime() });
    },
    forgetUsed() {
      if (used) kept.clear();
      return used;
    },
  };
}

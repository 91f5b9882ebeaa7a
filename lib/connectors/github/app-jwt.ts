import { createPrivateKey, createSign } from "node:crypto";
import { ConfigError } from "../../errors.ts";

/** GitHub takes at most ten minutes, and its clock may be behind ours. */
const LIFE_S = 540;
const CLOCK_SKEW_S = 60;

/**
 * What a GitHub App shows to get tokens. https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 * @throws ConfigError for what is no RSA private key in PEM
 */
export function appJwt(appId: string, privateKeyPem: string, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000);
  const claims = { iat: seconds - CLOCK_SKEW_S, exp: seconds + LIFE_S, iss: appId };
  const head = `${encoded({ alg: "RS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${head}.${createSign("RSA-SHA256").update(head).sign(keyOf(privateKeyPem)).toString("base64url")}`;
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Variables often hold the key with `\n` spelled out. */
function keyOf(pem: string) {
  try {
    const key = createPrivateKey(pem.includes("\n") ? pem : pem.replaceAll("\\n", "\n"));
    if (key.asymmetricKeyType === "rsa") return key;
  } catch (error) {
    throw new ConfigError("the private key of the GitHub App is no private key in PEM", { cause: error });
  }
  throw new ConfigError("the private key of the GitHub App is no RSA key");
}

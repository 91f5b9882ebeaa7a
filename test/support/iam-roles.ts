import assert from "node:assert/strict";
import type { S3Server } from "./s3-server.ts";

export interface Policy {
  readonly Statement: readonly { readonly Action: string | readonly string[] }[];
}

export interface Roles {
  /** Name of the role that the template calls so. */
  named(logicalId: string): string;
  /** Takes a right away from a role while `work` is done. */
  without<T>(logicalId: string, action: string, work: () => Promise<T>): Promise<T>;
  /** Lets the root take the role on, as its service does. */
  trusting(logicalId: string): Promise<string>;
}

/** The roles that an emulator has after a deployment, looked at and changed as its root. */
export async function rolesOf(cloud: S3Server): Promise<Roles> {
  const listed = await ask(cloud, "ListRoles");
  const names = texts(listed, "RoleName");
  const named = (logicalId: string) => {
    const found = names.filter((name) => name.includes(`-${logicalId}-`));
    assert.equal(found.length, 1, `${logicalId} among ${names.join(", ")}`);
    return found[0] ?? "";
  };
  return {
    named,
    async without(logicalId, action, work) {
      const RoleName = named(logicalId);
      const [PolicyName = ""] = texts(await ask(cloud, "ListRolePolicies", { RoleName }), "member");
      const [written = ""] = texts(await ask(cloud, "GetRolePolicy", { RoleName, PolicyName }), "PolicyDocument");
      const before = decoded(written);
      const policy = JSON.parse(before) as Policy;
      const Statement = policy.Statement.map((one) => ({
        ...one,
        Action: [one.Action].flat().filter((had) => had !== action),
      }));
      assert.notDeepEqual(Statement, policy.Statement, `${logicalId} has ${action}`);
      const less = { ...policy, Statement: Statement.filter(({ Action }) => Action.length > 0) };
      await ask(cloud, "PutRolePolicy", { RoleName, PolicyName, PolicyDocument: JSON.stringify(less) });
      try {
        return await work();
      } finally {
        await ask(cloud, "PutRolePolicy", { RoleName, PolicyName, PolicyDocument: before });
      }
    },
    async trusting(logicalId) {
      const RoleName = named(logicalId);
      const [arn = ""] = texts(await ask(cloud, "GetRole", { RoleName }), "Arn");
      const Principal = { AWS: arn.replace(/:role\/.*$/, ":root") };
      const Statement = [{ Effect: "Allow", Principal, Action: "sts:AssumeRole" }];
      const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
      await ask(cloud, "UpdateAssumeRolePolicy", { RoleName, PolicyDocument });
      return arn;
    },
  };
}

/** The emulator takes any signature of its root, so no client is needed for these few questions. */
async function ask(
  { endpoint, region, credentials }: S3Server,
  action: string,
  params: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20260101/${region}/iam/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: new URLSearchParams({ Action: action, Version: "2010-05-08", ...params }).toString(),
  });
  const text = await response.text();
  assert.ok(response.ok, `${action}: ${text}`);
  return text;
}

const texts = (xml: string, tag: string): readonly string[] =>
  [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, "g"))].map(([, text = ""]) => text);

function decoded(text: string): string {
  const plain = text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return plain.startsWith("{") ? plain : decodeURIComponent(plain);
}

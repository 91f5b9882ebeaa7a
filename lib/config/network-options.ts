import * as z from "zod";
import { egressEntryFault } from "../network/egress-list.ts";
import { noProxyFault } from "../network/no-proxy.ts";
import { isProxyAddress, proxySecrets } from "../network/proxy-variables.ts";
import { maybeSecretFields, secretOf } from "./secret-fields.ts";

/** `proxy` and `egress`: how this process reaches the network, and what of it. */

export const A_PROXY = "an address such as http://proxy.example.com:3128";

/** What is wrong with a proxy's address that stands in the configuration itself; undefined when it may stand there. */
export function literalProxyFault(field: string, address: string): string | undefined {
  if (!isProxyAddress(address)) return `must be ${A_PROXY}`;
  if (proxySecrets(address).length === 0) return undefined;
  return `holds a password: put the whole address into a variable, a file or a vault, and give ${field}_env, ${field}_file or the like`;
}

const noProxyEntry = z.string().superRefine((entry, context) => {
  const message = noProxyFault(entry);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

export const proxySchema = z
  .strictObject({
    ...maybeSecretFields("url"),
    no_proxy: z
      .array(noProxyEntry)
      .default([])
      .describe(
        "Hosts that are reached without it: a host and all below it, an address, a range such as 10.0.0.0/8, *; a host or an address with :port or without.",
      ),
  })
  .superRefine((options, context) => {
    const say = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (secretOf(options, "url") === undefined) return say([], "needs url, url_env, url_file or another form of it");
    const { url } = options;
    if (url === undefined) return;
    const fault = literalProxyFault("url", url);
    if (fault !== undefined) say(["url"], fault);
  })
  .describe("The HTTP proxy for everything. Default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say.");

export const egressSchema = z
  .strictObject({
    allow: z
      .array(
        z.string().superRefine((entry, context) => {
          const message = egressEntryFault(entry);
          if (message !== undefined) context.addIssue({ code: "custom", message });
        }),
      )
      .describe(
        "Hosts, patterns such as *.example.com, addresses and ranges such as 10.0.0.0/8, with :port or without.",
      ),
  })
  .describe("The only hosts that may be reached. Default: any.");

export type ProxyOptions = z.infer<typeof proxySchema>;
export type EgressOptions = z.infer<typeof egressSchema>;

import { checkEgressTo } from "./egress.ts";
import { dispatcherTo } from "./proxies.ts";
import { networkRefusal } from "./refusal.ts";

/**
 * Node's `fetch`, to hosts of the egress list alone, through the proxy that is in use. It follows no redirect by itself: where
 * one leads is a request of its own, which is asked for again. @throws EgressError | ProxyError, and what `fetch` throws
 */
export async function networkFetch(url: string, init: Omit<RequestInit, "redirect">): Promise<Response> {
  checkEgressTo(url);
  const dispatcher = dispatcherTo(url);
  try {
    return await fetch(url, { ...init, redirect: "manual", ...(dispatcher && { dispatcher }) });
  } catch (error) {
    throw networkRefusal(error) ?? error;
  }
}

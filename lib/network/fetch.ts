import { checkEgressTo } from "./egress.ts";

/**
 * Node's `fetch`, to hosts of the egress list alone. It follows no redirect by itself: where one leads is a request of its
 * own, which is asked for again. @throws EgressError, and what `fetch` throws
 */
export async function networkFetch(url: string, init: Omit<RequestInit, "redirect">): Promise<Response> {
  checkEgressTo(url);
  return await fetch(url, { ...init, redirect: "manual" });
}

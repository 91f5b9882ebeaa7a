import type { Session } from "./session.ts";

/** Whether the credentials are this user's own: what is private is listed to its owner alone. An App's token is nobody's. */
export async function isOwnUser(session: Session, user: string): Promise<boolean> {
  const { status, json } = await session.get("/user");
  const login = status === 200 && typeof json === "object" && json !== null && "login" in json ? json.login : undefined;
  return typeof login === "string" && login.toLowerCase() === user.toLowerCase();
}

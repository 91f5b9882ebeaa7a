import { SourceError } from "../../errors.ts";
import type { Session } from "./session.ts";

/** Of a session, what git and LFS are asked with. */
export type Credentials = Pick<Session, "account" | "mayTryAgain" | "signal">;

/**
 * Git and LFS with the value of their `Authorization` header. A token that we made is shown again where it is too fresh for all of GitHub's servers, and
 * made anew where it was taken away, as the session does for the API.
 * @throws what `work` throws
 */
export async function authorized<T>(session: Credentials, work: (authorization: string) => Promise<T>): Promise<T> {
  for (let refused = 1; ; refused += 1) {
    const account = session.account();
    const authorization = await account.basic(session.signal);
    try {
      return await work(authorization);
    } catch (error) {
      const isRefused = error instanceof SourceError && error.code === "SOURCE_UNAUTHORIZED";
      if (!isRefused || !(await session.mayTryAgain(account, refused))) throw error;
    }
  }
}

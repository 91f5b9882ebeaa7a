import { SourceError } from "../../errors.ts";
import type { Account } from "./account.ts";
import type { Session } from "./session.ts";

/** Of a session, what git and LFS are asked with. */
export type Credentials = Pick<Session, "choice" | "mayTryAgain" | "signal">;

/** What one account is refused, or is not shown, another one may have. */
const REFUSED: ReadonlySet<string> = new Set(["SOURCE_FORBIDDEN", "SOURCE_NOT_FOUND"]);

/** Who may not read the code may be shown the rest, and the other way round. */
const TOPIC = "git";

/**
 * Git and LFS with the value of their `Authorization` header. A token that we made is shown again where it is too fresh for all of GitHub's servers, and
 * made anew where it was taken away, and what one account is refused is asked for with the others, as the session does for the API.
 * @throws what `work` throws
 */
export async function authorized<T>(session: Credentials, work: (authorization: string) => Promise<T>): Promise<T> {
  const { choice, signal } = session;
  const lacking = new Map<Account, SourceError>();
  for (let refused = 1; ; ) {
    const account = choice.of("core", new Set(lacking.keys()), TOPIC);
    const authorization = await account.basic(signal);
    try {
      const done = await work(authorization);
      choice.saw(account);
      choice.sawLess(lacking.keys(), TOPIC);
      return done;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (REFUSED.has(error.code)) {
        lacking.set(account, error);
        if (choice.isWithoutMore(new Set(lacking.keys()))) throw refusalOf(lacking) ?? error;
        continue;
      }
      if (error.code !== "SOURCE_UNAUTHORIZED") throw error;
      const mayAgain = await session.mayTryAgain(account, refused);
      const another = refusalOf(lacking);
      if (another !== undefined && choice.isWithoutMore(new Set(lacking.keys()))) throw another;
      if (!mayAgain) throw error;
      refused += 1;
    }
  }
}

/** One that says that a right is missing tells more than one that hides something. */
function refusalOf(lacking: ReadonlyMap<Account, SourceError>): SourceError | undefined {
  const errors = [...lacking.values()];
  return errors.find(({ code }) => code === "SOURCE_FORBIDDEN") ?? errors[0];
}

import { type CodedError, type ErrorCode, SourceError, TransientError } from "../errors.ts";
import { type Exit, ProgramMissingError } from "../process.ts";

/** What a server says in an `ERR` packet or on side-band 3, told apart by the words that servers use. */
export function remoteFault(text: string): CodedError {
  // git itself ends some of them as C does.
  const message = Buffer.from(text, "latin1").toString("utf8").replaceAll("\0", "").trim().slice(0, 500);
  if (/not our ref/i.test(message)) {
    return new TransientError("SOURCE_UNAVAILABLE", `the repository changed while it was read: ${message}`);
  }
  return new SourceError(codeOf(message), `the server says: ${message}`);
}

/** The end of `git` or `ssh`, when it was not a good one. @throws SourceError | TransientError */
export function judgeProgram(program: string, where: string, exit: Exit): void {
  if (exit.code === 0) return;
  const stderr = exit.stderr.trim();
  const said = stderr === "" ? "" : `: ${tail(stderr)}`;
  if (/dubious ownership/.test(stderr)) {
    throw new SourceError(
      "SOURCE_FORBIDDEN",
      `git does not trust ${where}, which belongs to another user; to trust it: ` +
        `git config --global --add safe.directory ${quoted(ownedPath(stderr) ?? where)}`,
    );
  }
  if (/Host key verification failed/i.test(stderr)) {
    throw new SourceError(
      "SOURCE_FORBIDDEN",
      `${where}: the host's key is not known; compare it and add it with ssh-keyscan to known_hosts, ` +
        "or name a file with it as ssh_known_hosts_file",
    );
  }
  if (program === "ssh" && exit.code === 255) throw sshFault(where, stderr, said);
  if (/not our ref/i.test(stderr))
    throw new TransientError("SOURCE_UNAVAILABLE", `${where} changed while it was read${said}`);
  const how = exit.signal === null ? `ended with exit code ${exit.code}` : `was ended by ${exit.signal}`;
  // 127 is the shell's word for a program that it does not find, which says "not found" too.
  throw new SourceError(exit.code === 127 ? "SOURCE_FAILED" : codeOf(stderr), `${where}: ${program} ${how}${said}`);
}

/** Says what to install, for a unit that needs the program. Everything else passes as it is. */
export function programFault(error: unknown, what: string): unknown {
  if (!(error instanceof ProgramMissingError)) return error;
  return new SourceError("SOURCE_FAILED", `${what} needs the program ${error.program}, which is not installed`, {
    cause: error,
  });
}

function sshFault(where: string, stderr: string, said: string): CodedError {
  if (/Permission denied|Too many authentication failures|no supported authentication/i.test(stderr)) {
    return new SourceError("SOURCE_UNAUTHORIZED", `${where}: ssh was refused${said}`);
  }
  if (/unprotected private key|bad permissions|invalid format|Identity file .* not accessible/i.test(stderr)) {
    return new SourceError("SOURCE_UNAUTHORIZED", `${where}: ssh cannot use its key${said}`);
  }
  return new TransientError("SOURCE_UNAVAILABLE", `${where}: ssh has no connection${said}`);
}

function codeOf(message: string): ErrorCode {
  // What upload-pack says when it cannot read an object of its own.
  if (/possible repository corruption|\) is corrupt\b/i.test(message)) return "SOURCE_CORRUPT";
  if (
    /does not appear to be a git repository|not a git repository|not found|does(?:n't| not) exist|no such/i.test(
      message,
    )
  ) {
    return "SOURCE_NOT_FOUND";
  }
  return /denied|forbidden|not allowed|not authori[sz]ed|not permitted|access rights/i.test(message)
    ? "SOURCE_FORBIDDEN"
    : "SOURCE_FAILED";
}

function ownedPath(stderr: string): string | undefined {
  return /safe\.directory (\S.*)$/m.exec(stderr)?.[1]?.replace(/^'(.*)'$/, "$1");
}

const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

/** The last lines that a program wrote are where it says why. */
function tail(stderr: string): string {
  return stderr.split("\n").slice(-3).join(" ").slice(-500);
}

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CodedError, errorRecord } from "../../lib/errors.ts";
import type { Notifier } from "../../lib/notifiers/notifier.ts";
import { aGoodJobReport, aJobReport, aReport } from "../support/a-report.ts";
import { loadedNotifications, openedNotifier } from "../support/opened-notifier.ts";

/** A server that takes what one notifier sends, made anew for each test. */
export interface NotifierSubject extends AsyncDisposable {
  /** As they stand in a configuration, with `type`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** With the word CANARY in each secret. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that people, or a program, got to read, one text for each message. */
  received(): Promise<readonly string[]>;
  /** The parts of it that are read as markup by what shows them. */
  markup(): Promise<readonly string[]>;
  /** From now on nobody listens there. */
  stop(): Promise<void>;
}

export interface NotifierHarness {
  make(): Promise<NotifierSubject>;
  /** Options of the same type for a server that lets us in and then says nothing. */
  silent(): Promise<AsyncDisposable & Pick<NotifierSubject, "options" | "env">>;
  /** Whether what is good is told in words, and not only by an incident that ends. */
  readonly tellsGood: boolean;
}

export const CANARY = "canary4711";
const never = new AbortController().signal;

/** What every notifier promises (lib/notifiers/notifier.ts). */
export function notifierContract(name: string, harness: NotifierHarness): void {
  function promise(title: string, body: (subject: NotifierSubject, notifier: Notifier) => Promise<void>): void {
    test(title, async () => {
      await using subject = await harness.make();
      await body(subject, (await openedNotifier(subject.options, subject.env)).notifier);
    });
  }

  describe(`${name} keeps the notifier contract`, () => {
    promise("looking whether it could tell tells nobody", async (subject, notifier) => {
      await notifier.check(never);
      assert.deepEqual(await subject.received(), []);
    });

    promise(
      "a report is told once, with what failed, its code, since when, the last good snapshot and what to type",
      async (subject, notifier) => {
        await notifier.send(aReport(), never);
        const messages = await subject.received();
        assert.equal(messages.length, 1);
        const [text = ""] = messages;
        for (const word of [
          "docs",
          "SOURCE_FORBIDDEN",
          "my-org/app",
          "2026-11-20",
          "2026-11-19T030000Z",
          "--snapshot 2026-11-26T030000Z",
        ]) {
          assert.ok(text.includes(word), `${word} is not in ${text}`);
        }
      },
    );

    promise("a storm of failing jobs with long messages is taken", async (subject, notifier) => {
      const long = "x".repeat(480);
      const errors = Array.from({ length: 8 }, () => ({ code: "SOURCE_FAILED" as const, message: long, unit: long }));
      const jobs = Array.from({ length: 300 }, (_, n) =>
        aJobReport({
          job: `job-${n} ${"é".repeat(190)}`,
          key: `key-${n}`,
          summary: long,
          errors,
          moreErrors: 99_999,
          location: long,
        }),
      );
      await notifier.send(aReport(jobs, { notes: [long] }), never);
      const text = (await subject.received()).join("\n");
      assert.ok(text.includes("job-0 ") && text.includes("300"), "what is told is not of 300 jobs");
    });

    promise("what stands in a name or a message stays text", async (subject, notifier) => {
      const hostile = `<!channel> <b>bold</b> "quoted" \\ & </code> \u2028 𝄞`;
      await notifier.send(aReport([aJobReport({ job: hostile, summary: hostile })]), never);
      const [text = ""] = await subject.received();
      assert.ok(text.includes("quoted"));
      for (const markup of await subject.markup()) assert.doesNotMatch(markup, /<!channel>|<b>bold/);
    });

    promise("a test is marked as one", async (subject, notifier) => {
      await notifier.send(aReport([], { kind: "test" }), never);
      const [text = ""] = await subject.received();
      assert.match(text, /test/i);
    });

    if (harness.tellsGood) {
      promise("good news are told as such", async (subject, notifier) => {
        await notifier.send(aReport([aGoodJobReport()]), never);
        const [text = ""] = await subject.received();
        assert.match(text, /good again/);
        assert.doesNotMatch(text, /failed/);
      });
    }

    promise(
      "a server that is gone is unreachable, and no secret is in what is said of it",
      async (subject, notifier) => {
        await subject.stop();
        const { redaction } = await openedNotifier(subject.options, subject.env);
        for (const work of [notifier.check(never), notifier.send(aReport(), never)]) {
          const error: unknown = await work.then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          assert.ok(error instanceof CodedError, String(error));
          assert.equal(error.code, "NOTIFIER_UNREACHABLE");
          assert.ok(!errorRecord(error, redaction.redact).message.includes(CANARY));
          assert.ok(!error.message.includes(CANARY), "the message needs redaction to hide a secret");
        }
      },
    );

    test("a server that says nothing is left when the signal says so", async () => {
      await using silent = await harness.silent();
      const { notifier } = await openedNotifier(silent.options, silent.env);
      for (const work of ["check", "send"] as const) {
        const stop = new AbortController();
        const reason = new Error("time is over");
        setTimeout(() => stop.abort(reason), 100);
        const doing = work === "check" ? notifier.check(stop.signal) : notifier.send(aReport(), stop.signal);
        await assert.rejects(doing, (error) => error === reason);
      }
    });

    promise("an unknown option is refused with its line", async (subject) => {
      await assert.rejects(
        loadedNotifications({ ...subject.options, no_such_option: true }, subject.env),
        /no_such_option: unknown key/,
      );
    });
  });
}

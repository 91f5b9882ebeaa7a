import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { drawing, drawnDefinition } from "../../../scripts/draw-machine.ts";

test("docs/aws.md has the drawing of the machine as it is (node scripts/draw-machine.ts --write)", async () => {
  const page = await readFile(new URL("../../../docs/aws.md", import.meta.url), "utf8");
  assert.ok(page.includes(drawnDefinition()), drawnDefinition());
});

test("each way out of a state is an arrow: the next one, choices, errors, the end; and a map holds its own", () => {
  const text = drawing({
    StartAt: "All?",
    States: {
      "All?": { Type: "Choice", Choices: [{ Condition: "{% $a.status = 'ok' %}", Next: "Each" }], Default: "End" },
      Each: {
        Type: "Map",
        ItemProcessor: { StartAt: "One", States: { One: { Type: "Succeed" } } },
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "End" }],
        Next: "End",
      },
      End: { Type: "Fail" },
    },
  });
  assert.equal(
    text,
    [
      "```mermaid",
      "stateDiagram-v2",
      '  state "All?" as All',
      "  [*] --> All",
      "  All --> Each: status = ok",
      "  All --> End: otherwise",
      "  state Each {",
      '    state "One" as EachOne',
      "    [*] --> EachOne",
      "    EachOne --> [*]",
      "  }",
      "  Each --> End",
      "  Each --> End: any error",
      "  End --> [*]",
      "```",
    ].join("\n"),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkStackSize } from "../../../infra/stack-size.ts";

const template = (resources: number) => ({
  Resources: Object.fromEntries(Array.from({ length: resources }, (_, n) => [`R${n}`, {}])),
});

test("a stack of more resources than CloudFormation takes is refused with what to do", () => {
  checkStackSize(template(500));
  assert.throws(
    () => checkStackSize(template(501)),
    /would have 501 resources, and CloudFormation allows 500: deploy some/,
  );
});

test("so is one whose template is larger than CloudFormation takes", () => {
  const sized = (bytes: number) => ({
    Resources: { R: "r".repeat(bytes - JSON.stringify({ Resources: { R: "" } }).length) },
  });
  checkStackSize(sized(1_000_000));
  assert.throws(
    () => checkStackSize(sized(1_000_001)),
    /template would have 1000001 bytes, and CloudFormation takes 1000000: deploy some/,
  );
});

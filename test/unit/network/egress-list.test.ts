import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { egressEntryFault, egressList } from "../../../lib/network/egress-list.ts";

describe("an entry of egress.allow", () => {
  const cases: readonly [string, string, number, boolean][] = [
    ["api.github.com", "api.github.com", 443, true],
    ["api.github.com", "API.GitHub.com.", 443, true],
    ["api.github.com", "api.github.com.evil.example", 443, false],
    ["api.github.com", "apixgithub.com", 443, false],
    ["github.com", "api.github.com", 443, false],
    ["api.github.com:443", "api.github.com", 443, true],
    ["api.github.com:443", "api.github.com", 80, false],
    ["*.example.com", "a.b.example.com", 443, true],
    ["*.example.com", "example.com", 443, false],
    ["*.example.com", "example.com.evil.example", 443, false],
    ["s3.*.amazonaws.com:443", "s3.eu-central-1.amazonaws.com", 443, true],
    ["*", "anything.example", 1, true],
    ["10.0.0.0/8", "10.1.2.3", 27017, true],
    ["10.0.0.0/8", "11.1.2.3", 27017, false],
    ["10.0.0.0/8", "10.example.com", 443, false],
    ["10.0.0.0/8:5432", "10.1.2.3", 5432, true],
    ["10.0.0.0/8:5432", "10.1.2.3", 22, false],
    ["10.1.2.3", "10.1.2.3", 22, true],
    ["10.1.2.3", "10.1.2.30", 22, false],
    ["fd00::/8", "fd12::1", 443, true],
    ["fd00::/8", "[fd12::1]", 443, true],
    ["::1", "::1", 443, true],
    ["[::1]:443", "::1", 443, true],
    ["[::1]:443", "::1", 444, false],
  ];
  for (const [entry, host, port, expected] of cases) {
    test(`${entry} ${expected ? "lists" : "does not list"} ${host}:${port}`, () => {
      assert.equal(egressEntryFault(entry), undefined);
      assert.equal(egressList([entry]).allows(host, port), expected);
    });
  }

  for (const entry of ["", "https://example.com", "a b", "10.0.0.256", "10.0.0.0/33", "example.com:0", "a..b", "-a"]) {
    test(`${JSON.stringify(entry)} is refused`, () => assert.match(egressEntryFault(entry) ?? "", /^must be a host/));
  }

  test("an empty list lists nothing", () => assert.equal(egressList([]).allows("localhost", 80), false));
});

test("a pattern of an address is refused, for it would also be one of names", () => {
  for (const entry of ["10.*", "10.20.*.*", "*.10", "10.*:443"])
    assert.match(egressEntryFault(entry) ?? "", /such as 10\.0\.0\.0\/8.*addresses have no patterns, only ranges$/);
  for (const entry of ["*", "*.s3.example.com", "node-*.example.com", "10.*.example.com"])
    assert.equal(egressEntryFault(entry), undefined);
});

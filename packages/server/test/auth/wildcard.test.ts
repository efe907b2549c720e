import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Wildcard } from "../../src/auth/wildcard.ts";

/** A reference implementation based on regular expressions: simple, but too slow for hostile patterns. */
function reference(pattern: string, text: string): boolean {
  const source = pattern.replace(/\\(.)|[\s\S]/g, (part: string, escaped?: string) => {
    if (part === "*") return "[^]*";
    return (escaped ?? part).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  });
  return new RegExp(`^${source}$`).test(text);
}

describe("a wildcard", () => {
  it.each([
    ["room", "room", true],
    ["room", "rooms", false],
    ["room", "Room", false],
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["*", "any/thing", true],
    ["team/*", "team/one/two", true],
    ["team/*", "team/", true],
    ["team/*", "team", false],
    ["team/*", "other/team/x", false],
    ["*/draft", "a/draft", true],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "acb", false],
    ["ab*ba", "aba", false],
    ["ab*ba", "abba", true],
    ["*aa*aa*", "aaa", false],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["a\\\\*", "a\\x", true],
    ["a\\\\*", "a*", false],
    ["a\\", "a\\", true],
    ["a\\", "a", false],
    ["r..m", "room", false],
    ["(a+)+$", "aaaa", false],
    ["[a-z]", "a", false],
    ["caf\u00e9/*", "caf\u00e9/💡", true],
  ])("%j and %j: %s", (pattern, text, expected) => {
    expect(new Wildcard(pattern).matches(text)).toBe(expected);
  });

  it("matches like a regular expression", () => {
    const characters = fc.array(fc.constantFrom("a", "b", "*", "\\", "."), { maxLength: 9 });
    const texts = characters.map((all) => all.join(""));
    fc.assert(
      fc.property(texts, texts, (pattern, text) => {
        expect(new Wildcard(pattern).matches(text)).toBe(reference(pattern, text));
      }),
      { numRuns: 5_000 },
    );
  });

  it("matches patterns that cause catastrophic backtracking elsewhere within a second", () => {
    const hostile = `${"*a".repeat(4_000)}*b`;
    const started = performance.now();
    expect(new Wildcard(hostile).matches("a".repeat(512))).toBe(false);
    expect(new Wildcard(`${"*a".repeat(400)}*b`).matches("a".repeat(512))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

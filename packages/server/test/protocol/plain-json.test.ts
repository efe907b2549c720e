import fc from "fast-check";
import { expect, it } from "vitest";
import { checkJsonBytes, MAX_DEPTH } from "../../src/protocol/json.ts";
import { isPlainJson } from "../../src/protocol/json-validator.ts";
import { MalformedError } from "../../src/protocol/malformed-error.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

it("recognizes the states of ordinary clients", () => {
  const states = [
    { user: { name: "Ada", color: "#ff8800" }, cursor: { anchor: 12, head: -3.25 } },
    { typing: true, selected: null, list: [1, [], {}, "a", false] },
    "text",
    0,
  ];
  for (const state of states) expect(isPlainJson(bytesOf(JSON.stringify(state)))).toBe(true);
});

it("accepts nothing that JSON.parse rejects", () => {
  const token = fc.constantFrom(
    ...["{", "}", "[", "]", ",", ":", '"', '"a"', "0", "1", "-", ".", "e", "+", "true", "null"],
    ...[" ", "\\", "é", "\u0001", "01", "1.5", "nul", "{}", "[]", '{"a":1}'],
  );
  const text = fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(""));
  fc.assert(
    fc.property(fc.oneof(text, fc.string()), (json) => {
      if (isPlainJson(bytesOf(json))) expect(isJson(json)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
});

it("accepts what JSON.stringify writes in ASCII without escapes and exponents", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (spaced) => {
      const json = JSON.stringify(JSON.parse(spaced));
      const isPlain = /^[ -~]*$/.test(json) && !/\\|\de/i.test(json);
      if (isPlain) expect(isPlainJson(bytesOf(json))).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

it("is checked to the same result whichever way it is written", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (json) => {
      const check = () => checkJsonBytes(bytesOf(json));
      if (isJson(json)) expect(check).not.toThrow();
      else expect(check).toThrow(MalformedError);
    }),
    { numRuns: 5_000 },
  );
  const nested = (depth: number) => bytesOf("[".repeat(depth) + "]".repeat(depth));
  expect(() => checkJsonBytes(nested(MAX_DEPTH))).not.toThrow();
  expect(() => checkJsonBytes(nested(MAX_DEPTH + 1))).toThrow(MalformedError);
});

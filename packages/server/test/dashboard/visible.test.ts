import { expect, it } from "vitest";
import { visible } from "../../../dashboard/src/format/visible.ts";
import { ODD_NAMES } from "./odd-names.ts";

it.each([
  ["invoice\u202Efdp.exe", "invoice\\u{202e}fdp.exe"],
  ["\u2066a\u2069\u200F\u061C", "\\u{2066}a\\u{2069}\\u{200f}\\u{61c}"],
  ["ad\u200Bmin\uFEFF\u00AD\u2060", "ad\\u{200b}min\\u{feff}\\u{ad}\\u{2060}"],
  ["a\u200Db\u200Cc", "a\\u{200d}b\\u{200c}c"],
  ["bell\u0007 \u001b[31m\u007f\u0085", "bell\\u{7} \\u{1b}[31m\\u{7f}\\u{85}"],
  ["line\u2028paragraph\u2029", "line\\u{2028}paragraph\\u{2029}"],
  ["filler\u3164\u115F\uFFA0", "filler\\u{3164}\\u{115f}\\u{ffa0}"],
  ["tag\u{E0041} half\uD800", "tag\\u{e0041} half\\u{d800}"],
  ["x\uFE0F", "x\\u{fe0f}"],
  ["two\nlines\tand", "two\\u{a}lines\\u{9}and"],
])("escapes the invisible characters in %j", (text, shown) => {
  expect(visible(text)).toBe(shown);
});

it("makes different names look different", () => {
  expect(visible("\\u{202e}")).toBe("\\u{5c}u{202e}");
  expect(visible("C:\\users")).toBe("C:\\users");
});

it.each([
  ...ODD_NAMES,
  "👩‍👩‍👧‍👦 👩🏽‍🚀 ❤️ 1️⃣",
  "می‌خواهم",
  "क्‍ष",
  "שלום",
  "\u0600123",
  "e\u0301 日本語",
])("leaves %s unchanged", (text) => {
  expect(visible(text)).toBe(text);
});

it("keeps line feeds and tabs in a multi-line text", () => {
  expect(visible("a\n\tb\r\u202Ec", true)).toBe("a\n\tb\\u{d}\\u{202e}c");
});

/** Room names that tend to break web pages. */
export const ODD_NAMES: readonly string[] = [
  "team/a/b",
  "../up",
  "%2F 100% ?#&=+",
  "\"quoted\" 'and' <b>bold</b>",
  "café ☕ 🏳️‍🌈 日本語",
  "شارع 12",
  "-",
  "x".repeat(200),
];

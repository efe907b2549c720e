/**
 * Each has a contrast of at least 4.5 to white text on it, and of at least 3 to the page's
 * background, light or dark.
 */
export const COLORS = [
  "#7b57e7",
  "#c44a16",
  "#137e88",
  "#d72b56",
  "#208249",
  "#1a71d4",
  "#b738c2",
  "#956b08",
] as const;

/** A colour that nobody in `taken` has, starting at `seed`; any colour if all are taken. */
export function freeColor(seed: number, taken: ReadonlySet<string>): string {
  const turned = COLORS.map((_, index) => COLORS[(seed + index) % COLORS.length] ?? COLORS[0]);
  return turned.find((color) => !taken.has(color)) ?? turned[0] ?? COLORS[0];
}

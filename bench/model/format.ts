const COMPACT = new Intl.NumberFormat("en-US", {
  notation: "compact",
  maximumSignificantDigits: 3,
});

/** Formats a number for reading: `0.25`, `1,024`, `12.3M`. */
export function short(value: number): string {
  if (value >= 10_000) return COMPACT.format(value);
  const fraction = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits: fraction });
}

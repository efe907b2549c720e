const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** `12345` as `12,345`. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** `1 room`, `2 rooms`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** In the largest decimal unit with a value of at least 1: `1234` as `1.23 KB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // With three digits, 999.5 and above would round to 1,000.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${short.format(value)} ${BYTE_UNITS[unit]}`;
}

/** Formats a short duration, given in milliseconds. */
export function formatMilliseconds(ms: number): string {
  return ms >= 1_000
    ? `${short.format(ms / 1_000)} s`
    : `${ms < 10 ? short.format(ms) : whole.format(ms)} ms`;
}

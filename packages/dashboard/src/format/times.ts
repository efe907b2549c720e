const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const day = format({ day: "numeric", month: "short" });
const dayOfYear = format({ day: "numeric", month: "short", year: "numeric" });
const minute = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const moment = format({
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const full = format({
  dateStyle: "medium",
  timeStyle: "long",
  hourCycle: "h23",
});
const precise = format({
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** In English, like the pages, and in the user's time zone. */
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-GB", options);
}

/** `14:05`. */
export const formatMinute = (time: Date): string => minute.format(time);
/** `24 Nov`. */
export const formatDay = (time: Date): string => day.format(time);
/** `24 Nov, 14:05`. */
export const formatMoment = (time: Date): string => moment.format(time);
/** With year, seconds and time zone. */
export const formatFull = (time: Date): string => full.format(time);
/** `14:05:09.123`. */
export const formatPrecise = (time: Date): string => precise.format(time);

/** How long ago, or the date if that is more than 30 days. */
export function formatAgo(time: Date, now: number): string {
  const age = now - time.getTime();
  if (age < 10 * SECOND) return "just now";
  if (age < MINUTE) return relative.format(-Math.floor(age / SECOND), "second");
  if (age < HOUR) return relative.format(-Math.floor(age / MINUTE), "minute");
  if (age < DAY) return relative.format(-Math.floor(age / HOUR), "hour");
  if (age < 30 * DAY) return relative.format(-Math.floor(age / DAY), "day");
  return dayOfYear.format(time);
}

/** A duration in milliseconds, in its two largest units: `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(ms / DAY), "d"],
    [Math.floor(ms / HOUR) % 24, "h"],
    [Math.floor(ms / MINUTE) % 60, "min"],
    [Math.floor(ms / SECOND) % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

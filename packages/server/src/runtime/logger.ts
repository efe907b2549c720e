import { type DestinationStream, type Logger, pino } from "pino";

/**
 * Characters that a terminal hides or interprets: control characters, those that change the
 * direction of text, and zero-width ones. JSON already escapes the first 32.
 */
const HIDDEN =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Escapes all invisible characters in JSON text; the value stays the same. */
export function escapeHidden(json: string): string {
  return json.replaceAll(
    HIDDEN,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Logs to standard output, one JSON object per line. Untrusted names are safe to display. */
export function createLogger(level: string): Logger {
  const output = pino.destination({ fd: 1, sync: true });
  const destination: DestinationStream = { write: (line) => output.write(escapeHidden(line)) };
  return pino({ level }, destination);
}

import { type DestinationStream, type Logger, pino } from "pino";

/**
 * What a terminal does not show, or obeys: control characters, those that change the direction of text,
 * and those of no width. JSON has escaped the first 32 itself.
 */
const HIDDEN =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** The same value as JSON, with everything escaped that cannot be seen. */
export function escapeHidden(json: string): string {
  return json.replaceAll(
    HIDDEN,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Logs to the standard output, a JSON object a line. Names that strangers chose are safe to look at. */
export function createLogger(level: string): Logger {
  const output = pino.destination({ fd: 1, sync: true });
  const destination: DestinationStream = { write: (line) => output.write(escapeHidden(line)) };
  return pino({ level }, destination);
}

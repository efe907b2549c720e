import { type Logger, pino } from "pino";

/** Records log lines. */
export class LogRecorder {
  readonly text: string[] = [];
  readonly logger: Logger = pino({ level: "debug" }, { write: (line) => this.text.push(line) });

  get lines(): readonly { readonly level: number; readonly msg: string }[] {
    return this.text.map((line) => JSON.parse(line));
  }
}

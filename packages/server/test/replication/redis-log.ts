import { type Logger, pino } from "pino";

/** Keeps what is logged. */
export class LogRecorder {
  readonly text: string[] = [];
  readonly logger: Logger = pino({ level: "debug" }, { write: (line) => this.text.push(line) });

  get lines(): readonly { readonly level: number; readonly msg: string }[] {
    return this.text.map((line) => JSON.parse(line));
  }
}

/** Runs a task again and again, one run at a time, until it is closed. */
export class Repeater {
  readonly #task: () => Promise<number>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** @param task must not reject; resolves to the pause before its next run, in milliseconds */
  constructor(task: () => Promise<number>) {
    this.#task = task;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Plans the next run, in place of the one planned before. No effect while a run is under way. */
  startIn(ms: number): void {
    if (this.#isClosed || this.#running !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.run(), ms);
  }

  /** Runs now, unless a run is under way. Resolves when that run has ended. */
  run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#running ??= this.#task().then((pause) => {
      this.#running = undefined;
      this.startIn(pause);
    });
    return this.#running;
  }

  /** Begins no further run. Resolves when the run under way has ended; nothing interrupts it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}

import type { DocumentAnswer, DocumentRequest } from "./document-worker.ts";

/** A document that takes longer to show is not shown. */
const LIMIT_MS = 10_000;

const TOO_LONG =
  "This document takes too long to show. The room works as before; Download gives its content.";

/** Keeps a document in a worker, and shows it. A worker that takes too long is ended. */
export class DocumentRenderer {
  #worker: Worker | undefined;
  #answer: ((answer: DocumentAnswer) => void) | undefined;
  #isGivenUp = false;

  /** @param whole it is the whole document, and replaces what was there; base64 */
  take(update: string, whole: boolean): void {
    if (whole && this.#isGivenUp) this.close();
    if (this.#isGivenUp) return;
    this.#worker ??= this.#start();
    this.#post({ type: "update", update, whole });
  }

  /** What it holds now, or why that is not shown. One call at a time. */
  async show(): Promise<DocumentAnswer> {
    if (this.#isGivenUp) return { type: "failed", reason: TOO_LONG };
    this.#worker ??= this.#start();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = await new Promise<DocumentAnswer>((resolve) => {
      this.#answer = resolve;
      timer = setTimeout(() => this.#giveUp(TOO_LONG), LIMIT_MS);
      this.#post({ type: "show" });
    });
    clearTimeout(timer);
    this.#answer = undefined;
    return answer;
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#isGivenUp = false;
    this.#answer?.({ type: "failed", reason: "" });
  }

  #giveUp(reason: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#isGivenUp = true;
    this.#answer?.({ type: "failed", reason });
  }

  #post(request: DocumentRequest): void {
    this.#worker?.postMessage(request);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./document-worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<DocumentAnswer>) => {
      this.#answer?.(data);
    });
    // An update that cannot be integrated, or no memory is left.
    worker.addEventListener("error", () => this.#giveUp("This document cannot be shown."));
    return worker;
  }
}

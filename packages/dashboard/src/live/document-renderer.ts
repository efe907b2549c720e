import type { DocumentAnswer, DocumentRequest } from "./document-worker.ts";

/** Time limit for rendering a document. */
const LIMIT_MS = 10_000;

const TOO_LONG =
  "This document takes too long to display. The room itself is not affected; use Download to get its content.";

/** Keeps a document in a worker and renders it. A worker that takes too long is terminated. */
export class DocumentRenderer {
  #worker: Worker | undefined;
  #answer: ((answer: DocumentAnswer) => void) | undefined;
  #isGivenUp = false;

  /** @param update in Base64. @param whole whether it is the whole document, replacing the previous one */
  take(update: string, whole: boolean): void {
    if (whole && this.#isGivenUp) this.close();
    if (this.#isGivenUp) return;
    this.#worker ??= this.#start();
    this.#post({ type: "update", update, whole });
  }

  /** Renders the current document, or returns why it cannot. Must not be called concurrently. */
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
    // An update cannot be integrated, or the worker is out of memory.
    worker.addEventListener("error", () => this.#giveUp("This document cannot be displayed."));
    return worker;
  }
}

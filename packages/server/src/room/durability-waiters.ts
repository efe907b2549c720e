import type { Document } from "./document.ts";

interface Waiter {
  readonly document: Document;
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Those who wait until some update is durable. */
export class DurabilityWaiters {
  #waiting: Waiter[] = [];

  /** Resolves when everything below an offset of a document's log is durable; see `fail`. */
  wait(document: Document, end: number): Promise<void> {
    if (document.log.durable >= end) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ document, end, resolve, reject });
    });
  }

  /** More may be durable: resolves for those who waited for that. */
  check(): void {
    this.#waiting = this.#waiting.filter(({ document, end, resolve }) => {
      if (document.log.durable < end) return true;
      resolve();
      return false;
    });
  }

  /** Rejects for those who wait for a document, or for any. */
  fail(reason: Error, document?: Document): void {
    this.#waiting = this.#waiting.filter((waiter) => {
      if (document !== undefined && waiter.document !== document) return true;
      waiter.reject(reason);
      return false;
    });
  }
}

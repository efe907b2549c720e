import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ApiError } from "./api-error.ts";

export type StreamState =
  | { readonly status: "connecting" }
  | { readonly status: "live" }
  | { readonly status: "reconnecting" }
  /** The server says that there is nothing to watch; it is not asked again. */
  | { readonly status: "ended"; readonly reason: string };

export interface EventStreamOptions {
  readonly url: string;
  /** What is done with the data of an event, by its name. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
  /** A connection begins: what comes next is the complete state. */
  onConnect(): void;
  /**
   * Asks the server in another way what is wrong, because a browser does not tell why a stream was
   * refused. Resolves when nothing is.
   */
  explain(signal: AbortSignal): Promise<unknown>;
}

const RETRY_MS = 2_000;
/** The server is heard of every fifteen seconds; after two and a little more it does not work. */
const SILENCE_MS = 35_000;

/** Events of the server. It connects again and again until it is closed, or told that it is over. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #state: Signal<StreamState> = signal({ status: "connecting" });
  readonly #closed: AbortController = new AbortController();
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** From the first event on, which may be large and on its way for long, silence means a failure. */
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#connect();
  }

  get state(): ReadonlySignal<StreamState> {
    return this.#state;
  }

  close(): void {
    this.#closed.abort();
    this.#source?.close();
    clearTimeout(this.#retry);
    this.#expectNothing();
  }

  #connect(): void {
    const source = new EventSource(this.#options.url);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#options.onConnect();
      this.#state.value = { status: "live" };
    });
    source.addEventListener("error", () => {
      this.#expectNothing();
      this.#state.value = { status: "reconnecting" };
      // The browser tries again by itself, except after an answer that is no event stream.
      if (source.readyState === EventSource.CLOSED) void this.#refused();
    });
    for (const [name, receive] of Object.entries(this.#options.on)) {
      source.addEventListener(name, (event) => {
        this.#expectMore();
        receive(JSON.parse(event.data));
      });
    }
    source.addEventListener("heartbeat", () => {
      if (this.#silence !== undefined) this.#expectMore();
    });
  }

  /** Connects again when nothing comes for too long. */
  #expectMore(): void {
    this.#expectNothing();
    this.#silence = setTimeout(() => {
      this.#expectNothing();
      this.#source?.close();
      this.#state.value = { status: "reconnecting" };
      this.#connect();
    }, SILENCE_MS);
  }

  #expectNothing(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  async #refused(): Promise<void> {
    try {
      await this.#options.explain(this.#closed.signal);
    } catch (error) {
      if (error instanceof ApiError && isFinal(error)) {
        this.#state.value = { status: "ended", reason: error.message };
        return;
      }
    }
    // Whatever else is wrong may pass, as what a proxy answers while the server is away.
    if (this.#closed.signal.aborted) return;
    this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
  }
}

function isFinal({ status }: ApiError): boolean {
  return status === 401 || status === 403 || status === 404;
}

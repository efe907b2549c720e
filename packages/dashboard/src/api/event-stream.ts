import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ApiError } from "./api-error.ts";

export type StreamState =
  | { readonly status: "connecting" }
  | { readonly status: "live" }
  | { readonly status: "reconnecting" }
  /** The server reported that there is nothing to watch. No more attempts are made. */
  | { readonly status: "ended"; readonly reason: string };

export interface EventStreamOptions {
  readonly url: string;
  /** Handlers for the data of events, by event name. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
  /** Called when a connection opens. The complete state follows. */
  onConnect(): void;
  /**
   * Finds out what is wrong with a regular request, because browsers do not report why a stream was
   * refused. Resolves if nothing is wrong.
   */
  explain(signal: AbortSignal): Promise<unknown>;
}

const RETRY_MS = 2_000;
/** The server sends a heartbeat every 15 seconds. After a little more than two missed, reconnect. */
const SILENCE_MS = 35_000;

/** The server's events. Reconnects until it is closed or the server reports a permanent end. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #state: Signal<StreamState> = signal({ status: "connecting" });
  readonly #closed: AbortController = new AbortController();
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Runs from the first event on, which may be large and slow to arrive. Later silence means failure. */
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
      // The browser retries by itself, except after a response that is not an event stream.
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

  /** Restarts the silence timer, which reconnects if nothing arrives for too long. */
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
    // Other errors may be temporary, such as a proxy's response while the server is down.
    if (this.#closed.signal.aborted) return;
    this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
  }
}

function isFinal({ status }: ApiError): boolean {
  return status === 401 || status === 403 || status === 404;
}

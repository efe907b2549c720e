import { type ResourceLimits, Worker } from "node:worker_threads";
import { reasonOf, toError } from "./reason.ts";

export interface WorkerThreadOptions<Message> {
  /** Given to the program as `workerData`. */
  readonly data: unknown;
  readonly resourceLimits?: ResourceLimits;
  readonly onMessage: (message: Message) => void;
  /** Called once, when the thread has ended for any reason, with the first cause. */
  readonly onEnded: (cause: Error) => void;
}

/** What a thread uses. Parts that this version of Node.js does not tell are missing. */
export interface ThreadUsage {
  readonly cpuMs?: number;
  readonly heapBytes?: number;
}

/**
 * A worker thread that takes orders and sends messages. The protocol is that of its program; this class
 * makes sure that the end of the thread is noticed, whatever ends it.
 */
export class WorkerThread<Order, Message> {
  readonly #worker: Worker;

  constructor(program: URL, options: WorkerThreadOptions<Message>) {
    const { data: workerData, resourceLimits, onMessage, onEnded } = options;
    const worker = new Worker(program, { workerData, ...(resourceLimits && { resourceLimits }) });
    this.#worker = worker;
    let cause: Error | undefined;
    worker.on("message", onMessage);
    worker.once("messageerror", (error) => {
      cause ??= new Error(`a message could not be read: ${reasonOf(error)}`);
      // A caller waits for the lost message, and hears of the end. Ending the thread cannot fail.
      void worker.terminate();
    });
    worker.once("error", (error) => {
      cause ??= toError(error);
    });
    worker.once("exit", (code) => onEnded(cause ?? new Error(`its exit code was ${code}`)));
  }

  /** Lets the process exit although the thread is running. */
  unref(): void {
    this.#worker.unref();
  }

  post(order: Order, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(order, [...transfer]);
  }

  /** Asks the thread what it uses. Does not resolve while it is in native code. @throws if it has ended */
  async usage(): Promise<ThreadUsage> {
    const worker: Partial<Pick<Worker, "cpuUsage" | "getHeapStatistics">> = this.#worker;
    const cpu = await worker.cpuUsage?.call(this.#worker);
    const heap = await worker.getHeapStatistics?.call(this.#worker);
    return {
      ...(cpu && { cpuMs: (cpu.user + cpu.system) / 1_000 }),
      ...(heap && { heapBytes: heap.used_heap_size + heap.external_memory }),
    };
  }

  /** Ends the thread, whatever it is doing. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/**
 * Returns the URL of a worker's program, next to the module that starts it. Like that module, it is
 * TypeScript when run from source, and JavaScript when built.
 *
 * @param path relative to the module, without extension
 * @param from `import.meta.url` of the module
 */
export function workerUrl(path: string, from: string): URL {
  return new URL(`${path}${from.endsWith(".ts") ? ".ts" : ".js"}`, from);
}

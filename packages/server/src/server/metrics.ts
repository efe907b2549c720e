import type { Registry } from "prom-client";
import { type MetricsSources, serverMetrics } from "./server-metrics.ts";

/** The metrics of this server and of its process. */
export class Metrics {
  readonly #sources: MetricsSources;
  #processMetrics: Promise<Registry> | undefined;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
  }

  /** All metrics now, in the text format of Prometheus. */
  async read(): Promise<string> {
    this.#processMetrics ??= watchProcess();
    return serverMetrics(this.#sources) + (await (await this.#processMetrics).metrics());
  }
}

/**
 * The metrics of every Node process: memory, processor time, event-loop delay, garbage collection.
 * Nothing is loaded or measured before somebody asks for the first time.
 */
async function watchProcess(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import("prom-client");
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

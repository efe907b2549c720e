import type { Registry } from "prom-client";
import { type MetricsSources, serverMetrics } from "./server-metrics.ts";

/** The metrics of this server and of its process. */
export class Metrics {
  readonly #sources: MetricsSources;
  #processMetrics: Promise<Registry> | undefined;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
  }

  /** The current values of all metrics, in the Prometheus text format. */
  async read(): Promise<string> {
    this.#processMetrics ??= watchProcess();
    return serverMetrics(this.#sources) + (await (await this.#processMetrics).metrics());
  }
}

/**
 * The metrics of any Node.js process: memory, CPU time, event-loop delay, garbage collection. Nothing is
 * loaded or measured before the first scrape.
 */
async function watchProcess(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import("prom-client");
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

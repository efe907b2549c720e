import { coreBusySeconds, cpuSeconds } from "./sampler.ts";

/** Who used how much, as shares of one core. */
export interface CpuUse {
  readonly serverSeconds: number;
  readonly server: number;
  /** This process. */
  readonly generator: number;
  /** All that is not the server, on the server's core; undefined when it has none of its own. */
  readonly others?: number | undefined;
}

/** Measures CPU use from its creation to `read`. */
export class CpuMeter {
  readonly #pids: readonly number[];
  readonly #core: string | undefined;
  readonly #since = performance.now();
  readonly #server: number;
  readonly #coreBusy: number;
  readonly #generator = process.cpuUsage();

  /** @param cpus where the server's processes, with these pids, run */
  constructor(pids: readonly number[], cpus: string | undefined) {
    this.#pids = pids;
    // Of several, one is the load generator's as well.
    this.#core = cpus?.includes(",") ? undefined : cpus;
    this.#server = cpuSeconds(pids);
    this.#coreBusy = this.#core === undefined ? 0 : coreBusySeconds(this.#core);
  }

  read(): CpuUse {
    const seconds = (performance.now() - this.#since) / 1000;
    const serverSeconds = cpuSeconds(this.#pids) - this.#server;
    const generator = process.cpuUsage(this.#generator);
    return {
      serverSeconds,
      server: serverSeconds / seconds,
      generator: (generator.user + generator.system) / 1e6 / seconds,
      others: this.#others(serverSeconds, seconds),
    };
  }

  #others(serverSeconds: number, seconds: number): number | undefined {
    if (this.#core === undefined) return undefined;
    // Two counters of hundredths: the difference may be a little below nothing.
    return Math.max(0, coreBusySeconds(this.#core) - this.#coreBusy - serverSeconds) / seconds;
  }
}

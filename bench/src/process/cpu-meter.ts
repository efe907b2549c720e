import { coreBusySeconds, cpuSeconds } from "./sampler.ts";

/** CPU use, as shares of one core. */
export interface CpuUse {
  readonly serverSeconds: number;
  readonly server: number;
  /** This process. */
  readonly generator: number;
  /** Everything but the server on the server's core; undefined if it has no core of its own. */
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

  /** @param cpus the cores on which the server's processes, with these pids, run */
  constructor(pids: readonly number[], cpus: string | undefined) {
    this.#pids = pids;
    // If there are several, the load generator shares one of them.
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
    // The two counters count hundredths, so the difference may be slightly negative.
    return Math.max(0, coreBusySeconds(this.#core) - this.#coreBusy - serverSeconds) / seconds;
  }
}

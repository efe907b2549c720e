import type { Servers } from "../process/servers.ts";

export interface StartOptions {
  /** An empty directory, or the one of an earlier start to continue from. */
  readonly dataDirectory: string;
  /** The cores to run on, as a list for `taskset`; undefined leaves it to the system. */
  readonly cpus: string | undefined;
}

/** A server that takes part in the comparison. */
export interface Contender {
  readonly name: string;
  /** One line for the report: what it is and how it is run. */
  readonly description: string;
  /** It keeps documents and answers a newcomer with their state. */
  readonly keepsState: boolean;
  /** Documents outlive its process. */
  readonly persists: boolean;
  /** It takes part in these measurements only; without it, in all that it can. */
  readonly measurements?: readonly string[];
  /** Starts its servers, each in its own process and on a free port of 127.0.0.1. */
  start(options: StartOptions): Promise<Servers>;
  /** Ends what its servers have shared. */
  release?(): Promise<void>;
}

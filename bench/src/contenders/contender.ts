import type { Servers } from "../process/servers.ts";

export interface StartOptions {
  /** An empty directory, or that of an earlier start to continue from. */
  readonly dataDirectory: string;
  /** The cores to run on, as a list for `taskset`; undefined leaves the choice to the system. */
  readonly cpus: string | undefined;
}

/** A server that takes part in the comparison. */
export interface Contender {
  readonly name: string;
  /** One line for the report: what it is and how it runs. */
  readonly description: string;
  /** Whether it keeps documents and sends their state to new clients. */
  readonly keepsState: boolean;
  /** Whether documents outlive its process. */
  readonly persists: boolean;
  /** The only measurements that it takes part in; if absent, all that it supports. */
  readonly measurements?: readonly string[];
  /** Starts its servers, each in its own process and on a free port of 127.0.0.1. */
  start(options: StartOptions): Promise<Servers>;
  /** Stops what its servers share. */
  release?(): Promise<void>;
}

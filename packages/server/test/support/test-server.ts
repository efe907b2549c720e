import { ClusterAsServer } from "./cluster-as-server.ts";
import { type LogLine, type ServerOptions, startServer as startOne } from "./server-process.ts";

/** A server, or several behind a load balancer that look like one. */
export interface TestServer {
  readonly url: string;
  readonly wsUrl: string;
  readonly port: number;
  /** Identifies the stored data: a server started with it again finds that data. */
  readonly dataDir: string;
  readonly logs: readonly LogLine[];
  readonly hasExited: boolean;
  /** Stops it as an operator would. @returns the exit code */
  stop(): Promise<number | null>;
  /** Kills it without warning, like a crash. */
  kill(): Promise<void>;
  /** Its last lines of output, for the message of a failed test. */
  tail(): string;
}

/**
 * Starts one server, or, if `SYMPHONY_TEST_SERVERS` is `cluster`, three behind a load balancer that
 * spreads every room over them. The same tests run on both.
 */
export function startServer(options: ServerOptions = {}): Promise<TestServer> {
  if (process.env.SYMPHONY_TEST_SERVERS === "cluster") return ClusterAsServer.start(options);
  return startOne(options);
}

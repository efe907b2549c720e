import { ClusterAsServer } from "./cluster-as-server.ts";
import { type LogLine, type ServerOptions, startServer as startOne } from "./server-process.ts";

/** What tests do with a server, or with several that look like one. */
export interface TestServer {
  readonly url: string;
  readonly wsUrl: string;
  readonly port: number;
  /** Names what is stored: a server that is started with it again finds it. */
  readonly dataDir: string;
  readonly logs: readonly LogLine[];
  readonly hasExited: boolean;
  /** Ends it as an operator does. @returns the exit code */
  stop(): Promise<number | null>;
  /** Ends it without any warning, as a crash does. */
  kill(): Promise<void>;
  /** The last lines that it wrote, for the message of a failed test. */
  tail(): string;
}

/**
 * Starts one server; or three behind a load balancer that spreads every room over them, when
 * `SYMPHONY_TEST_SERVERS` is `cluster`. The same tests run on both.
 */
export function startServer(options: ServerOptions = {}): Promise<TestServer> {
  if (process.env.SYMPHONY_TEST_SERVERS === "cluster") return ClusterAsServer.start(options);
  return startOne(options);
}

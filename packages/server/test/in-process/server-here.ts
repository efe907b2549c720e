import { pino } from "pino";
import { readConfig } from "../../src/config.ts";
import { type RunningServer, startServer } from "../../src/server.ts";
import { whenDone } from "../http/http-parts.ts";
import { type LogLine, temporaryDirectory } from "../support/server-process.ts";

/** A server in the process of the test, as an application has one. */
export interface ServerHere extends RunningServer {
  readonly wsUrl: string;
  readonly logs: readonly LogLine[];
}

/** Starts a server in this process, which is drained when the test ends if it was not before. */
export async function startServerHere(
  env: Readonly<Record<string, string>> = {},
): Promise<ServerHere> {
  const server = await startServerForFile(env);
  whenDone(() => server.drain());
  return server;
}

/** The same, for all tests of a file: whoever starts it drains it. */
export async function startServerForFile(
  env: Readonly<Record<string, string>> = {},
): Promise<ServerHere> {
  const logs: LogLine[] = [];
  const write = (line: string) => logs.push(JSON.parse(line));
  const config = readConfig({
    PORT: "0",
    DATA_DIR: env.DATA_DIR ?? (await temporaryDirectory()),
    UNLOAD_DELAY_MS: "100",
    ...env,
  });
  const server = await startServer(config, pino({ level: "debug" }, { write }));
  let drained: Promise<boolean> | undefined;
  const drain = () => {
    drained ??= server.drain();
    return drained;
  };
  return { ...server, wsUrl: server.url.replace("http", "ws"), logs, drain };
}

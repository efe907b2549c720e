import { pino } from "pino";
import { createServer, type SymphonyServer } from "../../src/index.ts";
import { whenDone } from "../http/http-parts.ts";
import { type LogLine, temporaryDirectory } from "../support/server-process.ts";

/** A server in the process of the test, as in an application. */
export interface ServerHere extends SymphonyServer {
  readonly wsUrl: string;
  readonly logs: readonly LogLine[];
}

/** Starts a server in this process. It is closed when the test ends, if it is still running. */
export async function startServerHere(
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerHere> {
  const server = await startServerForFile(settings);
  whenDone(() => server.close());
  return server;
}

/** Like `startServerHere`, but for all tests of a file; the caller closes it. */
export async function startServerForFile(
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerHere> {
  const logs: LogLine[] = [];
  const write = (line: string) => logs.push(JSON.parse(line));
  const server = await createServer({
    settings: {
      PORT: 0,
      DATA_DIR: settings.DATA_DIR ?? (await temporaryDirectory()),
      UNLOAD_DELAY_MS: 100,
      ...settings,
    },
    logger: pino({ level: "debug" }, { write }),
  });
  return { ...server, wsUrl: server.url.replace("http", "ws"), logs };
}

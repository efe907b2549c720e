import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@symphony/services/free-ports";
import { ManagedProcess } from "@symphony/services/managed-process";
import { onTestFinished } from "vitest";

/** The entry point of each published server, by package. */
const PROGRAMS = {
  "@y/websocket-server": "src/server.js",
  "y-websocket-1": "bin/server.js",
} as const;

export interface OldServer {
  readonly wsUrl: string;
  stop(): Promise<void>;
}

/** Starts a real server of y-websocket that stores its documents in this directory. */
export async function startOldServer(
  name: keyof typeof PROGRAMS,
  directory: string,
): Promise<OldServer> {
  const packageJson = fileURLToPath(import.meta.resolve(`${name}/package.json`));
  const port = await freePort();
  const server = new ManagedProcess({
    command: process.execPath,
    args: [join(dirname(packageJson), PROGRAMS[name])],
    env: { HOST: "127.0.0.1", PORT: String(port), YPERSISTENCE: directory },
    ready: async () => (await fetch(`http://127.0.0.1:${port}`)).ok,
  });
  onTestFinished(() => server.stop());
  await server.start();
  return { wsUrl: `ws://127.0.0.1:${port}`, stop: () => server.stop() };
}

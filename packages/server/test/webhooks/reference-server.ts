import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePorts } from "@symphony/services/free-ports";
import { afterAll } from "vitest";

/** The servers that users migrate from. */
export const REFERENCES: Readonly<Record<string, string>> = {
  "@y/websocket-server 0.1.1": "@y/websocket-server/src/server.js",
  "y-websocket 1.5.4": "y-websocket-1/bin/server.js",
};

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const MODULES = fileURLToPath(new URL("../../../../node_modules/", import.meta.url));

/** Starts one of `REFERENCES`, which stops at the end of the test file. @returns its `ws://` URL */
export async function startReference(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const [port = 0] = await freePorts(1);
  const child = spawn(process.execPath, [`${MODULES}${REFERENCES[name] ?? ""}`], {
    env: { PATH: process.env.PATH ?? "", HOST: "127.0.0.1", PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await listening(child);
  return `ws://127.0.0.1:${port}`;
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) =>
      reject(new Error(`the reference server exited with code ${code}`)),
    );
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once("line", () => resolve());
  });
}

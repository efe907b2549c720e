import { execFile } from "node:child_process";
import { promisify } from "node:util";

const TIMEOUT_MS = 120_000;

const run = promisify(execFile);

/**
 * Runs one command of Redis, or of `redis-cli` itself, on this machine.
 *
 * @returns the server's reply as text, even if the reply is an error
 * @throws Error if the server is unreachable, or does not reply within two minutes
 */
export async function redisCli(port: number, ...args: readonly string[]): Promise<string> {
  const target = ["-h", "127.0.0.1", "-p", String(port)];
  const { stdout } = await run("redis-cli", [...target, ...args], {
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

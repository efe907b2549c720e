import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { waitFor } from "../support/wait-for.ts";

const PROGRAM = fileURLToPath(new URL("./writer-child.ts", import.meta.url));

/**
 * Runs a server whose own code writes numbers to a room, and kills it while it is writing.
 *
 * @param env the server's environment
 * @returns the last number that was reported as durable
 */
export async function writeUntilKilled(
  room: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const child = fork(PROGRAM, [room], {
    env: { PATH: process.env.PATH ?? "", PORT: "0", ...env },
    execArgv: [],
  });
  let durable = -1;
  child.on("message", (number) => {
    durable = Number(number);
  });
  const exited = once(child, "exit");
  try {
    await waitFor(() => durable >= 5, {
      message: () => `number 5 is durable; the last one is ${durable}`,
    });
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
  return durable;
}

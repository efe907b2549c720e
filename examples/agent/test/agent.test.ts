import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { yWebsocket31 } from "../../../packages/server/test/support/providers.ts";
import { temporaryDirectory } from "../../../packages/server/test/support/server-process.ts";
import { waitFor } from "../../../packages/server/test/support/wait-for.ts";

const EXAMPLE = fileURLToPath(new URL("../", import.meta.url));

/** Runs the example as its package does. */
async function start(DATA_DIR: string) {
  const child = spawn("npm", ["start", "--silent"], {
    cwd: EXAMPLE,
    env: { PATH: process.env.PATH ?? "", PORT: "0", DATA_DIR },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const stop = async () => {
    const exited = once(child, "exit");
    // The whole group: npm passes the signal on to a shell only.
    process.kill(-(child.pid ?? 0), "SIGTERM");
    await exited;
  };
  try {
    const line = await waitFor(() => lines.find((line) => line.includes('"url"')), {
      timeout: 30_000,
      message: () => `the server listens: ${lines.join("\n")}`,
    });
    return { wsUrl: String(JSON.parse(line).url).replace("http", "ws"), lines, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

it("is in the room, and answers lines that begin with @agent", async () => {
  const dataDir = await temporaryDirectory();
  const agent = await start(dataDir);
  const person = yWebsocket31.open(agent.wsUrl, "agent", { presence: { user: { name: "Ada" } } });
  const shows = (expected: string) =>
    waitFor(() => person.text.toString() === expected, {
      message: () => JSON.stringify(person.text.toString()),
    });
  try {
    await waitFor(() => [...person.presence.values()].some(isAgent), { message: "it is there" });
    person.text.insert(0, "Notes\n@agent count to be or not to be");
    person.text.insert(person.text.toString().length, "\n");
    await shows("Notes\n@agent count to be or not to be\n> 6 words\n");
    person.text.insert(0, "@agent upper hello\n@agent what?\n");
    const answered =
      "@agent upper hello\n> HELLO\n@agent what?\n> I can count, upper and reverse.\n" +
      "Notes\n@agent count to be or not to be\n> 6 words\n";
    await shows(answered);
  } finally {
    person.destroy();
    await agent.stop();
  }
  expect(agent.lines).toContain(
    "the agent has left room agent: the server is shutting down (1012)",
  );
});

function isAgent(state: unknown): boolean {
  return (state as { user?: { name?: string } }).user?.name === "Agent";
}

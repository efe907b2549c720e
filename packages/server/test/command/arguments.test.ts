import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { spawnServer, startServer } from "../support/server-process.ts";

const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

it.each([[["--help"]], [["-h"]], [["setup", "--help"]]])("%j prints the usage", async (args) => {
  const command = await spawnServer({}, args);
  expect((await command.exited).code).toBe(0);
  expect(command.output.join("\n")).toMatch(/Usage: symphony-backend[\s\S]* DATABASE_URL /);
});

it.each([["--version"], ["-v"]])("%s prints the version", async (flag) => {
  const command = await spawnServer({}, [flag]);
  expect((await command.exited).code).toBe(0);
  expect(command.output).toEqual([version]);
});

it("--host and --port override the environment", async () => {
  // The port of a server that has just stopped is available.
  const first = await startServer();
  const { port } = first;
  await first.stop();
  const second = await spawnServer({ env: { HOST: "127.0.0.2", PORT: "1" } }, [
    "--host=127.0.0.1",
    "--port",
    String(port),
  ]);
  await expect.poll(() => second.url, { timeout: 30_000 }).toBe(`http://127.0.0.1:${port}`);
  expect(await second.stop()).toBe(0);
});

it.each([
  [["strat"], 'unknown command "strat"; did you mean start?'],
  [["serve"], 'unknown command "serve"; see --help'],
  [["--prot", "80"], "unknown option --prot; did you mean --port?"],
  [["--verbose"], "unknown option --verbose; see --help"],
  [["-p", "80"], "unknown option -p; see --help"],
  [["--port"], "--port needs a value"],
  [["--help=no"], "--help takes no value"],
  [["--port", "http"], 'PORT="http": must be a whole number'],
  [["setup", "now"], 'setup takes no arguments, but got "now"'],
])("%j is refused in one line", async (args, reason) => {
  const command = await spawnServer({}, args);
  expect((await command.exited).code).toBe(1);
  expect(command.output).toEqual([`symphony-backend: ${reason}`]);
  expect(command.logs).toEqual([]);
});

it("warns about variables that look like misspelt settings", async () => {
  const env = {
    CALBACK_URL: "http://127.0.0.1:9/",
    SSL_CERT_FILE: "/etc/ca.pem",
    MAX_CONECTIONS: "5",
  };
  const server = await startServer({ env });
  const warnings = server.logs.filter(({ level }) => level === 40).map(({ msg }) => msg);
  expect(warnings).toEqual([
    "CALBACK_URL is not a setting and is ignored; did you mean CALLBACK_URL?",
    "MAX_CONECTIONS is not a setting and is ignored; did you mean MAX_CONNECTIONS?",
  ]);
  expect(await server.stop()).toBe(0);
});

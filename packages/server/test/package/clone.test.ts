import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@symphony/services/free-ports";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const INSTALL_MS = 600_000;

let clone: string;

/** What git would clone, plus uncommitted changes. */
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), "symphony-clone-"));
  const { stdout } = await run(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 },
  );
  for (const file of stdout.split("\0").filter((name) => name !== "")) {
    await mkdir(dirname(join(clone, file)), { recursive: true });
    await cp(join(ROOT, file), join(clone, file));
  }
  // As `npm ci` installed it for this run. Its links to the workspaces are relative.
  await run("cp", ["-a", "--reflink=auto", join(ROOT, "node_modules"), clone]);
}, INSTALL_MS);

afterAll(() => rm(clone, { recursive: true, force: true }));

it("has the command, which says that it is not built yet", async () => {
  const failed = await run("npx", ["symphony-backend", "--version"], { cwd: clone }).catch(
    (error) => error,
  );
  expect(failed).toMatchObject({
    code: 1,
    stdout: "",
    stderr: "symphony-backend: it is not built yet; run `npm run build` first\n",
  });
});

it("is built by one script, after which the command works", async () => {
  const { stdout: script } = await run("npm", ["pkg", "get", "scripts.build"], { cwd: clone });
  expect(script).toContain("build -w symphony-backend");
  // The script also builds the pages, but they take longer than everything else.
  await run("npm", ["run", "build", "-w", "symphony-backend"], { cwd: clone });
  const { stdout } = await run("npx", ["symphony-backend", "setup", "--help"], { cwd: clone });
  expect(stdout).toContain("symphony-backend setup ");
  // No configured service needs setting up.
  await run("npx", ["symphony-backend", "setup"], { cwd: clone });
});

it("stops the server when npm is stopped", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/health/live`;
  const env = { ...process.env, PORT: String(port), DATA_DIR: join(clone, "data") };
  // The scripts that run before it build the pages, which the server can do without.
  const npm = spawn("npm", ["start", "--ignore-scripts"], { cwd: clone, env, stdio: "ignore" });
  const answers = () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor(answers, { message: "the server responds" });
  const ended = once(npm, "exit");
  npm.kill("SIGTERM");
  await ended;
  await waitFor(async () => !(await answers()), { message: "the server has stopped" });
});

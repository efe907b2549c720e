import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { yWebsocket31 } from "../support/providers.ts";
import { RawClient, readRoom } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { ExampleProcess } from "./example-process.ts";

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const MODULES = fileURLToPath(new URL("../../../../node_modules/", import.meta.url));
const CONSUMER = fileURLToPath(new URL("./consumer/", import.meta.url));
const OWN_JOURNAL = fileURLToPath(new URL("./own-journal/", import.meta.url));

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let directory: string;
let packed: Packed;

/** Packs the package as for publishing and installs that file as an application would. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "symphony-package-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", directory], {
    cwd: PACKAGE,
  });
  packed = JSON.parse(stdout)[0];
  await writeFile(join(directory, "package.json"), '{ "private": true, "type": "module" }');
  await run(
    "npm",
    ["install", "--no-audit", "--no-fund", "--prefer-offline", join(directory, packed.filename)],
    { cwd: directory },
  );
  for (const name of ["@types", "fast-check", "typescript", "vitest"]) {
    await symlink(join(MODULES, name), join(directory, "node_modules", name));
  }
}, 240_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

it("contains exactly the files that it needs", () => {
  const other = packed.files
    .map(({ path }) => path)
    .filter(
      (path) => !/^(bin|dashboard|dist|site)\/|^(package\.json|README\.md|LICENSE)$/.test(path),
    );
  expect(other).toEqual([]);
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      ...["bin/symphony-backend.js", "dist/cli.js", "dist/index.js", "dist/index.d.ts"],
      ...["site/index.html", "dashboard/index.html", "LICENSE"],
    ]),
  );
  expect(paths.filter((path) => /\.map$|(?<!\.d)\.ts$/.test(path))).toEqual([]);
  expect(packed.size).toBeLessThan(2_000_000);
});

it("prints its usage as a command", async () => {
  const { stdout } = await run("npx", ["symphony-backend", "--help"], { cwd: directory });
  expect(stdout).toContain("Usage: symphony-backend");
});

it("serves documents and the editor", async () => {
  const server = spawn(process.execPath, ["node_modules/symphony-backend/dist/cli.js"], {
    cwd: directory,
    env: { ...process.env, PORT: "0", DATA_DIR: join(directory, "data") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = await once(createInterface(server.stdout), "line");
    const { url } = JSON.parse(line);
    const page = await fetch(url);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<!doctype")]);
    const doc = await readRoom(url.replace("http", "ws"), "room");
    expect(doc.share.size).toBe(0);
  } finally {
    server.kill("SIGTERM");
  }
  expect((await once(server, "exit"))[0]).toBe(0);
});

it("describes its exports as tools expect", async () => {
  const pkgDir = join(directory, "node_modules/symphony-backend");
  const { messages, pkg = {} } = await publint({ pkgDir, pack: false });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

describe("an application that has installed the package", () => {
  beforeAll(async () => {
    await cp(CONSUMER, directory, { recursive: true });
  });

  it("compiles with all strict checks", async () => {
    const tsc = join(MODULES, ".bin/tsc");
    const { stdout } = await run(tsc, ["-p", "."], { cwd: directory }).catch((error) => error);
    expect(stdout).toBe("");
  });

  it("can run a server in its own process", async () => {
    const { stdout } = await run(process.execPath, ["main.ts"], { cwd: directory });
    expect(JSON.parse(stdout)).toEqual([{ status: "ok" }, "application", true]);
  });
});

// In this file because they use what was built for the package.
describe("the example", () => {
  it.each([
    ["express", "drafts", { token: "token-of-ada" }, ""],
    ["fastify", "welcome", {}, "Hello, everybody"],
  ])("for %s serves the application and its documents", async (name, room, params, content) => {
    const example = await ExampleProcess.start(name, join(directory));
    const wsUrl = example.url.replace("http", "ws");
    const sessions = [1, 2].map(() => yWebsocket31.open(wsUrl, room, { params }));
    try {
      const [ada, bob] = sessions;
      if (ada === undefined || bob === undefined) throw new Error("expected two sessions");
      await waitFor(() => ada.isSynced && bob.isSynced, { message: "both clients have synced" });
      expect(ada.text.toString()).toBe(content);
      ada.text.insert(0, "! ");
      await waitFor(() => bob.text.toString() === `! ${content}`, {
        message: "bob has received the text",
      });
      const page = await fetch(new URL("/", example.url));
      expect([page.status, await page.text()]).toEqual([200, "a page of the application"]);
      if (name === "express") {
        const stranger = await RawClient.connect(wsUrl, room);
        expect(await stranger.closed).toEqual({ code: 4401, reason: "log in first" });
      }
      for (const session of sessions) session.destroy();
      expect(await example.stop()).toBe(0);
    } finally {
      for (const session of sessions) session.destroy();
      example.kill();
    }
  });

  it("of an agent is present in its room and answers lines that begin with @agent", async () => {
    const example = await ExampleProcess.start("agent", directory);
    const person = yWebsocket31.open(example.url.replace("http", "ws"), "agent");
    const shows = (expected: string) =>
      waitFor(() => person.text.toString() === expected, {
        message: () => JSON.stringify(person.text.toString()),
      });
    try {
      await waitFor(() => [...person.presence.values()].some(isAgent), {
        message: "the agent is present",
      });
      person.text.insert(0, "Notes\n@agent count to be or not to be");
      person.text.insert(person.text.toString().length, "\n");
      await shows("Notes\n@agent count to be or not to be\n> 6 words\n");
      person.text.insert(0, "@agent upper hello\n@agent what?\n");
      await shows(
        "@agent upper hello\n> HELLO\n@agent what?\n> I can count, upper and reverse.\n" +
          "Notes\n@agent count to be or not to be\n> 6 words\n",
      );
      person.destroy();
      expect(await example.stop()).toBe(0);
    } finally {
      person.destroy();
      example.kill();
    }
  });
});

function isAgent(state: unknown): boolean {
  return (state as { user?: { name?: string } }).user?.name === "Agent";
}

it("lets the application edit a server document with its own Yjs", async () => {
  const program = `
    import { createServer } from "symphony-backend";
    import * as Y from "yjs";
    const server = await createServer({ settings: { PORT: 0, DATA_DIR: "edited", LOG_LEVEL: "error" } });
    const opened = await server.openDocument("room");
    opened.doc.getMap("map").set("text", new Y.Text("typed"));
    await opened.whenDurable();
    console.log(JSON.stringify(opened.doc.getMap("map")));
    await server.close();
  `;
  await writeFile(join(directory, "edit.js"), program);
  const { stdout, stderr } = await run(process.execPath, ["edit.js"], { cwd: directory });
  expect([stdout.trim(), stderr]).toEqual(['{"text":"typed"}', ""]);
});

it("exports its Yjs to CommonJS applications, whose require would load a second copy", async () => {
  const program = `
    const { createServer, Y } = require("symphony-backend");
    createServer({ settings: { PORT: 0, DATA_DIR: "edited-cjs", LOG_LEVEL: "error" } }).then(async (server) => {
      const opened = await server.openDocument("room");
      opened.doc.getMap("map").set("text", new Y.Text("typed"));
      await opened.whenDurable();
      console.log(JSON.stringify(opened.doc.getMap("map")));
      await server.close();
    });
  `;
  await writeFile(join(directory, "edit.cjs"), program);
  const { stdout, stderr } = await run(process.execPath, ["edit.cjs"], { cwd: directory });
  expect([stdout.trim(), stderr]).toEqual(['{"text":"typed"}', ""]);
});

it("provides types and conformance suites to authors of custom parts", async () => {
  await cp(OWN_JOURNAL, join(directory, "own"), { recursive: true });
  const tsc = join(MODULES, ".bin/tsc");
  const options =
    "--ignoreConfig --noEmit --strict --module nodenext --skipLibCheck --allowImportingTsExtensions";
  await run(tsc, [...options.split(" "), "own/own-journal.test.ts"], { cwd: directory });
  const vitest = join(MODULES, "vitest/vitest.mjs");
  const { stdout } = await run(process.execPath, [vitest, "run", "--root", directory], {
    cwd: directory,
    env: { PATH: process.env.PATH ?? "", NO_COLOR: "1" },
  });
  expect(stdout).toMatch(/Tests +\d\d passed/);
});

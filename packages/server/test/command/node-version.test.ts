import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { nodeProblem, OLDEST_NODE } from "../../src/runtime/node-version.ts";

const run = promisify(execFile);
const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const LIBRARY = new URL("../../src/index.ts", import.meta.url).href;

/** Makes Node report a different version before the program is loaded. */
const PRETENDS = `data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });',
)}`;
const REASON = "symphony-backend needs Node 22.16 or later; this is Node 20.20.2";

it("the supported versions are those that package.json requires", () => {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect(JSON.parse(manifest).engines.node).toBe(`>=${OLDEST_NODE}`);
  for (const version of ["22.16.0", "22.17.1", "24.0.0", "100.0.0"]) {
    expect(nodeProblem(version)).toBe(undefined);
  }
  for (const version of ["22.15.1", "20.20.2", "18.0.0"])
    expect(nodeProblem(version)).toBeDefined();
});

describe("on an older Node", () => {
  it("the command prints one line with the required version", async () => {
    const failed = await run(process.execPath, ["--import", PRETENDS, CLI]).catch((error) => error);
    expect(failed).toMatchObject({ code: 1, stdout: "", stderr: `${REASON}\n` });
  });

  it("the library rejects with the same message", async () => {
    const program = `import(${JSON.stringify(LIBRARY)}).catch((error) => console.log(error.stack));`;
    const { stdout } = await run(process.execPath, ["--import", PRETENDS, "-e", program]);
    expect(stdout).toBe(`${REASON}\n`);
    const failed = await run(process.execPath, ["--import", PRETENDS, LIBRARY.slice(7)]).catch(
      (error) => error,
    );
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toContain(REASON);
    expect(failed.stderr).not.toMatch(/^ +at /m);
  });
});

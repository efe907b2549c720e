import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const run = promisify(execFile);
const WORKSPACE = fileURLToPath(new URL("../", import.meta.url));
/** The largest template that CloudFormation accepts without a bucket. */
const MOST_BYTES = 51_200;

it("produces a single template that can be deployed as it is, without an account", async () => {
  const out = await mkdtemp(join(tmpdir(), "symphony-synth-"));
  onTestFinished(() => rm(out, { recursive: true }));
  const scripts = JSON.parse(await readFile(join(WORKSPACE, "package.json"), "utf8")).scripts;
  const [program = "", ...args] = scripts.synth.split(" ");
  await run(program === "node" ? process.execPath : program, args, {
    cwd: WORKSPACE,
    // No credentials, and nowhere to look for any.
    env: { HOME: out, CDK_OUTDIR: out },
  });
  const files = await readdir(out);
  expect(files.filter((file) => file.startsWith("asset"))).toEqual([]);
  const text = await readFile(join(out, "Symphony.template.json"), "utf8");
  expect(Buffer.byteLength(text)).toBeLessThan(MOST_BYTES);
  const { Parameters } = JSON.parse(text);
  expect(Object.keys(Parameters)).toEqual(["Image"]);
});

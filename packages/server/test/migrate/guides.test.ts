import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const GUIDES = [
  "examples/migrate/README.md",
  ...readdirSync(join(ROOT, "docs/migrating")).map((name) => `docs/migrating/${name}`),
];

const guides = new Map(GUIDES.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));

describe.each(["from-leveldb", "from-hocuspocus", "from-s3"])("%s", (name) => {
  it("documents every option that the guides use", async () => {
    const { code, stdout, complaints } = await runProgram(name, { args: ["--help"] });
    expect({ code, complaints }).toEqual({ code: 0, complaints: "" });
    const commands = [...guides.values()].flatMap((text) =>
      // A command may continue on the next line.
      [...text.replaceAll("\\\n", " ").matchAll(/^node (\S+)(.*)$/gm)].filter(
        ([, program]) => program === `examples/migrate/src/${name}.ts`,
      ),
    );
    expect(commands).not.toEqual([]);
    for (const [command, , options = ""] of commands) {
      for (const [option] of options.matchAll(/--[a-z-]+/g)) {
        expect(stdout, command).toMatch(new RegExp(`^  ${option} `, "m"));
      }
    }
  });
});

it("the guides only link to existing files", () => {
  for (const [path, text] of guides) {
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)/g)) {
      expect(existsSync(join(ROOT, dirname(path), target)), `${target} in ${path}`).toBe(true);
    }
  }
});

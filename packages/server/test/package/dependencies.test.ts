import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

// What everybody who installs the package gets with it.

const SERVER = fileURLToPath(new URL("../../", import.meta.url));
const ARCHITECTURE = fileURLToPath(new URL("../../../../ARCHITECTURE.md", import.meta.url));

/** Those that ask for no more than that their text is kept. */
const LICENCES = [
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
];
/** What npm runs when a package is installed. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"];

const names = z.record(z.string(), z.string()).default({});
const manifestSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  license: z.string().optional(),
  scripts: names,
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
  peerDependenciesMeta: z
    .record(z.string(), z.looseObject({ optional: z.boolean().optional() }))
    .default({}),
});
type Manifest = z.output<typeof manifestSchema>;

interface Installed {
  readonly directory: string;
  readonly manifest: Manifest;
}

async function installedAt(directory: string): Promise<Installed> {
  const text = await readFile(join(directory, "package.json"), "utf8");
  return { directory, manifest: manifestSchema.parse(JSON.parse(text)) };
}

/** Where Node finds a package for another one; `null` when it is optional and not there. */
function find(name: string, from: string): string | null {
  const directory = join(from, "node_modules", name);
  if (existsSync(join(directory, "package.json"))) return directory;
  return from === dirname(from) ? null : find(name, dirname(from));
}

/** What npm installs for a package in any case: also peers, unless they are optional. */
function requiredBy({ dependencies, peerDependencies, peerDependenciesMeta }: Manifest): string[] {
  const peers = Object.keys(peerDependencies).filter(
    (name) => peerDependenciesMeta[name]?.optional !== true,
  );
  return [...Object.keys(dependencies), ...peers];
}

/** What a package needs, and what that needs, by directory. */
async function dependenciesOf(root: string): Promise<Installed[]> {
  const found = new Map<string, Installed>();
  const visit = async ({ directory, manifest }: Installed): Promise<void> => {
    const { optionalDependencies } = manifest;
    for (const name of [...requiredBy(manifest), ...Object.keys(optionalDependencies)]) {
      const at = find(name, directory);
      if (at === null && name in optionalDependencies) continue;
      if (at === null) throw new Error(`${manifest.name} needs ${name}, which is not installed`);
      if (found.has(at)) continue;
      const dependency = await installedAt(at);
      found.set(at, dependency);
      await visit(dependency);
    }
  };
  await visit(await installedAt(root));
  return [...found.values()];
}

/** Whether one of the alternatives of an expression is allowed. */
function isAllowed(licence: string): boolean {
  const alternatives = licence.replaceAll(/[()]/g, "").split(" OR ");
  return alternatives.some((one) => one.split(" AND ").every((name) => LICENCES.includes(name)));
}

let server: Manifest;
let dependencies: Installed[];
beforeAll(async () => {
  server = (await installedAt(SERVER)).manifest;
  dependencies = await dependenciesOf(SERVER);
});

const label = ({ manifest }: Installed) => `${manifest.name}@${manifest.version}`;

describe("everything that the package brings", () => {
  it("is found", () => {
    const found = new Set(dependencies.map(({ manifest }) => manifest.name));
    expect(requiredBy(server).filter((name) => !found.has(name))).toEqual([]);
    expect(found.size).toBeGreaterThan(Object.keys(server.dependencies).length);
  });

  it(`has one of these licences: ${LICENCES.join(", ")}`, () => {
    const others = dependencies
      .filter(({ manifest }) => !isAllowed(manifest.license ?? ""))
      .map((one) => `${label(one)}: ${one.manifest.license ?? "none"}`);
    expect(others).toEqual([]);
  });

  it("runs nothing when it is installed", () => {
    const running = dependencies.filter(
      ({ directory, manifest }) =>
        INSTALL_SCRIPTS.some((name) => name in manifest.scripts) ||
        // npm compiles it without being told to.
        existsSync(join(directory, "binding.gyp")),
    );
    expect(running.map(label)).toEqual([]);
  });
});

it("every direct dependency is justified, and no other", async () => {
  const text = await readFile(ARCHITECTURE, "utf8");
  const [, table = ""] = /^## Dependencies of the server$(.*?)^[^|\s]/ms.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (`.*?`) \| ./gm)].map(([, cell = ""]) => cell);
  const listed = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(listed.sort()).toEqual(requiredBy(server).sort());
});

it("is published for everybody, with a proof of where it was built", () => {
  expect(server.publishConfig).toEqual({ access: "public", provenance: true });
});

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

// Everything that is installed along with the package.

const SERVER = fileURLToPath(new URL("../../", import.meta.url));
const ARCHITECTURE = fileURLToPath(new URL("../../../../ARCHITECTURE.md", import.meta.url));

/** Licences that require nothing more than keeping their text. */
const LICENCES = [
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
];
/** The scripts that npm runs when it installs a package. */
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

/** Where Node resolves a package from a directory; `null` if it is not installed. */
function find(name: string, from: string): string | null {
  const directory = join(from, "node_modules", name);
  if (existsSync(join(directory, "package.json"))) return directory;
  return from === dirname(from) ? null : find(name, dirname(from));
}

/** What npm always installs for a package, including peers that are not optional. */
function requiredBy({ dependencies, peerDependencies, peerDependenciesMeta }: Manifest): string[] {
  const peers = Object.keys(peerDependencies).filter(
    (name) => peerDependenciesMeta[name]?.optional !== true,
  );
  return [...Object.keys(dependencies), ...peers];
}

/** The transitive dependencies of a package. */
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

/** Whether at least one alternative of a licence expression is allowed. */
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

describe("all dependencies of the package", () => {
  it("are found", () => {
    const found = new Set(dependencies.map(({ manifest }) => manifest.name));
    expect(requiredBy(server).filter((name) => !found.has(name))).toEqual([]);
    expect(found.size).toBeGreaterThan(Object.keys(server.dependencies).length);
  });

  it(`have one of these licences: ${LICENCES.join(", ")}`, () => {
    const others = dependencies
      .filter(({ manifest }) => !isAllowed(manifest.license ?? ""))
      .map((one) => `${label(one)}: ${one.manifest.license ?? "none"}`);
    expect(others).toEqual([]);
  });

  it("run nothing on installation", () => {
    const running = dependencies.filter(
      ({ directory, manifest }) =>
        INSTALL_SCRIPTS.some((name) => name in manifest.scripts) ||
        // npm compiles such a package without being told to.
        existsSync(join(directory, "binding.gyp")),
    );
    expect(running.map(label)).toEqual([]);
  });
});

it("ARCHITECTURE.md lists exactly the direct dependencies, with reasons", async () => {
  const text = await readFile(ARCHITECTURE, "utf8");
  const [, table = ""] = /^## Dependencies of the server$(.*?)^[^|\s]/ms.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (`.*?`) \| ./gm)].map(([, cell = ""]) => cell);
  const listed = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(listed.sort()).toEqual(requiredBy(server).sort());
});

it("is published with public access and provenance", () => {
  expect(server.publishConfig).toEqual({ access: "public", provenance: true });
});

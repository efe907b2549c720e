import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export interface ComposeService {
  readonly image?: string;
  readonly build?: string | { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?:
    | readonly string[]
    | Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly restart: string;
  readonly stop_grace_period?: string;
  readonly deploy: { readonly resources: { readonly limits: Readonly<Record<string, string>> } };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** The directory of `compose.yaml`, which its relative paths start from. */
export const DEPLOY: string = fileURLToPath(new URL("../../", import.meta.url));

/** The names in `example.env`, which `compose.yaml` requires. */
export function exampleVariables(): Record<string, string> {
  const lines = readFileSync(`${DEPLOY}example.env`, "utf8").match(/^[A-Z0-9_]+=.*$/gm) ?? [];
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", value = ""] = line.split("=");
      return [name, value];
    }),
  );
}

/** `compose.yaml`, with these values for the variables that it requires. */
export function readCompose(variables: Readonly<Record<string, string>>): ComposeFile {
  const text = readFileSync(`${DEPLOY}compose.yaml`, "utf8");
  const filled = text.replace(/\$\{(\w+)[^}]*\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`compose.yaml asks for ${name}, example.env does not`);
    return value;
  });
  return parse(filled, { merge: true }) as ComposeFile;
}

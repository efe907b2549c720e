import { randomPersonName } from "./names.ts";

/** What a person shows to the others: y-codemirror.next reads it from the awareness field `user`. */
export interface Person {
  readonly name: string;
  /** `#rrggbb` */
  readonly color: string;
}

const STORED_NAME = "symphony.text-editor.name";
const MAX_NAME_LENGTH = 40;

/**
 * The name to start with. A name that was chosen once is used in every later tab; until then each
 * tab gets its own, so that two tabs side by side look like two people.
 */
export function initialName(): string {
  return cleanName(storedName()) ?? randomPersonName();
}

/** Keeps a chosen name for later visits. */
export function rememberName(name: string): void {
  try {
    localStorage.setItem(STORED_NAME, name);
  } catch {
    // Storage may be full or forbidden. The name then lasts as long as the page, which still works.
  }
}

/** A name fit to be shown, or undefined if nothing is left of it. */
export function cleanName(name: unknown): string | undefined {
  if (typeof name !== "string") return undefined;
  const clean = name.replace(/\s+/g, " ").trim().slice(0, MAX_NAME_LENGTH);
  return clean === "" ? undefined : clean;
}

/** Reads an awareness state's `user` field, which another program may have filled in any way. */
export function personOf(user: unknown): Person {
  const { name, color } = (user ?? {}) as { name?: unknown; color?: unknown };
  const rgb = typeof color === "string" ? /^(#[0-9a-f]{6})(ff)?$/i.exec(color)?.[1] : undefined;
  return { name: cleanName(name) ?? "Anonymous", color: rgb ?? "#6b7280" };
}

function storedName(): string | null {
  try {
    return localStorage.getItem(STORED_NAME);
  } catch {
    // Storage may be forbidden; then nothing was remembered.
    return null;
  }
}

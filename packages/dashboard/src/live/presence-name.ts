import { visible } from "../format/visible.ts";
import type { PresentClient } from "./watched-room.ts";

/** A client's display name, where most editors put it: `user.name` or `name`. Safe to display. */
export function presenceName({ state }: PresentClient): string | undefined {
  return nameIn(fieldOf(state, "user")) ?? nameIn(state);
}

function nameIn(value: unknown): string | undefined {
  const name = fieldOf(value, "name");
  return typeof name === "string" && name.trim() !== "" ? visible(name) : undefined;
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === field)?.[1];
}

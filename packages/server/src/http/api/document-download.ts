import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { ApiProblem } from "./problems.ts";

export const UPDATE_TYPE = "application/octet-stream";
export const JSON_TYPE = "application/json";

/** The media type in which the client wants a document; an update if it accepts any. @throws ApiProblem */
export function wantedType(c: Context): typeof UPDATE_TYPE | typeof JSON_TYPE {
  const header = c.req.header("accept") ?? "*/*";
  const type = accepts(c, {
    header: "Accept",
    supports: [UPDATE_TYPE, JSON_TYPE],
    default: /\*\/\*(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(header) ? UPDATE_TYPE : "",
  });
  if (type === UPDATE_TYPE || type === JSON_TYPE) return type;
  throw new ApiProblem(
    406,
    `accept is ${header}: only ${UPDATE_TYPE} and ${JSON_TYPE} are available`,
  );
}

/** A file name for a room's document that is valid on every operating system. */
export function fileNameOf(room: string): string {
  const name = room.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 100);
  return `${name}.yjs`;
}

import { z } from "zod";
import { ROOT_TYPES, type RootNames } from "../room/json/root-types.ts";

// What the text of a setting may be, and the value that it stands for.

/** Node fires timers with longer delays immediately, and some limits would not apply at all. */
const MOST = 2_147_483_647;

export const wholeNumber = (least: number, most: number = MOST): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= least, `must be at least ${least}`)
    .refine((value) => value <= most, `must be at most ${most}`);

/** A setting without a default: `undefined` when it is not set. */
export function optional<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return z
    .literal("")
    .transform(() => undefined)
    .or(schema);
}

const isUrl = (text: string, schemes: readonly string[]) =>
  schemes.includes(URL.parse(text)?.protocol ?? "");

const urlMustBegin = (schemes: readonly string[]) =>
  `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`;

export const url = (schemes: readonly string[]): z.ZodType<string> =>
  z.string().refine((text) => isUrl(text, schemes), urlMustBegin(schemes));

export const urls = (schemes: readonly string[]): z.ZodType<string[]> =>
  z
    .string()
    .transform((text) => text.split(",").map((url) => url.trim()))
    .refine((all) => all.every((one) => isUrl(one, schemes)), urlMustBegin(schemes));

/** An endpoint of the application that receives requests from this server. */
export const receiverUrl: z.ZodType<string> = z.string().refine((text) => {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "";
}, "must be a URL that begins with http:// or https://, without user name and password");

export const rootNames: z.ZodType<RootNames> = z
  .string()
  .transform((text) => parseJson(text))
  .pipe(
    z.record(
      z.string(),
      z.enum(ROOT_TYPES, `must map each name to one of the types ${ROOT_TYPES.join(", ")}`),
      'must be a JSON object such as {"prosemirror": "XmlFragment"}',
    ),
  )
  .transform((types): RootNames => Object.entries(types));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const hostAndPort: z.ZodType<string> = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s/]+):\d{1,5}$/, "must be host:port")
  .refine((address) => isPort(address), "must be host:port, with a port from 1 to 65535");

function isPort(address: string): boolean {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return port >= 1 && port <= 65_535;
}

export const flag: z.ZodType<boolean> = z
  .enum(["true", "false"], "must be true or false")
  .transform((v) => v === "true");

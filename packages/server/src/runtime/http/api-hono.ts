import type { HttpBindings } from "@hono/node-server";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";

/** What routes know of the connection that a request came on. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    /** Whether the sender of a request that was let pass still may; does not reject. */
    readonly mayGoOn?: () => Promise<boolean>;
  };
}

/** Routes that describe themselves. */
export type ApiHono = OpenAPIHono<ApiEnv>;

/** What is answered may be another thing the next time, and is nothing for caches. */
export const noStore: MiddlewareHandler = async (c, next) => {
  await next();
  c.res.headers.set("cache-control", "no-store");
};

import type { HttpBindings } from "@hono/node-server";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";

/** The environment of the routes: the connection of a request, and its authorization. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    /** Checks whether an admitted request is still allowed to continue; does not reject. */
    readonly mayGoOn?: () => Promise<boolean>;
  };
}

/** Routes with an OpenAPI description. */
export type ApiHono = OpenAPIHono<ApiEnv>;

/** Marks responses as not cacheable, because the next one may differ. */
export const noStore: MiddlewareHandler = async (c, next) => {
  await next();
  c.res.headers.set("cache-control", "no-store");
};

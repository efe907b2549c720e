import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { AllowedOrigins } from "../auth/allowed-origins.ts";
import { type ApiEnv, type ApiHono, noStore } from "../runtime/http/api-hono.ts";
import {
  type AdminGate,
  type AdminGateOptions,
  adminGate,
  type HttpContext,
} from "./admin-gate.ts";
import { SESSION_COOKIE, SESSION_SECONDS } from "./admin-session.ts";
import { ApiProblem, answerErrors, invalidParameters, openProblems } from "./api/problems.ts";
import { loginSchema, sessionSchema } from "./api/schemas.ts";
import { isFromOtherSite } from "./request-origin.ts";

/** Methods that change nothing and are not audited. */
const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** Audit names, by method and the part of the path after the room. */
const ACTIONS: Readonly<Record<string, string>> = {
  "DELETE ": "delete-room",
  "POST recheck": "recheck-room",
  "POST updates": "apply-update",
};
/** Hidden from page scripts, and not sent with requests that another site initiates. */
const COOKIE = { path: "/", httpOnly: true, sameSite: "Strict" } as const;
/**
 * What a listed page may do. Credentials are not allowed: pages of other origins may rely neither on
 * cookies nor on running on this machine, and must send the token.
 */
const PERMISSIONS = {
  "access-control-allow-methods": "GET, HEAD, POST, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID",
  // Browsers repeat the preflight after ten minutes, so that a changed setting takes effect soon.
  "access-control-max-age": "600",
};

/** A login holds a token and nothing else. */
const MAX_LOGIN_BYTES = 4_096;

const PATH = "/api/session";

const session = {
  description: "Whether this browser may use the API.",
  content: { "application/json": { schema: sessionSchema } },
};

const get = createRoute({
  method: "get",
  path: PATH,
  tags: ["Session"],
  operationId: "getSession",
  summary: "Get the session state",
  security: [],
  responses: { 200: session, ...openProblems(403, 429) },
});

const begin = createRoute({
  method: "post",
  path: PATH,
  tags: ["Session"],
  operationId: "beginSession",
  summary: "Begin a session",
  description:
    "Sets a cookie that is valid for 12 hours. Sessions are for browsers; other clients send the token.",
  security: [],
  request: {
    body: { required: true, content: { "application/json": { schema: loginSchema } } },
  },
  responses: { 200: session, ...openProblems(400, 401, 403, 413, 415, 429) },
});

const end = createRoute({
  method: "delete",
  path: PATH,
  tags: ["Session"],
  operationId: "endSession",
  summary: "End the session of this browser",
  security: [],
  description: "The session ends on all servers, and for every other holder of its cookie.",
  responses: { 204: { description: "The session has ended." }, ...openProblems(429, 503) },
});

/** The session routes, for the OpenAPI document. */
export const sessionRoutes = [get, begin, end] as const;

export interface AdminAccessOptions extends AdminGateOptions {
  /** Origins whose pages may use the API, in addition to the server's own. */
  readonly origins: AllowedOrigins;
}

/**
 * Controls access to the API and the metrics, for every route registered after it. A client with the
 * token, or a session begun with it, may do everything.
 */
export function adminAccess(
  options: AdminAccessOptions,
  gate: AdminGate = adminGate(options),
): ApiHono {
  const required = gate.needsToken;
  const app: ApiHono = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw invalidParameters(result.error, {});
    },
  });
  app.onError(answerErrors(options.logger));
  app.use("/api/*", crossOrigin(options.origins));
  app.use("/api/*", noStore);
  app.openapi(get, async (c) => {
    const authenticated = await isSignedIn(gate, c);
    // Clear the cookie of an ended session: sending it again and again would count as guessing.
    if (!authenticated && getCookie(c, SESSION_COOKIE) !== undefined) {
      deleteCookie(c, SESSION_COOKIE, COOKIE);
    }
    return c.json({ authenticated, required }, 200);
  });
  app.post(PATH, bodyLimit({ maxSize: MAX_LOGIN_BYTES, onError: tooLarge }));
  app.openapi(begin, async (c) => {
    const value = await gate.begin(c.req.valid("json").token, c);
    setCookie(c, SESSION_COOKIE, value, {
      ...COOKIE,
      maxAge: SESSION_SECONDS,
      secure: isSecure(c),
    });
    return c.json({ authenticated: true, required }, 200);
  });
  app.openapi(end, async (c) => {
    await gate.end(c);
    deleteCookie(c, SESSION_COOKIE, COOKIE);
    return c.body(null, 204);
  });
  const check: MiddlewareHandler<ApiEnv> = async (c, next) => {
    await gate.check(c);
    c.set("mayGoOn", () => gate.mayGoOn(c));
    await next();
    if (!READS.has(c.req.method)) gate.audit(actionOf(c), c, detailsOf(c));
  };
  app.use("/api/*", check);
  app.use("/metrics", check);
  return app;
}

/** The audit name of a request, or its method and path if it has none. */
function actionOf(c: HttpContext): string {
  const [, , area, , ...rest] = c.req.path.split("/");
  const { method, path } = c.req;
  const action = area === "rooms" ? ACTIONS[`${method} ${rest.join("/")}`] : undefined;
  return action ?? `${method} ${path}`;
}

function detailsOf(c: HttpContext): Record<string, unknown> {
  const { method, path } = c.req;
  const room = c.req.query("room");
  return { method, path, ...(room === undefined ? {} : { room }), status: c.res.status };
}

/** @throws ApiProblem if the request is refused for any reason other than a missing or wrong token */
async function isSignedIn(gate: AdminGate, c: HttpContext): Promise<boolean> {
  try {
    await gate.check(c);
    return true;
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) return false;
    throw error;
  }
}

/** Whether the browser reached the server, or the proxy in front of it, over TLS. */
function isSecure(c: HttpContext): boolean {
  const [forwarded] = c.req.header("x-forwarded-proto")?.split(",") ?? [];
  return forwarded?.trim() === "https" || c.req.url.startsWith("https:");
}

function tooLarge(): never {
  throw new ApiProblem(413, `the body is larger than ${MAX_LOGIN_BYTES} bytes`);
}

/**
 * Lets pages of the listed origins read API responses (CORS), and refuses requests known to come from
 * other foreign origins. Without a list, browsers let only the server's own pages read responses.
 */
function crossOrigin(origins: AllowedOrigins): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return next();
    const listed = origins.lists(origin);
    const isPreflight =
      c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
    if (!listed && (isPreflight || origins.areListed) && isFromOtherSite(c.req)) {
      throw new ApiProblem(403, "this origin may not use the API; see ALLOWED_ORIGINS");
    }
    if (isPreflight && listed) c.res = new Response(null, { status: 204, headers: PERMISSIONS });
    else await next();
    if (!listed) return;
    c.res.headers.set("access-control-allow-origin", origin);
    c.res.headers.append("vary", "Origin");
  };
}

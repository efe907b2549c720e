import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { ApiEnv } from "../../runtime/http/api-hono.ts";
import { problem } from "../../runtime/http/problem.ts";
import { suggestion } from "../../runtime/nearest-name.ts";
import { ApiProblem } from "./problems.ts";

/** The properties of a route that requests are checked against. */
interface KnownRoute {
  readonly method: string;
  readonly path: RegExp;
  readonly parameters: readonly string[];
  /** The media types of a successful response; empty if it has no body. */
  readonly types: readonly string[];
}

/**
 * Rejects requests that do not match their route's description. If a misspelt parameter were ignored, the
 * response would be for a different request than intended.
 *
 * @throws ApiProblem
 */
export function checkRequests(app: OpenAPIHono<ApiEnv>): MiddlewareHandler<ApiEnv> {
  let routes: readonly KnownRoute[] | undefined;
  return async (c, next) => {
    // Computed on the first request, when all routes are registered.
    routes ??= routesOf(app);
    const { pathname, searchParams } = new URL(c.req.url);
    const found = routes.filter(({ path }) => path.test(pathname));
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    const route = found.find((one) => one.method === method);
    if (route === undefined && found.length > 0) {
      return wrongMethod(
        c,
        found.map((one) => one.method),
      );
    }
    if (route !== undefined) {
      checkParameters(searchParams, route.parameters);
      checkAccept(c.req.header("accept"), route.types);
    }
    return next();
  };
}

function routesOf({ openAPIRegistry }: OpenAPIHono<ApiEnv>): KnownRoute[] {
  return openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== "route") return [];
    const { method, path, request, responses } = definition.route;
    const query = request?.query;
    const answer = responses[200];
    return {
      method: method.toUpperCase(),
      path: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
      parameters: query !== undefined && "shape" in query ? Object.keys(Object(query.shape)) : [],
      types: answer !== undefined && "content" in answer ? Object.keys(answer.content ?? {}) : [],
    };
  });
}

/** Responds with 405 and the allowed methods. @param methods those of the path's routes */
export function wrongMethod(c: Context, methods: readonly string[]): Response {
  const named = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  const allow = [...new Set(named)].join(", ");
  const response = problem(405, `${c.req.path} allows ${allow}, not ${c.req.method}`);
  response.headers.set("allow", allow);
  return response;
}

/** @throws ApiProblem */
function checkParameters(given: URLSearchParams, known: readonly string[]): void {
  const names = [...given.keys()];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const none =
      known.length === 0 ? "; there are no parameters" : `; the parameters are ${known.join(", ")}`;
    throw new ApiProblem(
      400,
      `unknown parameter ${JSON.stringify(unknown.slice(0, 100))}${suggestion(unknown.slice(0, 100), known) || none}`,
    );
  }
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined)
    throw new ApiProblem(400, `parameter ${repeated} appears more than once`);
}

/** @throws ApiProblem if the client accepts none of the route's media types */
function checkAccept(header: string | undefined, types: readonly string[]): void {
  if (header === undefined || header.trim() === "" || types.length === 0) return;
  const accepted = header.split(",").flatMap((part) => {
    const [range = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [range];
  });
  const matches = (type: string) =>
    accepted.some((range) => range === "*/*" || range === type || range === anyOf(type));
  if ([...types, PROBLEM].some(matches)) return;
  throw new ApiProblem(
    406,
    `accept is ${header.slice(0, 200)}: only ${types.join(" and ")} is available`,
  );
}

/** The media type of errors, which every route may return. */
const PROBLEM = "application/problem+json";

function anyOf(type: string): string {
  return `${type.slice(0, type.indexOf("/"))}/*`;
}

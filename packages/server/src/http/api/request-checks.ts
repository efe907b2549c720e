import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { ApiEnv } from "../../runtime/http/api-hono.ts";
import { problem } from "../../runtime/http/problem.ts";
import { suggestion } from "../../runtime/nearest-name.ts";
import { ApiProblem } from "./problems.ts";

/** One route, as far as requests are compared with it. */
interface KnownRoute {
  readonly method: string;
  readonly path: RegExp;
  readonly parameters: readonly string[];
  /** The types of a good answer; none when it has no body. */
  readonly types: readonly string[];
}

/**
 * Refuses what the description of a route does not know: a misspelt parameter that is ignored would be
 * answered with something else than what was asked for.
 *
 * @throws ApiProblem
 */
export function checkRequests(app: OpenAPIHono<ApiEnv>): MiddlewareHandler<ApiEnv> {
  let routes: readonly KnownRoute[] | undefined;
  return async (c, next) => {
    // Not before the first request: then all routes are known.
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

/** Says which methods a path takes. @param methods of its routes */
export function wrongMethod(c: Context, methods: readonly string[]): Response {
  const named = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  const allow = [...new Set(named)].join(", ");
  const response = problem(405, `${c.req.path} takes ${allow}, not ${c.req.method}`);
  response.headers.set("allow", allow);
  return response;
}

/** @throws ApiProblem */
function checkParameters(given: URLSearchParams, known: readonly string[]): void {
  const names = [...given.keys()];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const none = known.length === 0 ? "; there are none" : `; there are ${known.join(", ")}`;
    throw new ApiProblem(
      400,
      `there is no parameter ${JSON.stringify(unknown.slice(0, 100))}${suggestion(unknown.slice(0, 100), known) || none}`,
    );
  }
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new ApiProblem(400, `${repeated} is given more than once`);
}

/** @throws ApiProblem when nothing that the route answers with is accepted */
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
    `accept is ${header.slice(0, 200)}: there is only ${types.join(" and ")}`,
  );
}

/** What goes wrong is answered in any case. */
const PROBLEM = "application/problem+json";

function anyOf(type: string): string {
  return `${type.slice(0, type.indexOf("/"))}/*`;
}

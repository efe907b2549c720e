import { z } from "@hono/zod-openapi";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { AllowedOrigins } from "../../src/auth/allowed-origins.ts";
import { adminAccess } from "../../src/http/admin-access.ts";
import { apiRoutes } from "../../src/http/api/api-routes.ts";
import type { ApiServices } from "../../src/http/api/api-services.ts";
import { TestApi } from "./api-parts.ts";
import { EventReader } from "./event-reader.ts";

const mediaSchema = z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) }));

const operationSchema = z.object({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()).min(1),
  parameters: z
    .array(z.object({ name: z.string(), in: z.enum(["path", "query"]), required: z.boolean() }))
    .default([]),
  requestBody: z.object({ required: z.literal(true), content: mediaSchema }).optional(),
  responses: z.record(
    z.string().regex(/^[2-5]\d\d$/),
    z.object({ description: z.string().min(1), content: mediaSchema.optional() }),
  ),
});

type Operation = z.output<typeof operationSchema>;

const descriptionSchema = z.looseObject({
  openapi: z.literal("3.1.0"),
  info: z.object({ title: z.string(), version: z.literal("1.2.3"), description: z.string() }),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
  paths: z.record(z.string().startsWith("/api/"), z.record(z.string(), operationSchema)),
});

type Description = z.output<typeof descriptionSchema>;

async function describedBy(api: TestApi): Promise<Description> {
  return api.get("/openapi.json", descriptionSchema);
}

function operationsOf({ paths }: Description): { route: string; operation: Operation }[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
}

/** A validator that knows only the OpenAPI document, like an external client. */
function checkOf(description: Description, route: string, status: number, type: string): z.ZodType {
  const found = operationsOf(description).find((one) => one.route === route);
  const schema = found?.operation.responses[status]?.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`${route} does not describe ${type} for ${status}`);
  const all = JSON.stringify({ ...schema, $defs: description.components.schemas });
  return z.fromJSONSchema(JSON.parse(all.replaceAll("#/components/schemas/", "#/$defs/")));
}

describe("the OpenAPI document", () => {
  it("describes exactly the routes that are served", async () => {
    const description = await describedBy(await TestApi.start());
    const logger = pino({ level: "silent" });
    const services = { draining: new AbortController().signal, logger } as unknown as ApiServices;
    const origins = new AllowedOrigins(undefined);
    const apps = [
      apiRoutes(services),
      adminAccess({ token: undefined, proxies: 0, origins, logger }),
    ];
    const served = apps
      .flatMap(({ routes }) => routes)
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replace(":room", "{room}")}`);
    const described = operationsOf(description).map(({ route }) => route);
    expect(described.sort()).toEqual([...new Set(served)].sort());
  });

  it("has unique names and no dangling references", async () => {
    const description = await describedBy(await TestApi.start());
    const operations = operationsOf(description);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { route, operation } of operations) {
      const parameters = operation.parameters.map((one) => `${one.in} ${one.name}`);
      expect(new Set(parameters).size, route).toBe(parameters.length);
      expect(parameters.includes("path room"), route).toBe(route.includes("{room}"));
      const problems = Object.entries(operation.responses).filter(([status]) => status >= "400");
      for (const [status, { content }] of problems) {
        expect(Object.keys(content ?? {}), `${route} ${status}`).toEqual([
          "application/problem+json",
        ]);
      }
    }
    const references = JSON.stringify(description).matchAll(
      /"\$ref":"#\/components\/schemas\/(\w+)"/g,
    );
    const named = Object.keys(description.components.schemas);
    for (const [, name] of references) expect(named).toContain(name);
  });

  it("describes each response", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    api.connect("a");
    const description = await describedBy(api);
    for (const [route, path, status, type] of [
      ["GET /api/rooms", "/rooms", 200, "application/json"],
      ["GET /api/rooms", "/rooms?active=true", 200, "application/json"],
      ["GET /api/rooms", "/rooms?limit=0", 400, "application/problem+json"],
      ["GET /api/rooms/{room}", "/rooms/a", 200, "application/json"],
      ["GET /api/rooms/{room}", "/rooms/b", 404, "application/problem+json"],
      ["GET /api/rooms/{room}/document", "/rooms/a/document", 200, "application/json"],
      ["GET /api/rooms/{room}/presence", "/rooms/a/presence", 200, "application/json"],
      ["GET /api/connections", "/connections", 200, "application/json"],
      ["GET /api/servers", "/servers", 200, "application/json"],
      ["GET /api/openapi.json", "/openapi.json", 200, "application/json"],
    ] as const) {
      const answer = await api.request(path, { headers: { accept: type } });
      expect(answer.status, path).toBe(status);
      expect(answer.headers["content-type"]).toContain(type);
      const check = checkOf(description, route, status, type);
      const checked = check.safeParse(JSON.parse(answer.body.toString()));
      expect(checked.error?.issues, path).toBeUndefined();
      expect(check.safeParse({ unlike: "anything" }).success).toBe(
        type === "application/json" && route.endsWith("openapi.json"),
      );
    }
  });

  it("describes each event", async () => {
    const api = await TestApi.start();
    await api.write("a", "text");
    api.connect("a");
    const description = await describedBy(api);
    for (const [route, path, events] of [
      ["GET /api/events", "/events", 1],
      ["GET /api/rooms/{room}/watch", "/rooms/a/watch", 2],
    ] as const) {
      const check = checkOf(description, route, 200, "text/event-stream");
      const reader = await EventReader.open(`${api.url}/api${path}`);
      for (let i = 0; i < events; i++) await reader.nextAny(check);
    }
  });
});

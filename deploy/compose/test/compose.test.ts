import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../packages/server/src/config/read-config.ts";
import { type ComposeService, DEPLOY, exampleVariables, readCompose } from "./compose-file.ts";

const SECRET = "a secret of at least sixteen characters";
const names = Object.keys(exampleVariables());
const { services, volumes } = readCompose(Object.fromEntries(names.map((name) => [name, SECRET])));

function service(name: string): ComposeService {
  const found = services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}

const SERVERS = ["server-a", "server-b", "server-c"];

/** Read by the server's dependencies: the AWS SDK and the PostgreSQL driver. */
const OF_LIBRARIES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_ENDPOINT_URL_DYNAMODB",
  "AWS_ENDPOINT_URL_S3",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "PGPASSWORD",
];

describe("compose.yaml", () => {
  it("requires every secret, and contains none", () => {
    const text = readFileSync(`${DEPLOY}compose.yaml`, "utf8");
    const asked = new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name));
    expect([...asked].sort()).toEqual([...names].sort());
    expect(Object.values(exampleVariables()).filter((value) => value !== "")).toEqual([]);
    // Each with an error message: an empty secret would start a system whose secret everyone knows.
    expect([...text.matchAll(/\$\{/g)]).toHaveLength([...text.matchAll(/\$\{\w+:\?/g)].length);
  });

  it("starts three servers that differ only in their address", () => {
    const alike = SERVERS.map((name) => {
      const { environment: { SERVER_ADDRESS, ...environment } = {}, ...rest } = service(name);
      expect(SERVER_ADDRESS).toBe(`${name}:1234`);
      return { ...rest, environment };
    });
    expect(alike[0]).toEqual(alike[1]);
    expect(alike[0]).toEqual(alike[2]);
  });

  it("sets only known settings, and all settings of a cluster", () => {
    const help = execFileSync(
      process.execPath,
      [`${DEPLOY}../packages/server/src/cli.ts`, "--help"],
      { encoding: "utf8" },
    );
    const known = [...help.matchAll(/^ {2}([A-Z][A-Z0-9_]+) /gm)].map(([, name]) => name);
    for (const name of [...SERVERS, "setup"]) {
      const { environment = {} } = service(name);
      const unknown = Object.keys(environment).filter(
        (variable) => !known.includes(variable) && !OF_LIBRARIES.includes(variable),
      );
      expect(unknown).toEqual([]);
      // It throws if a setting is malformed or contradicts another.
      expect(readConfig({ HOST: "0.0.0.0", ...environment })).toMatchObject({
        REDIS_URL: ["redis://redis"],
        DYNAMODB_TABLE: "symphony",
        CLUSTER_SECRET: SECRET,
      });
    }
  });

  it("sets everything up once before the servers start", () => {
    expect(service("setup")).toMatchObject({ command: ["setup"], restart: "no" });
    expect(Object.keys(service("setup").depends_on ?? {}).sort()).toEqual([
      "dynamodb",
      "postgres",
      "s3",
    ]);
    for (const name of SERVERS) {
      expect(service(name).depends_on).toMatchObject({
        setup: { condition: "service_completed_successfully" },
        redis: { condition: "service_healthy" },
      });
    }
  });

  it("is only reachable through the load balancer, and only from this machine", () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name, { ports }]) => [name, ports])).toEqual([
      ["haproxy", ["127.0.0.1:1234:1234"]],
    ]);
    const reachable = Object.entries(services).filter(([, { networks }]) =>
      networks.includes("front"),
    );
    expect(reachable.map(([name]) => name).sort()).toEqual(["haproxy", ...SERVERS]);
  });

  it("balances over exactly these servers", () => {
    const [mount = ""] = service("haproxy").volumes ?? [];
    const file = readFileSync(DEPLOY + mount.split(":")[0], "utf8");
    const addresses = [...file.matchAll(/^ {4}server \w+ (\S+)$/gm)].map(([, address]) => address);
    expect(addresses).toEqual(SERVERS.map((name) => `${name}:1234`));
    expect(service("haproxy").depends_on).toEqual(SERVERS);
  });

  it.each(Object.entries(services))(
    "%s has a health check and limits, and everything it refers to exists",
    (_name, {
      image,
      build,
      healthcheck,
      deploy,
      volumes: mounts = [],
      depends_on: needed = {},
    }) => {
      expect(deploy.resources.limits).toMatchObject({
        cpus: expect.stringMatching(/^[\d.]+$/),
        memory: expect.stringMatching(/^\d+[MG]$/),
      });
      const context = typeof build === "string" ? build : build?.context;
      const file = typeof build === "object" ? build.dockerfile : "Dockerfile";
      if (context === undefined) expect(image).toMatch(/^[a-z/-]+:[\d.]+$/);
      else {
        const dockerfile = readFileSync(`${DEPLOY}${context}/${file}`, "utf8");
        expect(dockerfile.includes("HEALTHCHECK") || healthcheck?.disable).toBe(true);
      }
      if (context === undefined) expect(healthcheck?.test?.[0]).toBe("CMD");
      for (const name of Array.isArray(needed) ? needed : Object.keys(needed)) {
        expect(services).toHaveProperty(name);
      }
      for (const mount of mounts) {
        const [source = ""] = mount.split(":");
        expect(source.startsWith("./") ? existsSync(DEPLOY + source) : source in volumes).toBe(
          true,
        );
      }
    },
  );

  it("gives servers enough time to drain", () => {
    for (const name of SERVERS) expect(service(name).stop_grace_period).toBe("30s");
  });
});

import { describe, expect, it } from "vitest";
import type { CustomPart } from "../src/config/check-config.ts";
import { describeSettings } from "../src/config/config.ts";
import { configWarnings } from "../src/config/config-warnings.ts";
import { readConfig } from "../src/config/read-config.ts";
import { ConfigError } from "../src/runtime/config-error.ts";

describe("configuration", () => {
  it("has usable defaults and describes every setting", () => {
    const config = readConfig({});
    expect(config).toMatchObject({ HOST: "127.0.0.1", PORT: 1234, DATA_DIR: "./data", GC: true });
    for (const name of Object.keys(config)) expect(describeSettings()).toContain(`  ${name} `);
  });

  it("treats an empty variable as unset", () => {
    expect(readConfig({ PORT: "" }).PORT).toBe(1234);
  });

  it.each([
    ["PORT", "http"],
    ["PORT", "70000"],
    ["PORT", "-1"],
    ["GC", "maybe"],
    ["LOG_LEVEL", "loud"],
    ["SNAPSHOT_INTERVAL_MS", "1.5"],
    ["MAX_CONNECTIONS_PER_ROOM", "0"],
    ["UNLOAD_DELAY_MS", "2147483648"],
    ["SNAPSHOT_INTERVAL_MS", "999999999999999"],
    ["MAX_MESSAGE_BYTES", "4294967296"],
    ["MAX_MESSAGE_BYTES", "64MB"],
    ["MAX_MESSAGES_PER_SECOND", "NaN"],
    ["CONNECTIONS_RETENTION_DAYS", "36501"],
    ["TRUSTED_PROXIES", "0x1"],
    ["S3_FORCE_PATH_STYLE", "yes"],
    ["S3_BUCKET", "s3://notes"],
    ["SERVER_ADDRESS", "host:70000"],
    ["SERVER_ADDRESS", "host:0"],
  ])("refuses %s=%s in one line with name and value", (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name}="${value}": must be .*$`));
  });

  it("refuses to admit everybody by accident", () => {
    expect(() => readConfig({ HOST: "0.0.0.0" })).toThrow(/ALLOW_ANONYMOUS=true/);
    expect(readConfig({ HOST: "0.0.0.0", ALLOW_ANONYMOUS: "true" }).HOST).toBe("0.0.0.0");
    expect(readConfig({ HOST: "::1" }).HOST).toBe("::1");
    expect(readConfig({ HOST: "::", AUTH_WEBHOOK_URL: "http://app" }).HOST).toBe("::");
  });

  it("refuses conflicting access control settings", () => {
    const AUTH_JWT_SECRET = "x".repeat(32);
    expect(() => readConfig({ AUTH_JWT_SECRET, AUTH_JWKS_URL: "https://app/keys" })).toThrow(
      "AUTH_JWT_SECRET and AUTH_JWKS_URL are both set",
    );
    expect(() => readConfig({ AUTH_JWT_SECRET, ALLOW_ANONYMOUS: "true" })).toThrow(
      "ALLOW_ANONYMOUS=true would admit clients that AUTH_JWT_SECRET rejects",
    );
  });

  it("needs both certificate and key for TLS, and refuses TLS in a cluster", () => {
    const tls = { TLS_CERT_FILE: "server.crt", TLS_KEY_FILE: "server.key" };
    expect(readConfig(tls)).toMatchObject(tls);
    expect(() => readConfig({ ...tls, TLS_KEY_FILE: "" })).toThrow(
      /^TLS_CERT_FILE needs TLS_KEY_FILE: /,
    );
    expect(() => readConfig({ ...tls, TLS_CERT_FILE: "" })).toThrow(
      /^TLS_KEY_FILE needs TLS_CERT_FILE: /,
    );
    const cluster = {
      REDIS_URL: "redis://localhost:6379",
      DYNAMODB_TABLE: "table",
      DATABASE_URL: "postgres://localhost/db",
      S3_BUCKET: "bucket",
      CLUSTER_SECRET: "sixteen characters",
    };
    expect(() => readConfig({ ...cluster, ...tls })).toThrow(
      /^TLS_CERT_FILE cannot be used with REDIS/,
    );
  });

  describe("of callbacks", () => {
    it("has the defaults of y-websocket-server", () => {
      expect(readConfig({ CALLBACK_URL: "http://app/hook?key=1" })).toMatchObject({
        CALLBACK_URL: "http://app/hook?key=1",
        CALLBACK_DEBOUNCE_WAIT: 2_000,
        CALLBACK_DEBOUNCE_MAXWAIT: 10_000,
        CALLBACK_TIMEOUT: 5_000,
        CALLBACK_OBJECTS: [],
      });
      const objects = '{"a": "Map", "prosemirror": "XmlFragment"}';
      expect(readConfig({ CALLBACK_OBJECTS: objects }).CALLBACK_OBJECTS).toEqual([
        ["a", "Map"],
        ["prosemirror", "XmlFragment"],
      ]);
    });

    it.each([
      ["localhost:3000", "begins with http"],
      ["ftp://app/", "begins with http"],
      ["http://user:hidden@app/", "without user name"],
    ])("refuses the URL %s without revealing it", (url, reason) => {
      const read = () => readConfig({ CALLBACK_URL: url });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow(reason);
      expect(read).not.toThrow(url);
    });

    it.each([
      ["{text: Text}", "must be a JSON object"],
      ['["text"]', "must be a JSON object"],
      ["null", "must be a JSON object"],
      ['{"text": "Txt"}', "one of the types Array, Map, Text, XmlFragment, XmlElement"],
      ['{"text": 1}', "one of the types"],
    ])("refuses CALLBACK_OBJECTS=%s", (objects, reason) => {
      const read = () => readConfig({ CALLBACK_OBJECTS: objects });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow("CALLBACK_OBJECTS=");
      expect(read).toThrow(reason);
    });

    it("refuses a short secret without revealing it", () => {
      expect(() => readConfig({ CALLBACK_SECRET: "short" })).toThrow(
        /^CALLBACK_SECRET: must have at least 16 characters$/,
      );
    });
  });

  describe("of a cluster", () => {
    const cluster = {
      REDIS_URL: "redis://localhost:6379",
      DYNAMODB_TABLE: "table",
      DATABASE_URL: "postgres://user:hidden@localhost/db",
      S3_BUCKET: "bucket",
      CLUSTER_SECRET: "sixteen characters",
    };

    it("needs Redis, PostgreSQL and a secret, and names the one that is missing", () => {
      expect(readConfig(cluster)).toMatchObject({ ...cluster, REDIS_URL: [cluster.REDIS_URL] });
      for (const name of ["DATABASE_URL", "CLUSTER_SECRET"]) {
        expect(() => readConfig({ ...cluster, [name]: "" })).toThrow(
          new RegExp(`^REDIS_URL needs ${name}: `),
        );
      }
      expect(() => readConfig({ REDIS_URL: cluster.REDIS_URL })).toThrow(
        /^REDIS_URL needs DATABASE_URL or DYNAMODB_TABLE: /,
      );
      expect(() => readConfig({ DYNAMODB_TABLE: "table" })).toThrow(
        /^DYNAMODB_TABLE needs REDIS_URL/,
      );
      const { REDIS_URL, CLUSTER_SECRET } = cluster;
      const custom = new Set<CustomPart>(["registry", "journal", "metadata"]);
      expect(() => readConfig({ REDIS_URL, CLUSTER_SECRET }, custom)).toThrow(
        /^REDIS_URL needs S3_BUCKET or DATABASE_URL or snapshots: /,
      );
    });

    it("works with and without S3 and DynamoDB", () => {
      const { DYNAMODB_TABLE, S3_BUCKET, ...required } = cluster;
      expect(readConfig(required).REDIS_URL).toEqual([cluster.REDIS_URL]);
      expect(readConfig({ ...required, S3_BUCKET })).toMatchObject({ S3_BUCKET });
      expect(readConfig({ ...required, DYNAMODB_TABLE })).toMatchObject({ DYNAMODB_TABLE });
    });

    it("limits documents to what PostgreSQL stores if snapshots are there", () => {
      const MAX_MEMORY_BYTES = String(2_000 * 1024 ** 2);
      const { S3_BUCKET, ...required } = { ...cluster, MAX_MEMORY_BYTES };
      const limit = 64 * 1024 ** 2;
      const largest = (settings: Record<string, string>, custom: readonly CustomPart[] = []) =>
        readConfig({ ...required, ...settings }, new Set(custom)).MAX_DOCUMENT_BYTES;
      expect(largest({})).toBe(limit);
      expect(largest({ MAX_DOCUMENT_BYTES: "5000" })).toBe(5_000);
      expect(largest({ MAX_MEMORY_BYTES: String(512 * 1024 ** 2) })).toBe(32 * 1024 ** 2);
      expect(() => largest({ MAX_DOCUMENT_BYTES: String(limit + 1) })).toThrow(
        /^MAX_DOCUMENT_BYTES=67108865 needs S3_BUCKET: .* up to 67108864 bytes$/,
      );
      const more = { MAX_DOCUMENT_BYTES: String(2 * limit) };
      expect(largest({ ...more, S3_BUCKET })).toBe(2 * limit);
      expect(largest(more, ["snapshots"])).toBe(2 * limit);
      // A server alone keeps its snapshots in the embedded store.
      expect(largest({ ...more, REDIS_URL: "", DYNAMODB_TABLE: "" })).toBe(2 * limit);
    });

    it("is not required for S3 or PostgreSQL alone", () => {
      const { DATABASE_URL, S3_BUCKET } = cluster;
      expect(readConfig({ DATABASE_URL })).toMatchObject({ DATABASE_URL, S3_BUCKET: undefined });
      expect(readConfig({ S3_BUCKET, S3_PREFIX: "rooms/" })).toMatchObject({ S3_PREFIX: "rooms/" });
      expect(() => readConfig({ S3_PREFIX: "rooms/" })).toThrow(/^S3_PREFIX needs S3_BUCKET/);
    });

    it("accepts a comma in the PostgreSQL password", () => {
      const DATABASE_URL = "postgres://user:a,b@localhost/db";
      expect(readConfig({ DATABASE_URL })).toMatchObject({ DATABASE_URL });
    });

    it("warns about settings that have no effect", () => {
      const warnings = (settings: Record<string, string>) =>
        configWarnings(readConfig(settings), new Set());
      expect(warnings(cluster)).toEqual([]);
      expect(warnings({ CLUSTER_SECRET: cluster.CLUSTER_SECRET })).toEqual([
        "CLUSTER_SECRET has no effect without REDIS_URL: this server runs alone and shares no documents",
      ]);
      expect(warnings({ SERVER_ADDRESS: "a:1" })).toHaveLength(1);
      const CALLBACK_OBJECTS = '{"text": "Text"}';
      expect(warnings({ CALLBACK_OBJECTS, CALLBACK_SECRET: "sixteen characters" })).toHaveLength(2);
      expect(warnings({ CALLBACK_DEBOUNCE_WAIT: "20000" })).toEqual([
        expect.stringMatching(/^CALLBACK_DEBOUNCE_WAIT=20000 is longer than /),
      ]);
    });

    it("accepts several nodes of a Redis Cluster", () => {
      const urls = ["redis://a:1", "rediss://b:2"];
      expect(readConfig({ ...cluster, REDIS_URL: urls.join(", ") }).REDIS_URL).toEqual(urls);
    });

    it.each([
      ["DATABASE_URL", "mysql://user:hidden@host/db"],
      ["REDIS_URL", "http://user:hidden@host"],
      ["CLUSTER_SECRET", "hidden"],
    ])("refuses an invalid %s without revealing its password", (name, value) => {
      const read = () => readConfig({ ...cluster, [name]: value });
      expect(read).toThrow(new RegExp(`^${name}: must `));
      expect(read).not.toThrow(/hidden/);
    });

    it.each(["host", "host:", "http://host:1", "a b:1"])("refuses the address %s", (address) => {
      expect(() => readConfig({ ...cluster, SERVER_ADDRESS: address })).toThrow(
        /must be host:port/,
      );
    });
  });
});

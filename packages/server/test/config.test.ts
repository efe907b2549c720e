import { describe, expect, it } from "vitest";
import { ConfigError, describeSettings, readConfig } from "../src/config.ts";

describe("configuration", () => {
  it("has a default for everything, and describes it", () => {
    const config = readConfig({});
    expect(config).toMatchObject({ HOST: "127.0.0.1", PORT: 1234, DATA_DIR: "./data", GC: true });
    for (const name of Object.keys(config)) expect(describeSettings()).toContain(`  ${name} `);
  });

  it("counts an empty variable as not set", () => {
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
  ])("refuses %s=%s in one line that names both", (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name}="${value}": must be .*$`));
  });

  it("refuses to serve everybody by accident", () => {
    expect(() => readConfig({ HOST: "0.0.0.0" })).toThrow(/ALLOW_ANONYMOUS=true/);
    expect(readConfig({ HOST: "0.0.0.0", ALLOW_ANONYMOUS: "true" }).HOST).toBe("0.0.0.0");
    expect(readConfig({ HOST: "::1" }).HOST).toBe("::1");
  });

  it("refuses what this version does not do, rather than to ignore it", () => {
    expect(() => readConfig({ REDIS_URL: "redis://localhost" })).toThrow(/REDIS_URL/);
  });
});

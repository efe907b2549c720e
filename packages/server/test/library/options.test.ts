import { describe, expect, it, vi } from "vitest";
import { textsOfSettings } from "../../src/config/read-settings.ts";
import { ConfigError, createServer } from "../../src/index.ts";
import { application } from "./servers.ts";

const SETTINGS = { PORT: 0 };
const anybody = () => ({ subject: null, level: "read-write", expiresAt: null });

/** Passes options as an untyped program would. */
async function refusal(options: object): Promise<string> {
  const server = await Reflect.apply(createServer, undefined, [options]).catch(
    (error: unknown) => error,
  );
  expect(server).toBeInstanceOf(ConfigError);
  return (server as ConfigError).message;
}

describe("createServer refuses", () => {
  it.each<[object, string]>([
    [{ acces: anybody }, 'createServer: unknown option "acces"; did you mean access?'],
    [{ setings: SETTINGS }, 'createServer: unknown option "setings"; did you mean settings?'],
    [{ Hooks: {} }, 'createServer: unknown option "Hooks"; did you mean hooks?'],
    [{ storage: {} }, 'createServer: unknown option "storage"; the options are '],
    [{ PORT: 1234 }, 'createServer: unknown option "PORT"; the options are '],
    [
      { hooks: { onConect: () => {} } },
      'hooks: unknown option "onConect"; did you mean onConnect?',
    ],
    [{ hooks: { onChange: true } }, "hooks.onChange must be a function, not a boolean"],
    [{ hooks: [] }, "hooks must be an object, not an array"],
    [
      { attachTo: { server: application(), pfad: "/x" } },
      'attachTo: unknown option "pfad"; the options are server, path',
    ],
    [
      { attachTo: { server: {}, path: "/x" } },
      "attachTo.server must be a Node HTTP or HTTPS server",
    ],
    [{ attachTo: { server: application() } }, "attachTo.path must be a string, not undefined"],
    [{ attachTo: "/collab" }, "attachTo must be an object, not a string"],
    [{ access: true }, "access must be an object, not a boolean"],
    [{ access: { authorise: anybody } }, "access must have the methods authorize, forget, close"],
    [{ access: null }, "access must be an object, not null"],
    [{ load: "notes" }, "load must be a function, not a string"],
    [{ bus: {} }, "bus must be a function, not an object"],
    [{ journal: { append() {} } }, "journal must have the methods append, read, "],
    [{ logger: () => {} }, "logger must be an object, not a function"],
    [{ settings: "PORT=1" }, "settings must be an object, not a string"],
  ])("%o", async (options, reason) => {
    expect((await refusal({ settings: SETTINGS, ...options })).startsWith(reason)).toBe(true);
  });

  it("options that are not an object", async () => {
    for (const options of [null, "x", 1, []]) {
      const error = await Reflect.apply(createServer, undefined, [options]).catch(
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(ConfigError);
    }
  });
});

describe("settings", () => {
  it.each<[object, string]>([
    [{ PROT: 1 }, 'settings: unknown setting "PROT"; did you mean PORT?'],
    [{ ALOW_ANONYMOUS: true }, 'unknown setting "ALOW_ANONYMOUS"; did you mean ALLOW_ANON'],
    [{ port: 1234 }, 'settings: unknown setting "port"; did you mean PORT?'],
    [{ SOMETHING: "else" }, 'settings: unknown setting "SOMETHING"'],
    [{ PORT: true }, 'PORT="true": must be a whole number'],
    [{ PORT: Number.NaN }, 'PORT="NaN": must be a whole number'],
    [{ PORT: -1 }, 'PORT="-1": must be a whole number'],
    [{ PORT: null }, "PORT must be a string, a number or a boolean, not null"],
    [{ GC: 1 }, 'GC="1": must be true or false'],
    [{ S3_BUCKET: true }, "S3_BUCKET must be a string, not a boolean"],
    [{ S3_BUCKET: null }, "S3_BUCKET must be a string, a number or a boolean, not null"],
    [{ DATA_DIR: 5 }, "DATA_DIR must be a string, not a number"],
    [{ CALLBACK_OBJECTS: { text: "Text" } }, "CALLBACK_OBJECTS must be a string, a number or a"],
    [{ MAX_MESSAGE_BYTES: 1e21 }, 'MAX_MESSAGE_BYTES="1e+21": must be a whole number'],
  ])("%o are refused", async (settings, reason) => {
    expect(await refusal({ settings })).toContain(reason);
  });

  it("from the environment may contain unknown names", () => {
    vi.stubEnv("PROT", "1");
    vi.stubEnv("CALLBACK_TIMEOUT", "1000");
    const texts = textsOfSettings({ ...process.env, PORT: 0, GC: false, REDIS_URL: undefined });
    expect(texts).toMatchObject({ PORT: "0", GC: "false", CALLBACK_TIMEOUT: "1000" });
    expect(Object.keys(texts)).not.toContain("PROT");
    vi.unstubAllEnvs();
  });
});

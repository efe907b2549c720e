import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { escapeHidden } from "../../src/runtime/logger.ts";
import { RawClient } from "../support/raw-client.ts";
import { spawnServer, temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const HIDDEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/;

it("invisible characters are escaped without changing any value", () => {
  const value = { room: "a\u202Eb\u200Bc\u0007\u0085\u2066é日本\uFEFF", text: "plain" };
  const line = escapeHidden(JSON.stringify(value));
  expect(line).not.toMatch(HIDDEN);
  expect(JSON.parse(line)).toEqual(value);
  expect(escapeHidden('{"a":"plain é日本"}')).toBe('{"a":"plain é日本"}');
});

it("the server escapes invisible characters in room names", async () => {
  const { PATH = "" } = process.env;
  const env = { PATH, PORT: "0", DATA_DIR: await temporaryDirectory(), LOG_LEVEL: "debug" };
  const server = spawn(process.execPath, [CLI], { env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    let output = "";
    server.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await waitFor(() => output.includes('"listening"'), { message: "the server is listening" });
    const url = /"url":"http:([^"]+)"/.exec(output)?.[1];
    const client = await RawClient.connect(`ws:${url}`, encodeURIComponent("a\u202Eb\u200Bc"));
    await client.close();
    await waitFor(() => output.includes('"room":"a\\u202eb\\u200bc"'), { message: () => output });
    expect(output).not.toMatch(HIDDEN);
  } finally {
    server.kill("SIGKILL");
    await once(server, "exit");
  }
});

it("a failed start is reported in one escaped line", async () => {
  const command = await spawnServer({}, ["st\u202Eart\nx"]);
  expect((await command.exited).code).toBe(1);
  expect(command.output.length).toBe(1);
  expect(command.output[0]).not.toMatch(HIDDEN);
});

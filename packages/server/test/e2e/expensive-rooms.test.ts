import { beforeAll, describe, expect, it } from "vitest";
import { formatsUpdate, nestedUpdate, quadraticUpdate } from "../support/expensive-documents.ts";
import { RawClient } from "../support/raw-client.ts";
import { TestReceiver } from "../support/receiver.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

async function write(server: ServerProcess, room: string, update: Uint8Array): Promise<RawClient> {
  const client = await RawClient.connect(server.wsUrl, room);
  client.sendStep1();
  await client.first("step2");
  client.sendUpdate(update);
  return client;
}

async function api(server: ServerProcess, path: string): Promise<Response> {
  return await fetch(`${server.url}/api/rooms/${path}`, {
    headers: { accept: "application/json" },
  });
}

describe("small documents that become very large when they are shown", () => {
  let server: ServerProcess;
  let receiver: TestReceiver;
  beforeAll(async () => {
    receiver = await TestReceiver.start();
    const CALLBACK_OBJECTS = JSON.stringify({ x: "XmlFragment" });
    server = await startServer({
      env: { CALLBACK_URL: receiver.url, CALLBACK_OBJECTS, CALLBACK_DEBOUNCE_WAIT: "200" },
    });
  });

  it.each([
    ["formats", formatsUpdate(2_000, true), 413],
    ["depth", nestedUpdate(3_000), 413],
    ["time", quadraticUpdate(30_000), 422],
  ])("are refused by the API, and told without content: %s", async (room, update, status) => {
    const client = await write(server, room, update);
    await client.first("update");
    const response = await api(server, `${room}/document`);
    expect(response.status, await response.text()).toBe(status);
    const [told] = await waitFor(
      () => {
        const [first] = receiver.of(room);
        return first === undefined ? null : [first];
      },
      { message: "a callback" },
    );
    const { omitted, ...rest } = JSON.parse(told.body) as { readonly omitted: string };
    expect(rest).toEqual({ room, data: {} });
    // On a busy machine a worker may have no time to find out how large it becomes.
    expect(status === 413 ? ["too-large", "too-costly"] : ["too-costly"]).toContain(omitted);
    // The update itself can be had.
    const bytes = await fetch(`${server.url}/api/rooms/${room}/document`);
    expect((await bytes.arrayBuffer()).byteLength).toBeGreaterThan(update.length - 10);
    await client.close();
  });
});

import { createHmac } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type * as Y from "yjs";
import { parseExposition } from "../metrics/parse-exposition.ts";
import { EditingClient } from "../support/editing-client.ts";
import { ok, type Received, TestReceiver } from "../support/receiver.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SECRET = "a secret of the tests";
const SETTINGS = {
  CALLBACK_DEBOUNCE_WAIT: "200",
  CALLBACK_DEBOUNCE_MAXWAIT: "1000",
  CALLBACK_TIMEOUT: "500",
  CALLBACK_OBJECTS: '{"text":"Text"}',
  CALLBACK_SECRET: SECRET,
  UNLOAD_DELAY_MS: "100",
};

let receiver: TestReceiver;
let server: ServerProcess;
const clients: EditingClient[] = [];
beforeAll(async () => {
  receiver = await TestReceiver.start();
  server = await startServer({ env: { ...SETTINGS, CALLBACK_URL: receiver.url } });
});
afterEach(async () => {
  receiver.answer = ok;
  await receiver.listen();
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
});

async function join(room: string, at: ServerProcess = server): Promise<EditingClient> {
  const client = new EditingClient();
  clients.push(client);
  await client.connect(at.wsUrl, room);
  return client;
}

function insert(client: EditingClient, letters: string): void {
  const text: Y.Text = client.doc.getText("text");
  text.insert(text.length, letters);
}

/** Types a text. Resolves when it has been acknowledged. */
async function type(client: EditingClient, letters: string): Promise<void> {
  insert(client, letters);
  await waitFor(() => client.acknowledged === client.clock, {
    message: "the text is acknowledged",
  });
}

function told(room: string, count: number, from = receiver): Promise<Received[]> {
  return waitFor(
    () => {
      const all = from.of(room);
      return all.length >= count ? all : null;
    },
    {
      message: () =>
        `${count} callbacks for ${room} have arrived; received: ${from.of(room).length}`,
    },
  );
}

function textIn(received: Received | undefined): unknown {
  const { data } = JSON.parse(received?.body ?? "{}") as { data?: { text?: { content: unknown } } };
  return data?.text?.content;
}

describe("a callback", () => {
  it("is sent once the room has been quiet, only once, with everything written", async () => {
    const client = await join("quiet");
    for (const letter of "abcde") insert(client, letter);
    await type(client, "f");
    const lastAt = performance.now();
    const [first] = await told("quiet", 1);
    expect(textIn(first)).toBe("abcdef");
    expect((first?.at ?? 0) - lastAt).toBeGreaterThan(100);
    // No further request for this room had arrived by the time a later one did.
    await type(await join("after quiet"), "x");
    await told("after quiet", 1);
    expect(receiver.of("quiet")).toHaveLength(1);
  });

  it("does not wait forever for a room to be quiet", async () => {
    const client = await join("busy");
    let letters = 0;
    await waitFor(
      () => {
        insert(client, "x");
        letters++;
        return receiver.of("busy").length >= 2;
      },
      { message: "two callbacks have arrived while the room changes" },
    );
    const [first, second] = receiver.of("busy");
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(150);
    await waitFor(() => textIn(receiver.of("busy").at(-1)) === "x".repeat(letters), {
      message: "the last callback has all the text",
    });
  });

  it("is sent again for changes made while the receiver is responding", async () => {
    const client = await join("meanwhile");
    let release = (): void => {};
    receiver.answer = (response) => {
      release = () => response.end();
    };
    await type(client, "a");
    await told("meanwhile", 1);
    await type(client, "b");
    receiver.answer = ok;
    release();
    const [, second] = await told("meanwhile", 2);
    expect(textIn(second)).toBe("ab");
  });

  it("is sent when the receiver is back, with the room's current content", async () => {
    await receiver.close();
    const client = await join("down");
    const before = await failures();
    await type(client, "a");
    await waitFor(async () => (await failures()) > before + 1, {
      message: "two deliveries have failed",
    });
    await type(client, "b");
    const ready = await fetch(`${server.url}/health/ready`);
    expect(ready.status).toBe(200);
    await receiver.listen();
    const [first] = await told("down", 1);
    expect(textIn(first)).toBe("ab");
  });

  it("is not delayed by failing callbacks of another room", async () => {
    receiver.answer = (response, { body }) => {
      response.statusCode = body.includes('"refused"') ? 500 : 204;
      response.end();
    };
    await type(await join("refused"), "a");
    await told("refused", 2);
    await type(await join("taken"), "a");
    await told("taken", 1);
    receiver.answer = ok;
    const times = receiver.of("refused").length;
    await told("refused", times + 1);
    const { samples } = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
    const value = (name: string) => samples.get(`${name}{kind="room"}`) ?? 0;
    expect(value("symphony_notification_failures_total")).toBeGreaterThan(1);
    expect(value("symphony_notifications_delivered_total")).toBeGreaterThan(1);
  });

  it("is retried if the receiver does not respond, but not before the timeout", async () => {
    receiver.answer = () => {};
    await type(await join("silent"), "a");
    const [first] = await told("silent", 1);
    receiver.answer = ok;
    const [, second] = await told("silent", 2);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(450);
  });

  it("does not follow redirects", async () => {
    receiver.answer = (response) => {
      response.writeHead(307, { location: `${receiver.url}/elsewhere` }).end();
    };
    await type(await join("redirected"), "a");
    await told("redirected", 2);
    expect(receiver.requests.filter(({ path }) => path.includes("elsewhere"))).toEqual([]);
  });

  it("is abandoned until the next change if the receiver responds with 410", async () => {
    receiver.answer = (response) => response.writeHead(410).end();
    const client = await join("gone");
    await type(client, "a");
    await waitFor(() => server.logs.some((line) => isOf(line, "gone", "abandoned")), {
      message: "the callback is abandoned",
    });
    expect(receiver.of("gone")).toHaveLength(1);
    receiver.answer = ok;
    await type(client, "b");
    const [, second] = await told("gone", 2);
    expect(textIn(second)).toBe("ab");
  });

  it("is signed", async () => {
    await type(await join("signed"), "é");
    const [received] = await told("signed", 1);
    const signature = String(received?.headers["x-symphony-signature"]);
    const [, seconds = "", digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    expect(Math.abs(Date.now() / 1_000 - Number(seconds))).toBeLessThan(60);
    const hmac = createHmac("sha256", SECRET).update(`${seconds}.${received?.body}`);
    expect(digest).toBe(hmac.digest("hex"));
  });

  it("is sent for an update made through the API", async () => {
    const author = new EditingClient();
    author.doc.getText("text").insert(0, "by the API");
    const { encodeStateAsUpdate } = await import("yjs");
    const response = await fetch(`${server.url}/api/rooms/api/updates`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: encodeStateAsUpdate(author.doc) as Uint8Array<ArrayBuffer>,
    });
    expect(response.status).toBe(204);
    const [received] = await told("api", 1);
    expect(textIn(received)).toBe("by the API");
  });

  it("is not sent for a room that has been deleted", async () => {
    const client = await join("deleted");
    await type(client, "a");
    const response = await fetch(`${server.url}/api/rooms/deleted`, { method: "DELETE" });
    expect(response.status).toBe(204);
    await type(await join("after deleted"), "a");
    await told("after deleted", 1);
    expect(receiver.of("deleted")).toEqual([]);
  });

  it("is sent after a crash, even if no client reconnects", async () => {
    const own = await TestReceiver.start();
    const env = { ...SETTINGS, CALLBACK_URL: own.url };
    const crashing = await startServer({ env });
    // Usually the change has not even been marked by then.
    await type(await join("crash", crashing), "a");
    await crashing.kill();
    expect(own.requests).toEqual([]);
    const again = await startServer({ env, dataDir: crashing.dataDir });
    const [received] = await told("crash", 1, own);
    expect(textIn(received)).toBe("a");
    await again.stop();
  });

  it("is sent after a restart if the server stopped before it was due", async () => {
    const own = await TestReceiver.start();
    const env = { ...SETTINGS, CALLBACK_URL: own.url, CALLBACK_DEBOUNCE_WAIT: "3000" };
    const ending = await startServer({ env });
    await type(await join("restart", ending), "a");
    expect(await ending.stop()).toBe(0);
    expect(own.requests).toEqual([]);
    const again = await startServer({ env: { ...env }, dataDir: ending.dataDir });
    const [received] = await told("restart", 1, own);
    expect(textIn(received)).toBe("a");
    await again.stop();
  });
});

/** The number of failed room deliveries, from the metrics: the log suppresses repeats. */
async function failures(): Promise<number> {
  const { samples } = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
  return samples.get('symphony_notification_failures_total{kind="room"}') ?? 0;
}

function isOf(
  line: { readonly msg: string; readonly [field: string]: unknown },
  room: string,
  message: string,
): boolean {
  return line.key === room && line.msg.includes(message);
}

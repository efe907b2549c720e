import { afterEach, expect, it } from "vitest";
import { RawSocket } from "../attacks/canary/raw-socket.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { type HttpService, json, startHttpService, status } from "./http-service.ts";

/** The response time of the application; 40 requests run at a time. */
const ANSWER_MS = 1_000;
/** Attack requests waiting at any time: the last of them gets its turn after seven seconds. */
const GUESSES = 300;
const ATTACKER = "127.0.0.66";

let server: ServerProcess | undefined;
let service: HttpService | undefined;
let isOver = false;
const guessing: Promise<void>[] = [];
afterEach(async () => {
  isOver = true;
  await server?.stop();
  await Promise.all(guessing.splice(0));
  await service?.close();
});

/** Tries one wrong token after another. */
async function guess(port: number, name: string): Promise<void> {
  for (let i = 0; !isOver; i++) {
    try {
      const socket = await RawSocket.open(port, ATTACKER);
      await socket.upgrade(`/attacked?token=wrong-${name}-${i}`);
      // Waits until the guess has been decided: the first data received is the refusal.
      await waitFor(() => isOver || !socket.isOpen || socket.received > 0, {
        timeout: 60_000,
        message: "the guess has been decided",
      });
      socket.destroy();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function enter(wsUrl: string, token: string): Promise<string> {
  const client = await RawClient.connect(wsUrl, "honest", { query: `?token=${token}` });
  client.sendStep1();
  const outcome = await Promise.race([
    client.first("step2").then(() => "in"),
    client.closed.then(({ code, reason }) => `${code} ${reason}`),
  ]);
  client.terminate();
  return outcome;
}

it("a flood of wrong tokens from one address does not keep other clients out", async () => {
  service = await startHttpService((response, body) => {
    const { token } = JSON.parse(body) as { token: string };
    const answer = token.startsWith("right") ? json({ access: "read-write" }) : status(401);
    setTimeout(() => answer(response, body), ANSWER_MS);
  });
  server = await startServer({ env: { AUTH_WEBHOOK_URL: service.url } });
  const { port, wsUrl } = server;
  for (let i = 0; i < GUESSES; i++) guessing.push(guess(port, String(i)));
  const { requests } = service;
  await waitFor(() => requests.length > 80, {
    timeout: 60_000,
    message: "the application has received more than 80 guesses",
  });
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, (_, i) => enter(wsUrl, `right-${i}`)),
  );
  expect(outcomes).toEqual(Array.from({ length: 5 }, () => "in"));
});

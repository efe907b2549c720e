import { once } from "node:events";
import { createServer, type Server } from "node:net";

/**
 * Below the ephemeral ports (from 32768 on Linux), so that no outgoing connection takes a port
 * between its choice and its use, or while its service is down.
 */
const FIRST = 20_000;
const COUNT = 5_000;
/** A port is claimed by listening on the port this far above it. */
const CLAIM_OFFSET = COUNT;

/** Claims last as long as this process, so that a killed service can restart on its port. */
const claims: Server[] = [];

/**
 * Returns loopback ports on which nothing listens, and which this function gives to no other
 * process while this one lives.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  const start = Math.floor(Math.random() * COUNT);
  for (let step = 0; step < COUNT && ports.length < count; step += 1) {
    const port = FIRST + ((start + step) % COUNT);
    const claim = await listen(port + CLAIM_OFFSET);
    if (claim === undefined) continue;
    claims.push(claim.unref());
    const probe = await listen(port);
    if (probe === undefined) continue;
    probe.close();
    await once(probe, "close");
    ports.push(port);
  }
  if (ports.length < count) {
    throw new Error(`fewer than ${count} ports are free from ${FIRST} to ${FIRST + COUNT - 1}`);
  }
  return ports;
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Resolves to undefined if the port is in use. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}

import { createServer } from "symphony-backend";
import { takePart } from "./agent.ts";

const ROOM = process.env.AGENT_ROOM ?? "agent";

const server = await createServer({ settings: process.env });
const opened = await server.openDocument(ROOM);
takePart(opened);

process.once("SIGTERM", stop);
process.once("SIGINT", stop);
const { code, reason } = await opened.closed;
process.stdout.write(`the agent has left room ${ROOM}: ${reason} (${code})\n`);

/** What the agent has written is durable when the server has closed. */
async function stop(): Promise<void> {
  process.exitCode = (await server.close()) ? 0 : 1;
}

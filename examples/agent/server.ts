import { createServer } from "symphony-backend";
import { takePart } from "./agent.ts";

const ROOM = "agent";

const symphony = await createServer({ settings: process.env });
const opened = await symphony.openDocument(ROOM);
takePart(opened);
process.stdout.write(`documents are at ${symphony.url}/<room>\n`);

// What the agent has written is durable when the server is closed.
process.once("SIGTERM", () => void symphony.close());
process.once("SIGINT", () => void symphony.close());
const { code, reason } = await opened.closed;
process.stdout.write(`the agent has left room ${ROOM}: ${reason} (${code})\n`);

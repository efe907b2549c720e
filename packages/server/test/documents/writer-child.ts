import { pino } from "pino";
import { createServer } from "../../src/index.ts";

// Writes numbers to a room until it is killed, and reports to its parent which of them are durable.

process.on("disconnect", () => process.exit());
const server = await createServer({ settings: process.env, logger: pino({ level: "silent" }) });
const opened = await server.openDocument(process.argv[2] ?? "");

for (let i = 0; ; i++) {
  opened.doc.getArray<number>("numbers").push([i]);
  await opened.whenDurable();
  process.send?.(i);
}

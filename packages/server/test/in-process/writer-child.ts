import { pino } from "pino";
import { readConfig } from "../../src/config.ts";
import { startServer } from "../../src/server.ts";

// Writes numbers into a room until it is killed, and tells its parent which of them are durable.

process.on("disconnect", () => process.exit());
const server = await startServer(readConfig(process.env), pino({ level: "silent" }));
const opened = await server.openDocument(process.argv[2] ?? "");

for (let i = 0; ; i++) {
  opened.doc.getArray<number>("numbers").push([i]);
  await opened.whenDurable();
  process.send?.(i);
}

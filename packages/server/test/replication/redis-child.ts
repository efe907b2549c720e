import { pino } from "pino";
import { BusRecorder } from "../../src/conformance/bus-recorder.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";

// Uses a bus at the URLs of its arguments once, closes it, and must then end by itself.

const bus = await openRedisBus(process.argv.slice(2), pino({ level: "silent" }));
const listener = await BusRecorder.on(bus, "child");
if (bus.problem === undefined) {
  listener.send("hello");
  await listener.receives("hello");
}
process.stdout.write(bus.problem ?? "works");
await bus.close();

import { pino } from "pino";
import { BusRecorder } from "../../src/conformance/bus-recorder.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";

// Uses a bus at the URLs in its arguments once and closes it; the process must then exit by itself.

const bus = await openRedisBus(process.argv.slice(2), pino({ level: "silent" }));
const listener = await BusRecorder.on(bus, "child");
if (bus.problem === undefined) {
  listener.send("hello");
  await listener.receives("hello");
}
process.stdout.write(bus.problem ?? "works");
await bus.close();

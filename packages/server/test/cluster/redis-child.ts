import { pino } from "pino";
import { openRedisBus } from "../../src/cluster/redis/open.ts";
import { BusRecorder } from "../../src/suites/bus-recorder.ts";

// Uses a bus at the URLs of its arguments once, closes it, and must then end by itself.

const bus = await openRedisBus(process.argv.slice(2), pino({ level: "silent" }));
const listener = await BusRecorder.on(bus, "child");
if (bus.problem === undefined) {
  listener.send("hello");
  await listener.receives("hello");
}
process.stdout.write(bus.problem ?? "works");
await bus.close();

/**
 * Loaded into every server: on SIGUSR2 it prints the delay of the event loop since the last time.
 * Plain JavaScript, so that stripping types affects neither start time nor memory.
 */
const { monitorEventLoopDelay } = require("node:perf_hooks");
const { isMainThread } = require("node:worker_threads");

const EVERY_MS = 10;
const NANOSECONDS = 1e6;

if (isMainThread) {
  // The histogram records the time from one of its timers to the next.
  const times = monitorEventLoopDelay({ resolution: EVERY_MS });
  times.enable();
  process.on("SIGUSR2", () => {
    const p99 = times.percentile(99) / NANOSECONDS - EVERY_MS;
    const worst = times.max / NANOSECONDS - EVERY_MS;
    process.stdout.write(`${JSON.stringify({ msg: "event-loop-delay", p99, worst })}\n`);
    times.reset();
  });
}

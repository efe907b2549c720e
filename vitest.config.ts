import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What holds for one server holds for several that look like one. */
const ON_A_CLUSTER = ["client-matrix", "crash", "real-input"];

/** Each attack against a canary. */
const CANARY = "packages/server/test/attacks/canary/**/*.test.ts";
/** What measures time, or needs its time limits, where a busy machine would fail it: one file after another. */
const ALONE = [
  "bench/test/smoke.test.ts",
  "packages/server/test/attacks/message-cost.test.ts",
  "packages/server/test/dashboard/many-rooms.test.ts",
  "packages/server/test/room/room-fairness.test.ts",
  "packages/server/test/storage/postgres-metadata.test.ts",
];

/** What takes longest begins first: what began last would run alone in the end. */
const LONG = /\/(faults|real-input)\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // Many tests mostly wait (for a keepalive, for a slow client), so more files than cores run at once.
    maxWorkers: 4,
    testTimeout: 240_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    // A second, the default, is short for a page beside other tests.
    expect: { poll: { timeout: 30_000 } },
    reporters: ["default"],
    globalSetup: ["packages/server/test/support/bundle-server.ts"],
    setupFiles: ["packages/server/test/support/random-input.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: [
            "packages/*/test/**/*.test.ts",
            "bench/test/**/*.test.ts",
            "deploy/**/test/**/*.test.ts",
          ],
          // Those of an author outside run in the package that a test installs.
          exclude: [
            "**/node_modules/**",
            "packages/server/test/package/own-journal/**",
            CANARY,
            ...ALONE,
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "attacks",
          include: [CANARY],
          // What it measures is time: it runs when all others are done.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ALONE,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "on a cluster",
          include: ON_A_CLUSTER.map((name) => `packages/server/test/e2e/${name}.test.ts`),
          env: { SYMPHONY_TEST_SERVERS: "cluster" },
        },
      },
    ],
  },
});

import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

/** What holds for one server holds for several that look like one. */
const ON_A_CLUSTER = ["client-matrix", "crash", "real-input"];

/** `symphony-backend` is its source here, not what was built last. */
const conditions = ["symphony-source", ...defaultServerConditions];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // Many tests mostly wait (for a keepalive, for a slow client), so more files than cores run at once.
    maxWorkers: 4,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    reporters: ["default"],
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: [
            "packages/*/test/**/*.test.ts",
            "examples/*/test/**/*.test.ts",
            "bench/test/**/*.test.ts",
            "deploy/**/test/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**"],
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

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "bench/test/**/*.test.ts",
      "deploy/**/test/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**"],
    // Many tests mostly wait (for a keepalive, for a slow client), so more files than cores run at once.
    maxWorkers: 4,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    reporters: ["default"],
  },
});

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const dashboardDir = fileURLToPath(new URL("../server/dashboard", import.meta.url));

export default defineConfig({
  // Relative, so that the dashboard works under any path prefix of a proxy.
  base: "./",
  build: {
    outDir: dashboardDir,
    emptyOutDir: true,
    target: "es2022",
    // An asset inlined as a data: URL would need a looser content security policy.
    assetsInlineLimit: 0,
  },
  server: {
    // Opened as /dashboard/, it finds the API of a server beside it.
    open: "/dashboard/",
    proxy: { "/api": { target: process.env.SERVER ?? "http://127.0.0.1:1234" } },
  },
});

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const siteDir = fileURLToPath(new URL("../../packages/server/site", import.meta.url));

// Vite's own WebSocket, which must not look like a room.
const HOT_RELOAD_PATH = "@hot-reload";

export default defineConfig({
  // Relative, so that the page works under any path prefix of a proxy.
  base: "./",
  build: {
    outDir: siteDir,
    emptyOutDir: true,
    target: "es2022",
    // An asset inlined as a data: URL would need a looser content security policy.
    assetsInlineLimit: 0,
    // The editor and its language are one chunk of about this size; splitting it would only add a
    // round trip, as the page needs all of it at once.
    chunkSizeWarningLimit: 800,
  },
  server: {
    hmr: { path: HOT_RELOAD_PATH },
    proxy: {
      [`^/(?!${HOT_RELOAD_PATH})`]: {
        target: process.env.SERVER ?? "http://127.0.0.1:1234",
        ws: true,
        changeOrigin: true,
        // Only room connections go to the server; the page and its modules come from here.
        bypass: (request, response) => (response === undefined ? undefined : request.url),
      },
    },
  },
});

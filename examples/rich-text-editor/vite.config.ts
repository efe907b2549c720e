import { defineConfig } from "vite";

export default defineConfig({
  // Relative, so that the page works at any path.
  base: "./",
  build: {
    target: "es2022",
    // The editor is one chunk of about this size, and the page needs all of it at once.
    chunkSizeWarningLimit: 800,
  },
});

/** How the web app is built, served while developing, and tested. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const api = process.env.MICORE_API ?? "http://127.0.0.1:8083";

export default defineConfig({
  plugins: [react()],
  base: "/",
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    // The Python package serves what lies here; git ignores it.
    outDir: "../src/micore/web",
    emptyOutDir: true,
    target: "es2023",
    // Inlined assets would be data: addresses, which the server's content policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    // Libraries that several pages use lie together: they compress better so, and stay known to a browser longer.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "vendor", test: /node_modules/, minShareCount: 2 }] } },
    },
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    proxy: Object.fromEntries(
      // The server refuses foreign origins, so the proxy speaks in its own name.
      ["/api", "/health"].map((path) => [path, { target: api, changeOrigin: true, headers: { origin: api } }]),
    ),
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // The reader of the tests lives where the test shop does; those of other zones say so.
    env: { TZ: "Europe/Moscow" },
    testTimeout: 30_000,
    // Two cores are shared with the Python tests; more workers only queue.
    maxWorkers: 2,
    // Each file begins with a page of its own, and setup.ts cleans up after each test; what they import is loaded once.
    isolate: false,
  },
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: {
      "expfile/seed": new URL("./src/seed.ts", import.meta.url).pathname,
      "expfile/table": new URL("./src/table.ts", import.meta.url).pathname,
      "expfile/stats": new URL("./src/stats/index.ts", import.meta.url).pathname,
      expfile: new URL("./src/index.ts", import.meta.url).pathname,
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});

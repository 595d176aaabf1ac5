import { defineConfig } from "vitest/config";

// one project: every test beside what it tests; children of the CLI and the virtual GPU take their time on two cores
export default defineConfig({
  test: {
    include: ["{kernels,oracle,harness,suites,reports,fixtures,native}/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});

import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take minutes: one of them that began last would run alone on one of two cores. */
const LONG = ["harness/verify", "harness/variants", "native/sim", "native/sim_exec"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = (f: TestSpecification): number => {
      const at = LONG.findIndex((name) => f.moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

// one project: every test beside what it tests; children of the CLI and the virtual GPU take their time on two cores
export default defineConfig({
  test: {
    include: ["{kernels,oracle,harness,suites,reports,fixtures,native}/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});

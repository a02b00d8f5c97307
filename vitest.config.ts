import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest, most of it in waiting for a cluster, a container or a clock: begun first, it goes on beside everything else. */
const longest = [
  "test/slurm/time-limit",
  "test/reliability/executors",
  "test/slurm/",
  "test/modal/",
  "test/peptides/lm/",
  "test/documents",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.includes(`/${name}`));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}

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
    // Nothing is judged by its time, but what hangs has to end.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Most tests wait half of their time for programs that they have started.
    maxWorkers: 2 * Math.min(4, availableParallelism()),
    sequence: { sequencer: LongestFirst },
  },
});

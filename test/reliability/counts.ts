// How often the tests of this folder do what they do at random: small counts for `npm test`, full ones for `npm run torture`
// (EXP_TORTURE=1), others by EXP_COUNTS="kills=500,soak=100". EXP_TEST_SEED repeats what was drawn.

import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { expect } from "vitest";

export const isTorture = process.env.EXP_TORTURE === "1";

const counts = {
  /** Kills of a driver or a worker. */
  kills: [20, 200],
  /** Kills of the driver with work on an executor, for each of them. */
  driverKills: [5, 50],
  /** Kills where the store has no hard links. */
  killsWithoutLinks: [4, 40],
  /** Rounds of two builds at once. */
  pairs: [5, 100],
  /** Rounds of two builds at once where the store has no hard links. */
  pairsWithoutLinks: [3, 30],
  /** Random graphs, each with a row of random edits. */
  graphs: [3, 60],
  /** Random graphs with fan-outs, failures and kills. */
  fanOutGraphs: [3, 60],
  /** Random damage to random files. */
  damages: [12, 300],
  /** Sizes of a disk that fills up. */
  fullDisks: [3, 40],
  /** Limits on open files. */
  fileLimits: [6, 60],
  /** Builds beside a writer that never rests. */
  restless: [10, 100],
  /** Edits in place, each within the tick of the last hash. */
  ticks: [600, 20_000],
  /** Edits beside a clock that runs backwards. */
  clocks: [6, 60],
  /** Builds in a row of the soak. */
  soak: [30, 2000],
  /** Files of the wide tree. */
  treeFiles: [10_000, 100_000],
  /** GiB of the sparse input. */
  sparseGiB: [1, 10],
  /** Actions of each process beside a collection. */
  collections: [40, 400],
  /** Kills of a collection. */
  killedCollections: [5, 60],
  /** Waiters on one dead lock, at once. */
  deadLocks: [20, 200],
  /** Damaged or lying tables. */
  tables: [200, 5000],
} as const satisfies Record<string, readonly [usual: number, torture: number]>;

export type Count = keyof typeof counts;

const asked = new Map(
  (process.env.EXP_COUNTS ?? "")
    .split(",")
    .map((pair) => pair.split("="))
    .map(([name, value]) => [name, Number(value)]),
);

export function countOf(name: Count): number {
  return asked.get(name) ?? counts[name][isTorture ? 1 : 0];
}

/** The seed of what is random here; it stands in the names of the tests that use it. */
export const seed = Number(process.env.EXP_TEST_SEED ?? Date.now() % 1_000_000);

/** For tests with a count: nothing is judged by its time, but one that hangs has to end. */
export const patience = { timeout: isTorture ? 3 * 3_600_000 : 1_800_000 };

/** A sentence with figures for docs/reliability.md, under the test that is running. */
export function found(text: string): void {
  const { testPath, currentTestName } = expect.getState();
  const file = process.env.EXP_TORTURE_FOUND;
  if (file === undefined) return;
  appendFileSync(file, `${JSON.stringify({ file: basename(testPath ?? ""), test: currentTestName, text })}\n`);
}

// The log-rank test that groups share one survival curve. Source: N. Mantel (1966); R. Peto and J. Peto (1972).
import { cholesky, solveCholesky } from "../numeric/matrix.ts";
import { chiSquaredSurvival } from "../distribution/chi-squared.ts";
import { checkObservations, eventTimes } from "./observation.ts";
import type { Observation } from "./observation.ts";

export interface LogRank {
  readonly chiSquared: number;
  readonly df: number;
  readonly pValue: number;
  /** Events per group, as seen and as expected if the groups did not differ. */
  readonly observed: readonly number[];
  readonly expected: readonly number[];
}

/** The log-rank test of two groups or more. */
export function logRank(groups: readonly (readonly Observation[])[]): LogRank {
  if (groups.length < 2) throw new RangeError(`logRank: there is ${groups.length} group; at least two are needed.`);
  groups.forEach((group) => checkObservations("logRank", group));
  const expected = groups.map(() => 0);
  const covariance = groups.map(() => groups.map(() => 0));
  for (const time of eventTimes(groups.flat())) {
    const atRisk = groups.map((group) => group.filter((observation) => observation.time >= time).length);
    const total = atRisk.reduce((a, b) => a + b, 0);
    const events = groups.flat().filter((observation) => observation.event && observation.time === time).length;
    const scale = total > 1 ? (events * (total - events)) / (total - 1) : 0;
    atRisk.forEach((n, i) => {
      expected[i]! += (events * n) / total;
      atRisk.forEach((m, j) => (covariance[i]![j]! += scale * (n / total) * ((i === j ? 1 : 0) - m / total)));
    });
  }
  const observed = groups.map((group) => group.filter(({ event }) => event).length);
  const df = groups.length - 1;
  // The last group is left out: the differences sum to zero, so the full matrix has no inverse.
  const differences = observed.slice(0, df).map((count, i) => count - expected[i]!);
  const factor = cholesky(covariance.slice(0, df).map((row) => row.slice(0, df)));
  if (factor === null) {
    throw new RangeError("logRank: at no event were subjects of all groups at risk, so they cannot be compared.");
  }
  const solved = solveCholesky(factor, differences);
  const chiSquared = differences.reduce((total, difference, i) => total + difference * solved[i]!, 0);
  return { chiSquared, df, pValue: chiSquaredSurvival(chiSquared, df), observed, expected };
}

// The Bradley–Terry model of pairwise comparisons, with an optional advantage of the first place (home field, order shown).
// Sources: R. Bradley and M. Terry (1952); A. Agresti (2002), Categorical Data Analysis, section 10.6. Fitted by Newton's
// method on the logistic likelihood, which is concave.
import { cholesky, invertCholesky, solveCholesky } from "./numeric/matrix.ts";
import { normalSurvival } from "./distribution/normal.ts";

/** What happened between two items: how often `first` won and how often `second` did. */
export interface Contest {
  readonly first: string;
  readonly second: string;
  readonly firstWins: number;
  readonly secondWins: number;
}

export interface BradleyTerry {
  /** Log-odds of winning against the reference item, whose ability is 0; in the order of `items`. */
  readonly ability: readonly number[];
  /** Standard errors of the abilities; 0 for the reference. */
  readonly standardError: readonly number[];
  /** Residual deviance and its degrees of freedom, each contest being one binomial observation. */
  readonly deviance: number;
  readonly df: number;
  /** The log-odds that being first adds; null when not asked for. */
  readonly orderEffect: { readonly estimate: number; readonly standardError: number; readonly pValue: number } | null;
}

/**
 * Maximum likelihood abilities with P(i beats j) = 1 / (1 + exp(ability_j − ability_i)).
 *
 * @param options.reference the item of ability 0; the first one unless given
 * @param options.withOrderEffect estimate what being `first` is worth
 * @throws RangeError when the estimate does not exist: some group of items never lost to the others (L. Ford 1957)
 */
export function bradleyTerry(
  items: readonly string[],
  contests: readonly Contest[],
  options: { readonly reference?: string; readonly withOrderEffect?: boolean } = {},
): BradleyTerry {
  const reference = options.reference ?? items[0];
  const place = new Map(items.map((item, i) => [item, i]));
  checkContests(items, contests, place, reference);
  const withOrder = options.withOrderEffect ?? false;
  const free = items.filter((item) => item !== reference);
  const column = new Map(free.map((item, i) => [item, i]));
  const size = free.length + (withOrder ? 1 : 0);
  const played = contests.filter(({ firstWins, secondWins }) => firstWins + secondWins > 0);
  const rows = played.map(({ first, second }) => {
    const row = new Array<number>(size).fill(0);
    if (column.has(first)) row[column.get(first)!] = 1;
    if (column.has(second)) row[column.get(second)!] = -1;
    if (withOrder) row[size - 1] = 1;
    return row;
  });
  const { coefficients, covariance } = fitLogistic(rows, played);
  const at = (item: string, values: readonly number[]): number => (item === reference ? 0 : values[column.get(item)!]!);
  const errors = covariance.map((row, i) => Math.sqrt(row[i]!));
  const estimate = coefficients[size - 1]!;
  const standardError = errors[size - 1]!;
  return {
    ability: items.map((item) => at(item, coefficients)),
    standardError: items.map((item) => at(item, errors)),
    deviance: deviance(rows, played, coefficients),
    df: played.length - size,
    orderEffect: withOrder
      ? { estimate, standardError, pValue: 2 * normalSurvival(Math.abs(estimate / standardError)) }
      : null,
  };
}

function checkContests(
  items: readonly string[],
  contests: readonly Contest[],
  place: ReadonlyMap<string, number>,
  reference: string | undefined,
): void {
  const fail = (problem: string): never => {
    throw new RangeError(`bradleyTerry: ${problem}`);
  };
  if (items.length < 2 || place.size < items.length) fail("items must be two or more different names.");
  if (reference === undefined || !place.has(reference))
    fail(`the reference "${String(reference)}" is not among the items.`);
  const beats = items.map(() => new Set<number>());
  for (const { first, second, firstWins, secondWins } of contests) {
    const [i, j] = [place.get(first), place.get(second)];
    if (i === undefined || j === undefined)
      return fail(`a contest names "${i === undefined ? first : second}", which is not among the items.`);
    if (i === j) fail(`"${first}" is set against itself; drop that contest.`);
    if (!(firstWins >= 0 && firstWins < Infinity && secondWins >= 0 && secondWins < Infinity)) {
      fail(`the wins of "${first}" and "${second}" are ${firstWins} and ${secondWins}, but must be 0 or more.`);
    }
    if (firstWins > 0) beats[i]!.add(j);
    if (secondWins > 0) beats[j]!.add(i);
  }
  const losesTo = items.map((_, i) => new Set(items.flatMap((_, j) => (beats[j]!.has(i) ? [j] : []))));
  for (const [graph, text] of [
    [beats, "win against"],
    [losesTo, "lose to"],
  ] as const) {
    const reached = reach(graph);
    const missing = items.findIndex((_, i) => !reached.has(i));
    if (missing >= 0) {
      fail(
        `the abilities have no finite estimate, because the items linked to "${items[0]!}" never ${text} "${items[missing]!}"; collect more comparisons between them, or drop one.`,
      );
    }
  }
}

/** All nodes that can be reached from node 0. */
function reach(graph: readonly ReadonlySet<number>[]): Set<number> {
  const reached = new Set([0]);
  for (const node of reached) for (const next of graph[node]!) reached.add(next);
  return reached;
}

function fitLogistic(
  rows: readonly (readonly number[])[],
  contests: readonly Contest[],
): { coefficients: number[]; covariance: number[][] } {
  const size = rows[0]!.length;
  let coefficients = new Array<number>(size).fill(0);
  let best = deviance(rows, contests, coefficients);
  for (let round = 0; round < 100; round++) {
    const gradient = new Array<number>(size).fill(0);
    const information = gradient.map(() => new Array<number>(size).fill(0));
    rows.forEach((row, i) => {
      const { firstWins, secondWins } = contests[i]!;
      const p = winChance(row, coefficients);
      const weight = (firstWins + secondWins) * p * (1 - p);
      row.forEach((a, r) => {
        if (a === 0) return;
        gradient[r]! += a * (firstWins * (1 - p) - secondWins * p);
        row.forEach((b, c) => (information[r]![c]! += a * b * weight));
      });
    });
    const factor = cholesky(information);
    if (factor === null) break;
    let step = solveCholesky(factor, gradient);
    if (Math.max(...step.map(Math.abs)) < 1e-12) return { coefficients, covariance: invertCholesky(factor) };
    // Halving keeps Newton's step from overshooting; the likelihood is concave, so this always ends.
    for (let halving = 0; halving < 40; halving++) {
      const next = coefficients.map((value, i) => value + step[i]!);
      const value = deviance(rows, contests, next);
      if (value <= best * (1 + 1e-14) || halving === 39) {
        [coefficients, best] = [next, value];
        break;
      }
      step = step.map((part) => part / 2);
    }
  }
  throw new RangeError(
    "bradleyTerry: the order effect has no finite estimate, because one side won everything that could tell it; collect more comparisons in both orders.",
  );
}

function winChance(row: readonly number[], coefficients: readonly number[]): number {
  return 1 / (1 + Math.exp(-row.reduce((total, value, i) => total + value * coefficients[i]!, 0)));
}

function deviance(
  rows: readonly (readonly number[])[],
  contests: readonly Contest[],
  coefficients: readonly number[],
): number {
  const part = (wins: number, expected: number): number => (wins === 0 ? 0 : 2 * wins * Math.log(wins / expected));
  return rows.reduce((total, row, i) => {
    const { firstWins, secondWins } = contests[i]!;
    const p = winChance(row, coefficients);
    const n = firstWins + secondWins;
    return total + part(firstWins, n * p) + part(secondWins, n * (1 - p));
  }, 0);
}

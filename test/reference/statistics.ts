// The statistics of the reference vocabulary by its names, each as a call of `expfile/stats`. Turns the vocabulary's input
// into our arguments and our results into its shapes; computes nothing itself.
import * as stats from "../../src/stats/index.ts";
import { on } from "./adapter.ts";
import type { Call } from "./adapter.ts";
import { modelStatistics } from "./statistics-models.ts";
import { loadTable } from "./statistics-data.ts";
import { NotOffered } from "./not-offered.ts";

interface Pairs {
  readonly x: readonly number[];
  readonly y: readonly number[];
}
interface TestOfPairs extends Pairs {
  readonly alternative?: string;
}
interface Trials {
  readonly x: number;
  readonly n: number;
  readonly level: number;
}
interface Distributions {
  readonly p: readonly number[];
  readonly q: readonly number[];
}
interface Counts {
  readonly counts: readonly (readonly number[])[];
}
interface Resampling {
  readonly x: readonly number[];
  readonly B: number;
  readonly level: number;
}
interface NamedStatistic {
  readonly x: readonly number[];
  readonly statistic: string;
}
interface TTestInput {
  readonly delta: number;
  readonly sd: number;
  readonly type?: string;
  readonly sig: number;
}
interface Proportions {
  readonly p1: number;
  readonly p2: number;
  readonly sig: number;
}
type Ratings =
  | { readonly raters_by_units: readonly (readonly stats.Rating[])[]; readonly level: stats.MeasurementLevel }
  | { readonly data: string; readonly unit: string; readonly value: string; readonly level: stats.MeasurementLevel };
type Similarity =
  | { readonly K: readonly (readonly number[])[]; readonly q?: number }
  | { readonly samples: readonly number[]; readonly kernel: string; readonly q?: number };
interface Arms {
  readonly data: string;
  readonly metric: string;
  readonly groups: readonly string[];
}

export const statistics: Readonly<Record<string, Call>> = {
  krippendorff_alpha: on<Ratings>((input) => {
    if ("raters_by_units" in input) return stats.krippendorffAlpha(input.raters_by_units, input.level);
    const units = groupBy(loadTable(input.data), input.unit);
    const ratings = [...units.values()].map((rows) => rows.map((row) => numberOrNull(cell(row, input.value))));
    return stats.krippendorffAlphaOfUnits(ratings, input.level);
  }),
  fleiss_kappa: on<Counts>(({ counts }) => stats.fleissKappa(counts)),
  randolph_kappa: on<Counts>(({ counts }) => stats.randolphKappa(counts)),
  cohen_kappa: on<{ readonly table: readonly (readonly number[])[] }>(({ table }) =>
    kappaShape(stats.cohenKappa(table)),
  ),
  cohen_kappa_weighted: on<{ readonly table: readonly (readonly number[])[]; readonly weights: string }>(
    ({ table, weights }) => kappaShape(stats.cohenKappa(table, { weights: kappaWeights(weights) })),
  ),
  icc: on<{ readonly subjects_by_raters: readonly (readonly number[])[] }>(({ subjects_by_raters }) => {
    const r = stats.icc(subjects_by_raters);
    return { ICC1: r.icc1, ICC2: r.icc2, ICC3: r.icc3, ICC1k: r.icc1k, ICC2k: r.icc2k, ICC3k: r.icc3k };
  }),

  pass_at_k: on<{ readonly n: number; readonly c: number; readonly k: number }>(({ n, c, k }) =>
    stats.passAtK(n, c, k),
  ),
  wilson_interval: on<Trials>(({ x, n, level }) => stats.wilsonInterval(x, n, level)),
  clopper_pearson_interval: on<Trials>(({ x, n, level }) => stats.clopperPearsonInterval(x, n, level)),
  p_adjust: on<{ readonly p: readonly (number | null)[]; readonly method: string }>(({ p, method }) =>
    stats.pAdjust(p, adjustment(method)),
  ),
  elo_expected: on<{ readonly ra: number; readonly rb: number }>(({ ra, rb }) => stats.eloExpected(ra, rb)),
  vendi_score: on<Similarity>((input) =>
    stats.vendiScore("K" in input ? input.K : kernelMatrix(input.samples, input.kernel), input.q),
  ),
  kl_divergence_nats: on<Distributions>(({ p, q }) => stats.klDivergence(p, q)),
  jensen_shannon_divergence_nats: on<Distributions>(({ p, q }) => stats.jensenShannonDivergence(p, q)),

  t_test_paired: on<Pairs>(({ x, y }) => {
    const test = stats.tTestPaired(x, y);
    return { ...tShape(test), mean_diff: test.difference };
  }),
  t_test_welch: on<Pairs | Arms>((input) =>
    "data" in input ? welchOfArms(input) : tShape(stats.tTestWelch(input.x, input.y)),
  ),
  effect_size: on<Pairs>(({ x, y }) => ({
    cohen_d_pooled: stats.cohenD(x, y),
    hedges_g_exact: stats.hedgesG(x, y),
    hedges_g_approx: stats.hedgesGApproximate(x, y),
    cliffs_delta: stats.cliffsDelta(x, y),
    vargha_delaney_A12: stats.varghaDelaneyA12(x, y),
    cohen_dz_paired: x.length === y.length ? stats.cohenDz(x, y) : null,
  })),
  permutation_paired_signflip_exact: on<Pairs & { readonly two_sided?: boolean }>(({ x, y, two_sided }) => {
    const differences = x.map((value, i) => value - y[i]!);
    const test = stats.signFlipTest(differences, { alternative: two_sided === false ? "greater" : "two-sided" });
    if (test.method.kind !== "exact") throw new NotOffered(`exact sign flips of ${differences.length} pairs`);
    return test.pValue;
  }),
  wilcoxon_signed_rank_exact: on<TestOfPairs>((input) => {
    const { v, pValue } = stats.wilcoxonSignedRank(input.x, input.y, alternative(input.alternative));
    return { V: v, p: pValue };
  }),
  mann_whitney_exact: on<TestOfPairs>((input) => {
    const { w, pValue } = stats.mannWhitney(input.x, input.y, alternative(input.alternative));
    return { W: w, p: pValue };
  }),
  correlation: on<Pairs>(({ x, y }) => {
    const [pearson, spearman, kendall] = [stats.pearson(x, y), stats.spearman(x, y), stats.kendall(x, y)];
    return {
      pearson: pearson.r,
      pearson_p: pearson.pValue,
      pearson_ci: pearson.interval,
      spearman: spearman.rho,
      spearman_p_exact: spearman.pValue,
      kendall: kendall.tau,
      kendall_p_exact: kendall.pValue,
    };
  }),
  kruskal_wallis: on<{ readonly data: string }>(({ data }) => {
    const { statistic, df, pValue } = stats.kruskalWallis(groupsIn(data));
    return { H: statistic, df, p: pValue };
  }),
  friedman: on<{ readonly data: string; readonly blocks: number; readonly treatments: number }>(
    ({ data, blocks, treatments }) => {
      const rows = friedmanBlocks(data, blocks, treatments);
      const { statistic, df, pValue } = stats.friedman(rows);
      return { chi2: statistic, df, p: pValue };
    },
  ),
  fisher_exact: on<{ readonly table: stats.TwoByTwo; readonly alternative?: string }>((input) => {
    if (input.table.length > 2 || input.table[0].length > 2) throw new NotOffered("Fisher's test beyond 2 × 2");
    return stats.fisherExact(input.table, alternative(input.alternative));
  }),
  mcnemar: on<{ readonly table: stats.TwoByTwo }>(({ table }) => {
    const [corrected, plain] = [stats.mcNemar(table), stats.mcNemar(table, { continuity: false })];
    return {
      chi2_continuity: corrected.chiSquared,
      p_continuity: corrected.pValue,
      chi2_plain: plain.chiSquared,
      p_plain: plain.pValue,
    };
  }),

  power_t_test: on<TTestInput & { readonly n: number }>((input) => stats.powerTTest(input.n, tTestPlan(input))),
  sample_size_t_test: on<TTestInput & { readonly power: number }>((input) =>
    stats.sampleSizeTTest(input.power, tTestPlan(input)),
  ),
  power_two_proportions: on<Proportions & { readonly n: number }>(({ n, p1, p2, sig }) =>
    stats.powerTwoProportions(n, { p1, p2, significance: sig }),
  ),
  sample_size_two_proportions: on<Proportions & { readonly power: number }>(({ power, p1, p2, sig }) =>
    stats.sampleSizeTwoProportions(power, { p1, p2, significance: sig }),
  ),

  bootstrap_ci_ratio_of_means: on<Resampling & { readonly u: readonly number[] }>(({ u, x, B, level }) => {
    const result = stats.bootstrapRatioOfMeans(x, u, { seed: 1, replicates: B, level });
    const { estimate, percentile, bca, basic, normal } = result;
    return { theta: estimate, percentile, bca, basic, normal };
  }),
  bootstrap_ci_mean: on<Resampling & { readonly method: string }>(({ x, method, B, level }) => {
    const result = stats.bootstrapMean(x, { seed: 1, replicates: B, level });
    const kind = (["percentile", "basic", "normal", "bca"] as const).find((name) =>
      method.toLowerCase().includes(name.slice(0, 4)),
    );
    if (kind === undefined) throw new NotOffered(`the bootstrap interval "${method}"`);
    return result[kind];
  }),
  bca_acceleration_jackknife: on<NamedStatistic>(({ x, statistic }) =>
    stats.bcaAcceleration(x, statisticOf(statistic)),
  ),
  jackknife_se: on<NamedStatistic>(({ x, statistic }) => stats.jackknifeStandardError(x, statisticOf(statistic))),

  ...modelStatistics,
};

const tShape = ({ t, df, pValue, interval }: stats.TTest) => ({ t, df, p: pValue, ci: interval });

const kappaShape = ({ kappa, ase, low, high, ase0, z, pTwoSided }: stats.CohenKappa) => ({
  kappa,
  ase,
  low,
  high,
  ase0,
  z,
  p_two: pTwoSided,
});

function kappaWeights(weights: string): stats.KappaWeights {
  const name = weights.toLowerCase();
  if (/linear|equal|^ca$|cicchetti/.test(name)) return "linear";
  if (/quadratic|square|^fc$|fleiss/.test(name)) return "quadratic";
  if (/none|unweighted/.test(name)) return "none";
  throw new NotOffered(`the kappa weights "${weights}"`);
}

function adjustment(method: string): stats.Adjustment {
  if (method === "fdr" || method === "fdr_bh") return "BH";
  if (method === "fdr_by") return "BY";
  if (["none", "bonferroni", "holm", "hochberg", "BH", "BY"].includes(method)) return method as stats.Adjustment;
  throw new NotOffered(`the adjustment "${method}"`);
}

function alternative(name: string | undefined): stats.Alternative {
  if (name === undefined || /^two/.test(name)) return "two-sided";
  if (name === "greater" || name === "less") return name;
  throw new NotOffered(`the alternative "${name}"`);
}

function tTestPlan({ delta, sd, type = "two.sample", sig }: TTestInput): stats.TTestPlan {
  const kind = /^two/.test(type) ? "two-sample" : /^one/.test(type) ? "one-sample" : "paired";
  return { delta, sd, kind, significance: sig };
}

/** A kernel written as a formula of a and b. */
function kernelMatrix(samples: readonly number[], kernel: string): number[][] {
  if (!/exp/.test(kernel)) throw new NotOffered(`the kernel "${kernel}"`);
  const isSquared = /\*\*\s*2|\^\s*2|²/.test(kernel);
  if (isSquared && /\/|sigma/.test(kernel)) throw new NotOffered(`the kernel "${kernel}"`);
  const distance = (a: number, b: number): number => (isSquared ? (a - b) ** 2 : Math.abs(a - b));
  return samples.map((a) => samples.map((b) => Math.exp(-distance(a, b))));
}

function statisticOf(name: string): stats.Statistic<number> {
  const known: Readonly<Record<string, stats.Statistic<number>>> = {
    mean: stats.mean,
    median: stats.median,
    variance: stats.variance,
    var: stats.variance,
    sd: stats.standardDeviation,
    std: stats.standardDeviation,
    sum: stats.sum,
  };
  const statistic = known[name.trim().toLowerCase()];
  if (statistic === undefined) throw new NotOffered(`the statistic "${name}"`);
  return statistic;
}

/** The arms of a table against people: the first other arm, and the re-ranked one where there is one. */
function welchOfArms({ data, metric, groups }: Arms): Readonly<Record<string, number>> {
  const columnOf = (rows: readonly Readonly<Record<string, string>>[]): number[] =>
    rows.map((row) => numberOrNull(cell(row, metric))).filter((value) => value !== null);
  const arms = groupBy(loadTable(data), "condition");
  const values = (arm: string): number[] => {
    const rows = arms.get(arm);
    if (rows === undefined) throw new NotOffered(`no arm "${arm}" in ${data}`);
    return columnOf(rows);
  };
  const control = groups.includes("Human") ? "Human" : groups.at(-1)!;
  const treatment = groups.find((name) => name !== control && !/rerank/i.test(name)) ?? groups[0]!;
  const rerank = [...arms.keys()].find((name) => /rerank/i.test(name));
  const test = stats.tTestWelch(values(treatment), values(control));
  const again = rerank === undefined ? null : stats.tTestWelch(values(rerank), values(control));
  return {
    ...Object.fromEntries(groups.map((name) => [`mean_${name}`, stats.mean(values(name))])),
    t: test.t,
    df: test.df,
    p: test.pValue,
    p_bonferroni_5: Math.min(1, 5 * test.pValue),
    ...(again === null ? {} : { rerank_t: again.t, rerank_p: again.pValue }),
  };
}

/** Groups written out as c(…) or […], else those of a table: the last column with text or few values parts the other. */
function groupsIn(data: string): number[][] {
  const written = [...data.matchAll(/(?:c\(|\[)([-\d.,\s]+)[)\]]/g)].map(([, list]) => list!.split(",").map(Number));
  if (written.length >= 2) return written;
  const rows = loadTable(data);
  const columns = Object.keys(rows[0]!);
  const distinct = (column: string): number => new Set(rows.map((row) => row[column])).size;
  const [by, value] = columns.sort((a, b) => distinct(a) - distinct(b));
  return [...groupBy(rows, by!).values()].map((group) => group.map((row) => Number(row[value!])));
}

function friedmanBlocks(data: string, blocks: number, treatments: number): number[][] {
  for (const description of [data, "rounding", "warpbreaks"]) {
    try {
      const rows = loadTable(description).map((row) => Object.values(row).map(Number));
      if (rows.length === blocks && rows[0]!.length === treatments) return rows;
    } catch (error) {
      if (!(error instanceof NotOffered)) throw error;
    }
  }
  throw new NotOffered(`no table of ${blocks} blocks and ${treatments} treatments known as "${data}"`);
}

function groupBy(rows: ReturnType<typeof loadTable>, column: string): Map<string, typeof rows> {
  const groups = new Map<string, typeof rows>();
  for (const row of rows) {
    const key = cell(row, column);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

/** A column by its name, which cases may shorten ("novelty" for "novelty_score"). */
function cell(row: Readonly<Record<string, string>>, column: string): string {
  const value = row[column] ?? row[`${column}_score`] ?? row[`${column}_id`];
  if (value === undefined) throw new NotOffered(`no column "${column}"`);
  return value;
}

const numberOrNull = (text: string): number | null => (text === "" || text === "NA" ? null : Number(text));

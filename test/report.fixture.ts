/** A made-up run for the report's tests: five arms, eight seeds, invented values. No number here was computed by a judge. */
import { differencesFigure, histogramFigure, spreadFigure } from "../rules/peptides/report/figures.ts";
import type { Figure } from "../rules/peptides/report/figures.ts";
import type { Metric, PairedDifference, Summary } from "../rules/peptides/report/summary.ts";

const arms = [
  { id: "k2", label: "order 2", settings: { order: 2, temperature: 1, trained_on: "all" }, control: true },
  { id: "k0", label: "composition only", settings: { order: 0, temperature: 1, trained_on: "all" }, control: false },
  { id: "k4", label: "order 4", settings: { order: 4, temperature: 1, trained_on: "all" }, control: false },
  { id: "hot", label: "order 2, hot", settings: { order: 2, temperature: 1.5, trained_on: "all" }, control: false },
  {
    id: "null",
    label: "shuffled training data",
    settings: { order: 2, temperature: 1, trained_on: "shuffled" },
    control: false,
  },
];
const seeds = [11, 12, 13, 14, 15, 16, 17, 18];

/** A small linear congruential generator: the same invented values everywhere. */
function invented(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

function bell(random: () => number, mean: number, spread: number): number {
  return mean + spread * (random() + random() + random() + random() - 2) * 1.7;
}

type Invented = { id: string; label: string; unit: string; judge: string; better: Metric["better"]; description: string; means: number[]; spread: number; primary?: boolean }; // prettier-ignore

const inventedMetrics: Invented[] = [
  { id: "moment", label: "Hydrophobic moment", unit: "", judge: "physchem", better: "higher", primary: true, description: "How strongly a helix of this sequence would separate its oily from its polar side.", means: [0.52, 0.41, 0.58, 0.47, 0.45], spread: 0.12 },
  { id: "charge", label: "Net charge at pH 7", unit: "e", judge: "physchem", better: "neither", primary: true, description: "Sum of the side chains' and termini's charges.", means: [3.4, 3.5, 3.8, 3.1, 3.4], spread: 2.1 },
  { id: "aggregation", label: "Aggregation propensity", unit: "", judge: "aggrescan", better: "lower", primary: true, description: "Mean AGGRESCAN score over sliding windows.", means: [0.08, 0.11, 0.12, 0.03, 0.09], spread: 0.2 },
  { id: "mass", label: "Molecular mass", unit: "Da", judge: "physchem", better: "neither", description: "Average mass of the peptide.", means: [2480, 2466, 2510, 2477, 2471], spread: 620 },
  { id: "boman", label: "Boman index", unit: "kcal/mol", judge: "physchem", better: "neither", description: "Mean solubility of the side chains; above 2.48 suggests protein binding.", means: [1.1, 1.4, 0.9, 1.3, 1.4], spread: 0.9 },
]; // prettier-ignore

function inventMetric(metric: Invented, index: number): Metric {
  const half = metric.spread / 4;
  return {
    id: metric.id,
    label: metric.label,
    unit: metric.unit,
    judge: metric.judge,
    primary: metric.primary ?? false,
    better: metric.better,
    description: metric.description,
    perArm: arms.map(({ id }, arm) => ({ arm: id, nSeeds: 8, nPeptides: 1600 - 7 * arm, mean: metric.means[arm]!, low: metric.means[arm]! - half, high: metric.means[arm]! + half })),
    paired: arms.slice(1).map(({ id }, arm): PairedDifference => {
      const difference = metric.means[arm + 1]! - metric.means[0]!;
      const p = Math.abs(difference) > half ? 0.0078125 : 0.4;
      const pAdjusted = index === 0 && arm !== 1 ? 0.031 : Math.min(1, 4 * p);
      return { arm: id, nSeeds: 8, difference, low: difference - half, high: difference + half, p, pAdjusted, smallestP: 0.0078125, effect: difference / metric.spread };
    }),
    notApplicable: index === 2 ? [{ reason: "shorter than the window of 5", count: 38 }] : [],
  }; // prettier-ignore
}

export const summary: Summary = {
  schema: "peptide-summary 1",
  title: "Does a longer memory make better antimicrobial peptides?",
  notes: {
    what: "Five settings of an n-gram sampler, 200 peptides for each of eight seeds, judged by sequence alone.",
    why: "Longer contexts copy more of the training peptides. We want to know what they gain before paying for a larger model.",
    hypothesis: "Order 4 raises the hydrophobic moment but costs novelty; composition alone loses it.",
  },
  level: 0.95,
  arms,
  seeds,
  counts: arms.map(({ id }, index) => ({ arm: id, peptides: 1600, duplicates: index === 2 ? 14 : 0, invalid: index, novel: 1600 - 30 * index })),
  prepare: {
    read: 5200,
    kept: 4611,
    rejected: [
      { reason: "the same sequence again", count: 558 },
      { reason: "longer than 50 residues", count: 31 },
    ],
  },
  metrics: inventedMetrics.map(inventMetric),
  predictions: [
    { metric: "moment", arm: "k4", against: null, direction: "higher", margin: null, verdict: "supported", because: "shown", nSeeds: 8, difference: 0.06, low: 0.03, high: 0.09, pAdjusted: 0.031, smallestPAdjusted: 0.031 },
    { metric: "charge", arm: "hot", against: null, direction: "no difference", margin: 0.2, verdict: "undecided", because: "interval", nSeeds: 8, difference: -0.3, low: -0.825, high: 0.225, pAdjusted: 0.6, smallestPAdjusted: 0.0039 },
  ],
  examples: arms.slice(0, 3).map(({ id }, arm) => ({
    arm: id,
    peptides: [
      { id: `${id}-11-0042`, seed: 11, sequence: "GIGKFLHSAKKFGKAFVGEIMNS", nearestSimilarity: 0.62, values: { moment: 0.71, charge: 3.1, aggregation: -0.02 } },
      { id: `${id}-13-0${arm}17`, seed: 13, sequence: "KWKLFKKIEKVGQNIRDGIIKAGPAVAVVGQATQIAK", nearestSimilarity: 0.48, values: { moment: 0.69, charge: 6.9, aggregation: null } },
      { id: `${id}-15-0108`, seed: 15, sequence: "RRWCWRDLLKKAS", nearestSimilarity: null, values: { moment: 0.66, charge: 4, aggregation: 0.11 } },
    ],
  })),
  data: [
    { name: "AMP", file: "amp_modlamp_apd3_vs_uniprot.csv", rows: 5200, licence: "BSD-3-Clause (repository)", source: "alexarnimueller/modlAMP, f3a2b5d7; APD3 and UniProt have terms of their own" },
  ],
  methods: {
    interval: "BCa bootstrap over seeds, 10,000 resamples",
    test: "exact sign-flip permutation of the paired differences, two-sided",
    correction: "Holm over the primary metrics and arms",
    effect: "Hedges' g of the paired differences",
    samplers: "baseline",
    sampler: "interpolated Kneser–Ney n-gram over residues, discount 0.75, end symbol sampled",
    examples: "The novel peptides with the highest hydrophobic moment, at most one for each seed.",
    notes: ["A judge gives “not applicable” instead of a number where its method does not hold."],
  },
  limits: ["The reference peptides hold many near-duplicates, so novelty is overstated for short ones."],
}; // prettier-ignore

export async function figures(): Promise<Figure[]> {
  const primary = summary.metrics.filter((metric) => metric.primary);
  const values = (mean: number, spread: number, seed: number, n = 300): number[] => {
    const random = invented(seed);
    return Array.from({ length: n }, () => bell(random, mean, spread));
  };
  const spreads = inventedMetrics.filter((metric) => metric.primary).map((metric, index) =>
    spreadFigure(
      summary,
      primary[index]!,
      arms.map(({ id }, arm) => ({ arm: id, values: values(metric.means[arm]!, metric.spread, 7 * arm + index), seedMeans: seeds.map((seed) => bell(invented(seed + arm), metric.means[arm]!, metric.spread / 9)) })),
    ),
  ); // prettier-ignore
  const lengths = arms.map(({ id }, arm) => ({ arm: id, values: values(22 + arm, 9, arm + 1).map((value) => Math.max(5, Math.round(value))) }));
  const reference = { label: "reference peptides", values: values(26, 10, 99, 2000).map((value) => Math.max(5, Math.round(value))) };
  const identity = arms.map(({ id }, arm) => ({ arm: id, values: values(0.42 + 0.06 * arm, 0.12, arm + 40).map((value) => Math.min(1, Math.max(0, value))) }));
  const all = await Promise.all([
    differencesFigure(summary, primary),
    ...spreads,
    histogramFigure(summary, { id: "length", title: "Length", axis: "residues", wholeNumbers: true }, lengths, reference),
    histogramFigure(summary, { id: "novelty", title: "Nearness to known peptides", axis: "identity to the nearest reference peptide" }, identity, null),
  ]);
  return all.filter((figure) => figure !== null);
} // prettier-ignore

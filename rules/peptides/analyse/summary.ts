/** From the evidence to `summary.json`. Corrects p-values here, where all of them are known; draws nothing. */
import { pAdjust } from "expfile/stats";
import type { ArmSettings } from "../arms.ts";
import type * as Report from "../report/summary.ts";
import { isCanonical } from "../science/alphabet.ts";
import type { Evidence, JudgedMetric, NamedArm } from "./evidence.ts";
import { aboutMetric } from "./metrics.ts";
import { judgePredictions } from "./predictions.ts";

export const CLOSEST = "closest-edit";

export function summarise(evidence: Evidence): Report.Summary {
  const { config, arms, peptides } = evidence;
  const { title, level } = config;
  const settings = armsSettings(arms.map((arm) => arm.settings));
  const metrics = metricsOf(evidence);
  return {
    schema: "peptide-summary 1",
    title,
    notes: notesOf(evidence.notes),
    level,
    arms: arms.map(({ id, label }, i) => ({ id, label, settings: settings[i]!, control: i === 0 })),
    seeds: [...new Set(peptides.map(({ seed }) => seed))].sort((a, b) => a - b),
    counts: arms.map((arm) => countsOf(arm, evidence)),
    prepare: preparedOf(evidence),
    metrics,
    predictions: judgePredictions(evidence, metrics),
    examples: arms.map((arm) => examplesOf(arm, evidence)),
    data: evidence.prepared.sources.map((source) => ({
      name: source.name,
      file: source.file,
      rows: source.rows,
      licence: source.licence,
      source: source.cite,
    })),
    methods: methodsOf(evidence),
    limits: limitsOf(evidence),
  };
}

/** A question that says neither what nor why is none. */
function notesOf({ what, why, hypothesis }: Evidence["notes"]): Report.Summary["notes"] {
  return what === undefined || why === undefined ? null : { what, why, hypothesis: hypothesis ?? null };
}

type Shown = Readonly<Record<string, string | number>>;

/** What differs between the arms; everything, where there is one. */
function armsSettings(all: readonly ArmSettings[]): Shown[] {
  const shown = all.map(settingsInWords);
  const names = [...new Set(shown.flatMap((one) => Object.keys(one)))].filter(
    (name) => shown.length === 1 || new Set(shown.map((one) => one[name])).size > 1,
  );
  return shown.map((one) =>
    Object.fromEntries(
      names.flatMap((name) => (one[name] === undefined ? [] : [[name === "slice" ? "trained on" : name, one[name]]])),
    ),
  );
}

const SHOWN_LETTERS = 12;

function settingsInWords(settings: ArmSettings): Shown {
  const length = lengthInWords(settings);
  if (settings.sampler === "ngram") return { ...settings, length };
  const { on, ...others } = settings;
  return {
    ...others,
    length,
    ...("revision" in settings && { revision: settings.revision.slice(0, SHOWN_LETTERS) }),
    ...("target" in settings && { target: targetInWords(settings.target) }),
    ...(on !== undefined && { on: Object.values(on).join(", ") }),
  };
}

function targetInWords(target: string): string {
  return target.length <= SHOWN_LETTERS ? target : `${target.slice(0, SHOWN_LETTERS)}… (${target.length} residues)`;
}

function lengthInWords({ sampler, length }: ArmSettings): string {
  if (sampler === "lm") return `${length.min}–${length.max}`;
  return length.kind === "training" ? "as in training" : `${length.kind}, ${length.min}–${length.max}`;
}

function countsOf(arm: NamedArm, { metrics }: Evidence): Report.ArmCounts {
  const closest = metrics.find(({ means }) => means.metric === CLOSEST);
  return {
    arm: arm.id,
    peptides: arm.peptides.length,
    duplicates: arm.peptides.length - new Set(arm.peptides.map(({ sequence }) => sequence)).size,
    invalid: arm.peptides.filter(({ sequence }) => sequence === "" || !isCanonical(sequence)).length,
    novel:
      closest === undefined
        ? null
        : arm.peptides.filter(({ peptide_id }) => (closest.values.get(peptide_id) ?? 1) < 1).length,
  };
}

function preparedOf({ prepared: { sources } }: Evidence): Report.Prepare {
  return {
    read: total(sources.map(({ rows }) => rows)),
    kept: total(sources.map(({ accepted }) => accepted)),
    rejected: countReasons(sources.flatMap(({ rejected }) => rejected)),
  };
}

function metricsOf(evidence: Evidence): Report.Metric[] {
  const { config, metrics, scores } = evidence;
  const isPrimary = ({ means }: JudgedMetric): boolean => config.primary.includes(means.metric);
  const primary = adjusted(metrics.filter(isPrimary), "holm");
  const others = adjusted(
    metrics.filter((metric) => !isPrimary(metric)),
    "BH",
  );
  return [...primary, ...others].map(({ metric, paired }): Report.Metric => {
    const { judge, metric: id } = metric.means;
    const without = scores.filter((score) => score.metric === id && score.value === null);
    return {
      id,
      ...aboutMetric(id),
      unit: metric.unit,
      judge,
      primary: isPrimary(metric),
      perArm: inOrder(evidence.arms, metric.estimates.perArm),
      paired: inOrder(evidence.arms, paired),
      notApplicable: countReasons(without.map(({ note }) => ({ reason: note ?? "no reason given", count: 1 }))),
    };
  });
}

function inOrder<T extends { readonly arm: string }>(arms: readonly NamedArm[], all: readonly T[]): T[] {
  return arms.flatMap(({ id }) => all.filter(({ arm }) => arm === id));
}

/** One family: all metrics × arms that are handed over. */
function adjusted(metrics: readonly JudgedMetric[], method: "holm" | "BH") {
  const p = pAdjust(
    metrics.flatMap(({ estimates }) => estimates.paired.map((paired) => paired.p)),
    method,
  );
  let next = 0;
  return metrics.map((metric) => ({
    metric,
    paired: metric.estimates.paired.map((paired) => ({ ...paired, pAdjusted: p[next++]! })),
  }));
}

const EXAMPLES = 5;

/** The first peptide of each of the first seeds: what a scientist sees who does not look for the best. */
function examplesOf(arm: NamedArm, { metrics, config }: Evidence): Report.ArmExamples {
  const first = arm.peptides
    .filter(({ seed }, i) => arm.peptides.findIndex((other) => other.seed === seed) === i)
    .slice(0, EXAMPLES);
  const closest = metrics.find(({ means }) => means.metric === CLOSEST);
  const shown = metrics.filter(({ means }) => config.primary.includes(means.metric));
  return {
    arm: arm.id,
    peptides: first.map(({ peptide_id, seed, sequence }) => ({
      id: peptide_id,
      seed,
      sequence,
      nearestSimilarity: closest?.values.get(peptide_id) ?? null,
      values: Object.fromEntries(shown.map(({ means, values }) => [means.metric, values.get(peptide_id) ?? null])),
    })),
  };
}

function methodsOf({ config, arms, metrics }: Evidence): Report.Methods {
  const comparisons = (all: readonly JudgedMetric[]): number =>
    total(all.map(({ estimates }) => estimates.paired.length));
  const primary = metrics.filter(({ means }) => config.primary.includes(means.metric));
  const others = metrics.filter((metric) => !primary.includes(metric));
  const samplers = [...new Set(arms.map(({ settings }) => settings.sampler))];
  const sameLengths = arms.every(
    ({ settings: { sampler, length } }) => sampler === "ngram" && length.kind === "training",
  );
  return {
    interval: "means: Student’s t over seeds; differences: BCa bootstrap of the differences by seed, 9,999 resamples",
    test: "sign-flip permutation of the differences by seed, two-sided; exact up to 30 seeds",
    correction:
      `Holm over the ${comparisons(primary)} primary comparisons (metrics × arms)` +
      (others.length === 0 ? "" : `; Benjamini–Hochberg over the ${comparisons(others)} others`),
    effect: "Hedges’ g of the seeds’ means",
    sampler: [
      ...(samplers.includes("ngram")
        ? [
            "n-gram model over residues with interpolated Kneser–Ney smoothing. Order k looks back k residues; order 0 knows the composition alone" +
              (sameLengths ? ". Lengths are drawn like those of the training peptides" : ""),
          ]
        : []),
      ...(samplers.includes("lm") ? [languageModelsInWords(arms)] : []),
    ].join(". "),
    samplers: samplers.length > 1 ? "both" : samplers[0] === "lm" ? "language-models" : "baseline",
    examples: `The first peptide of each of the first ${EXAMPLES} seeds, not chosen by any score.`,
    notes: [
      "Random numbers come from the run’s seed, the arm’s settings, the seed’s number and the peptide’s index. Arms share the numbers of seeds, not their luck: pairing keeps the comparison plain and does not sharpen it.",
      "A judge gives no value, and says why, where its method does not hold.",
      ...(sameLengths
        ? [
            "With lengths drawn alike in every arm, length and mass are not expected to differ: they show how far chance alone goes.",
          ]
        : []),
    ],
  };
}

function languageModelsInWords(arms: readonly NamedArm[]): string {
  const models = arms.flatMap(({ settings }) => {
    if (settings.sampler !== "lm") return [];
    return "revision" in settings
      ? `${settings.model} at ${settings.revision.slice(0, SHOWN_LETTERS)}`
      : settings.model;
  });
  return `Language models as they are (${[...new Set(models)].join("; ")}); letters beside the 20 residues, special symbols and what does not fit the lengths are never drawn`;
}

function limitsOf({ arms, metrics, reference }: Evidence): string[] {
  const looksForKnown = metrics.some(({ means }) => means.metric === CLOSEST);
  return [
    ...(looksForKnown
      ? [
          `“Known” means the ${reference.length} prepared peptides. A peptide that is in none of them may still be known elsewhere.`,
          arms.some(({ settings }) => settings.sampler === "lm")
            ? "The prepared peptides come in families, and samplers have learnt from them or may have: closeness to them shows what was remembered, not what works."
            : "The prepared peptides are also what the samplers were trained on, and they come in families: closeness to them shows what was remembered, not what works.",
        ]
      : []),
    ...new Set(metrics.flatMap(({ estimates }) => estimates.cautions)),
  ];
}

function countReasons(all: readonly Report.Reason[]): Report.Reason[] {
  const counts = new Map<string, number>();
  for (const { reason, count } of all) counts.set(reason, (counts.get(reason) ?? 0) + count);
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** The finding in plain words, from the numbers alone and no stronger than they are. */
import type { Metric, PairedDifference, Summary } from "./summary.ts";
import { predictionSentences } from "./predictions.ts";
import {
  controlOf,
  counted,
  decimalsOf,
  labelOf,
  list,
  percent,
  primaryFamily,
  pValue,
  range,
  reading,
  samplerInWords,
  smallestAdjustedP,
  withUnit,
} from "./words.ts";
import type { Reading } from "./words.ts";

type Comparison = { readonly metric: Metric; readonly paired: PairedDifference; readonly reading: Reading };

/** One paragraph, as sentences: the verdict first, then what differs, what does not, and why to be careful. */
export function findingSentences(summary: Summary): string[] {
  const primary = summary.metrics.filter((metric) => metric.primary);
  const compared = primary.flatMap((metric) =>
    metric.paired.map((paired): Comparison => ({ metric, paired, reading: reading(paired, summary.level) })),
  );
  const unknown = compared.filter((comparison) => comparison.reading === "unknown").length;
  return [
    ...predictionSentences(summary),
    verdict(summary, compared),
    ...primary.flatMap((metric) => ["higher", "lower"].map((way) => shown(summary, metric, compared, way as Reading))),
    hints(summary, compared),
    silent(primary, compared),
    unknown === 0 ? "" : `${counted(unknown, "comparison")} could not be made for lack of values.`,
    outOfReach(summary, compared) || fewSeeds(summary),
    "All metrics are predictions from sequence; no peptide was made or measured.",
  ].filter((sentence) => sentence !== "");
}

// Below this, intervals over seeds are wide and their coverage is uncertain.
const FEW_SEEDS = 10;

function verdict(summary: Summary, compared: readonly Comparison[]): string {
  const control = `the control (${quoted(summary, controlOf(summary).id)})`;
  const settings = `${counted(summary.arms.length, "setting")} of ${samplerInWords(summary)} over ${counted(summary.seeds.length, "seed")}`;
  if (compared.length === 0) return `${settings}: there is nothing to compare with ${control}.`;
  const different = compared.filter((comparison) => isShown(comparison.reading)).length;
  const of = `the ${counted(compared.length, "primary comparison")}`;
  if (different === 0) {
    return `${settings}: none of ${of} with ${control} shows a difference, which is not evidence that there is none.`;
  }
  return `${settings}: ${different} of ${of} with ${control} ${different === 1 ? "shows" : "show"} a difference (given with ${percent(summary.level)} intervals).`;
}

/** Of more arms than these only the largest differences are spelt out; the tables have them all. */
const SPELT_OUT = 3;

/** "Mass is lower in hot (−0.110 [−0.140, −0.080] Da) and in cold (…)." */
function shown(summary: Summary, metric: Metric, compared: readonly Comparison[], way: Reading): string {
  const arms = compared.filter((comparison) => comparison.metric === metric && comparison.reading === way);
  if (arms.length === 0) return "";
  const wanted =
    metric.better === "neither" ? "" : way === metric.better ? ", as wanted," : ", against what is wanted,";
  const largest = arms.toSorted((a, b) => Math.abs(b.paired.difference!) - Math.abs(a.paired.difference!));
  const spelt = arms.length > SPELT_OUT + 1 ? largest.slice(0, SPELT_OUT) : arms;
  const places = spelt.map(({ paired: { arm, difference, low, high } }) => {
    const { value, interval } = range({ value: difference, low, high }, decimalsOf(metric));
    return `in ${quoted(summary, arm)} (${withUnit(`${value}\u00a0${interval}`, metric.unit)})`;
  });
  if (spelt !== arms) places.push(`in ${arms.length - spelt.length} other arms`);
  return `${metric.label} is ${way}${wanted} ${list(places)}.`;
}

function hints(summary: Summary, compared: readonly Comparison[]): string {
  const found = compared.filter((comparison) => comparison.reading === "hint");
  if (found.length === 0) return "";
  const places = [...new Set(found.map(({ metric }) => metric))].map((metric) => {
    const arms = found
      .filter((comparison) => comparison.metric === metric)
      .map(({ paired }) => quoted(summary, paired.arm));
    return `${metric.label} in ${arms.length > SPELT_OUT + 1 ? `${arms.length} arms` : list(arms)}`;
  });
  return `Hints only, because they do not pass the correction for several comparisons: ${places.join("; ")}.`;
}

/** The metrics for which every comparison has an interval that includes 0. */
function silent(primary: readonly Metric[], compared: readonly Comparison[]): string {
  const names = primary.filter((metric) => {
    const own = compared.filter((comparison) => comparison.metric === metric);
    return own.length > 0 && own.every((comparison) => comparison.reading === "none");
  });
  const anyShown = compared.some((comparison) => isShown(comparison.reading));
  if (names.length === 0 || !anyShown) return "";
  return `No difference was shown for ${list(names.map(({ label }) => label))}.`;
}

/** A test that cannot reach the level says nothing by not reaching it. */
function outOfReach(summary: Summary, compared: readonly Comparison[]): string {
  const family = primaryFamily(summary.metrics);
  const smallest = Math.min(1, ...family.map(({ smallestP }) => smallestP ?? 0));
  const adjusted = smallestAdjustedP(smallest, family.length)!;
  const anyShown = compared.some((comparison) => isShown(comparison.reading));
  if (family.length === 0 || anyShown || adjusted <= 1 - summary.level) return "";
  return `No data could have shown a difference: with ${counted(summary.seeds.length, "seed")} the test cannot give a p below ${pValue(smallest)}, nor one below ${pValue(adjusted)} after the correction for ${counted(family.length, "primary comparison")}.`;
}

function fewSeeds(summary: Summary): string {
  const seeds = summary.seeds.length;
  return seeds >= FEW_SEEDS ? "" : `With ${counted(seeds, "seed")} only large differences can be seen.`;
}

/** Labels are free text and may hold commas. */
function quoted(summary: Summary, arm: string): string {
  return `“${labelOf(summary, arm)}”`;
}

function isShown(read: Reading): boolean {
  return read === "higher" || read === "lower";
}

/** The finding in plain words, from the numbers alone and no stronger than they are. */
import type { Metric, PairedDifference, Summary } from "./summary.ts";
import { controlOf, counted, labelOf, percent, pValue, range, reading, withUnit } from "./words.ts";
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
    verdict(summary, compared),
    ...primary.flatMap((metric) => ["higher", "lower"].map((way) => shown(summary, metric, compared, way as Reading))),
    hints(summary, compared),
    silent(primary, compared),
    unknown === 0 ? "" : `${counted(unknown, "comparison")} could not be made for lack of values.`,
    fewSeeds(summary, compared),
    "All metrics are predictions from sequence; no peptide was made or measured.",
  ].filter((sentence) => sentence !== "");
}

// Below this, intervals over seeds are wide and their coverage is uncertain.
const FEW_SEEDS = 10;

function verdict(summary: Summary, compared: readonly Comparison[]): string {
  const control = `the control (${quoted(summary, controlOf(summary).id)})`;
  const settings = `${counted(summary.arms.length, "setting")} of a baseline sampler over ${counted(summary.seeds.length, "seed")}`;
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
    const { value, interval } = range({ value: difference, low, high });
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

function fewSeeds(summary: Summary, compared: readonly Comparison[]): string {
  const seeds = summary.seeds.length;
  if (seeds >= FEW_SEEDS) return "";
  const smallest = Math.max(0, ...compared.map(({ paired }) => paired.smallestP ?? 0));
  const bound =
    smallest > 1 - summary.level
      ? `, and with so few the test cannot give a p below ${pValue(smallest)} whatever the data`
      : "";
  return `With ${counted(seeds, "seed")} only large differences can be seen${bound}.`;
}

/** Labels are free text and may hold commas. */
function quoted(summary: Summary, arm: string): string {
  return `“${labelOf(summary, arm)}”`;
}

function isShown(read: Reading): boolean {
  return read === "higher" || read === "lower";
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]!}`;
}

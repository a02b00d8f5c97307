/** Everything that the report is made of, read once and looked up by arm and metric. */
import type { ArmLabel, ConfigOf } from "expfile";
import type { analyseContract, MetricEstimates, MetricMeans } from "../analyse.ts";
import type { ArmSettings } from "../arms.ts";
import type { PrepareSummary } from "../prepare.ts";
import type { GeneratedRow, ScoreRow, SequenceRow } from "../tables.ts";

export interface Evidence {
  readonly config: ConfigOf<typeof analyseContract>;
  readonly notes: { readonly what?: string; readonly why?: string; readonly hypothesis?: string };
  /** Every name that the config gives an arm. */
  readonly labels: readonly ArmLabel[];
  /** The control first, then as the config has them. Names that stand for equal settings are one arm. */
  readonly arms: readonly NamedArm[];
  readonly peptides: readonly GeneratedRow[];
  readonly scores: readonly ScoreRow[];
  readonly reference: readonly SequenceRow[];
  readonly prepared: PrepareSummary;
  /** Primary ones first, as declared; then in the order of the judges. */
  readonly metrics: readonly JudgedMetric[];
}

export interface NamedArm {
  readonly id: string;
  readonly label: string;
  readonly settings: ArmSettings;
  readonly peptides: readonly GeneratedRow[];
}

export interface JudgedMetric {
  readonly means: MetricMeans;
  readonly estimates: MetricEstimates;
  readonly unit: string;
  /** By the peptide's id; null where the metric does not apply. */
  readonly values: ReadonlyMap<string, number | null>;
}

export function namedArms(
  labels: readonly ArmLabel[],
  control: string,
  settings: Readonly<Record<string, ArmSettings>>,
  peptides: readonly GeneratedRow[],
): NamedArm[] {
  const ids = [...new Set([control, ...labels.map(({ id }) => id)])].filter((id) => settings[id] !== undefined);
  return ids.map((id) => ({
    id,
    label:
      labels
        .filter((label) => label.id === id)
        .map(({ name }) => name)
        .join(" = ") || id,
    settings: settings[id]!,
    peptides: peptides.filter(({ arm }) => arm === id),
  }));
}

export function judgedMetrics(
  primary: readonly string[],
  estimated: readonly { readonly means: MetricMeans; readonly estimates: MetricEstimates }[],
  scores: readonly ScoreRow[],
): JudgedMetric[] {
  const values = new Map(estimated.map(({ means }) => [means.metric, new Map<string, number | null>()]));
  const units = new Map<string, string>();
  for (const { metric, peptide_id, value, unit } of scores) {
    values.get(metric)!.set(peptide_id, value);
    if (value !== null) units.set(metric, unit);
  }
  const rank = ({ means }: { means: MetricMeans }): number => {
    const place = primary.indexOf(means.metric);
    return place < 0 ? primary.length : place;
  };
  return estimated
    .map((one) => ({ ...one, unit: units.get(one.means.metric) ?? "", values: values.get(one.means.metric)! }))
    .sort((a, b) => rank(a) - rank(b));
}

/** The values of an arm's peptides in a metric, those that have one. */
export function valuesOf(arm: NamedArm, metric: JudgedMetric): number[] {
  return arm.peptides.flatMap(({ peptide_id }) => metric.values.get(peptide_id) ?? []);
}

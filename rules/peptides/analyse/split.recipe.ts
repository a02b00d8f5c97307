/** One item for each metric: the means of each arm's seeds. */
import type { ItemRequest, Split } from "expfile";
import { readTable } from "expfile/table";
import type { analyseContract, ArmMeans } from "../analyse.ts";
import { didYouMean, listNames, sentences } from "../suggest.ts";
import { generatedColumns, scoreColumns } from "../tables.ts";

type Analyse = typeof analyseContract;
type Totals = Map<number, { sum: number; peptides: number }>;

export const recipe: Split<Analyse, "primary" | "control"> = async ({ config, control, inputs }) => {
  const peptides = await readTable(inputs.peptides, generatedColumns);
  const scores = await readTable(inputs.scores, scoreColumns);
  const drawnBy = new Map(peptides.map((peptide) => [peptide.peptide_id, peptide]));
  const arms = [...new Set(peptides.map(({ arm }) => arm))].sort();
  const chosen = chooseControl(control, arms);

  const metrics = new Map<string, { readonly judge: string; readonly byArm: ReadonlyMap<string, Totals> }>();
  for (const { peptide_id, judge, metric, value } of scores) {
    let known = metrics.get(metric);
    if (known === undefined)
      metrics.set(metric, (known = { judge, byArm: new Map(arms.map((arm) => [arm, new Map()])) }));
    if (known.judge !== judge)
      throw new Error(`two judges give a metric "${metric}": ${known.judge} and ${judge}; rename one`);
    const { arm, seed } = drawnBy.get(peptide_id)!;
    const totals = known.byArm.get(arm)!;
    const total = totals.get(seed) ?? { sum: 0, peptides: 0 };
    if (value !== null) totals.set(seed, { sum: total.sum + value, peptides: total.peptides + 1 });
  }
  checkPrimary(config.primary, [...metrics.keys()]);
  return [...metrics].map(([metric, { judge, byArm }]): ItemRequest<Analyse> => ({
    item: { judge, metric, control: chosen, arms: [...byArm].map(([arm, totals]) => meansOf(arm, totals)) },
    label: metric,
  }));
};

function meansOf(arm: string, totals: Totals): ArmMeans {
  const seeds = [...totals].map(([seed, { sum, peptides }]) => ({ seed, mean: sum / peptides, peptides }));
  return { arm, seeds: seeds.sort((a, b) => a.seed - b.seed) };
}

/** A single arm is its own control: there is nothing to compare. */
function chooseControl(control: string | undefined, arms: readonly string[]): string {
  if (control !== undefined) return control;
  if (arms.length === 1) return arms[0]!;
  throw new Error(`there are ${arms.length} arms, and the config does not say which is the control; add control: NAME`);
}

function checkPrimary(primary: readonly string[], metrics: readonly string[]): void {
  for (const name of primary) {
    if (metrics.includes(name)) continue;
    throw new Error(
      sentences(
        `analyse.primary names "${name}", which no judge measures.`,
        didYouMean(name, metrics),
        `The metrics are ${listNames(metrics)}.`,
      ),
    );
  }
}

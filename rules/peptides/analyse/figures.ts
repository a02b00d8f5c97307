/** Which figures the report shows. */
import { differencesFigure, histogramFigure, spreadFigure, type Figure } from "../report/figures.ts";
import type { Summary } from "../report/summary.ts";
import { valuesOf, type Evidence } from "./evidence.ts";
import { CLOSEST } from "./summary.ts";

export async function drawFigures(summary: Summary, { arms, metrics, reference }: Evidence): Promise<Figure[]> {
  const primary = summary.metrics.filter((metric) => metric.primary);
  const spreads = primary.map((metric) => {
    const judged = metrics.find(({ means }) => means.metric === metric.id)!;
    const groups = arms.map((arm) => ({
      arm: arm.id,
      values: valuesOf(arm, judged),
      seedMeans: judged.means.arms.find((one) => one.arm === arm.id)!.seeds.map(({ mean }) => mean),
    }));
    return spreadFigure(summary, metric, groups);
  });
  const lengths = arms.map((arm) => ({ arm: arm.id, values: arm.peptides.map(({ sequence }) => sequence.length) }));
  const known = { label: "known peptides", values: reference.map(({ sequence }) => sequence.length) };
  const closest = metrics.find(({ means }) => means.metric === CLOSEST);
  const figures = await Promise.all([
    differencesFigure(summary, primary),
    ...spreads,
    closest &&
      histogramFigure(
        summary,
        {
          id: "closeness",
          title: "Closeness to known peptides by edits",
          axis: "1 less the edit distance as a share of the longer",
        },
        arms.map((arm) => ({ arm: arm.id, values: valuesOf(arm, closest) })),
        arms.length === 1 ? null : { label: `the control (${arms[0]!.label})`, values: valuesOf(arms[0]!, closest) },
      ),
    histogramFigure(summary, { id: "length", title: "Length", axis: "residues", wholeNumbers: true }, lengths, known),
  ]);
  return figures.filter((figure) => figure !== undefined && figure !== null);
}

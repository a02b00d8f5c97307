/** The report: numbers, page, Markdown and figures. */
import { writeFile } from "node:fs/promises";
import type { Merge } from "expfile";
import { readTable } from "expfile/table";
import type { analyseContract } from "../analyse.ts";
import { reportHtml } from "../report/html.ts";
import { reportMarkdown } from "../report/markdown.ts";
import { generatedColumns, scoreColumns, sequenceColumns } from "../tables.ts";
import { judgedMetrics, namedArms, type Evidence } from "./evidence.ts";
import { drawFigures } from "./figures.ts";
import { summarise } from "./summary.ts";

type Reads = "title" | "primary" | "predictions" | "level" | "control" | "labels" | "notes";

export const recipe: Merge<typeof analyseContract, Reads> = async ({
  config,
  control,
  labels,
  notes,
  inputs,
  items,
  outputs,
}) => {
  const peptides = await readTable(inputs.peptides, generatedColumns);
  const scores = await readTable(inputs.scores, scoreColumns);
  const settings = await inputs.arms.read();
  const estimated = await Promise.all(
    items.map(async ({ item, outputs: made }) => ({ means: item, estimates: await made.estimates.read() })),
  );
  const evidence: Evidence = {
    config,
    notes,
    labels,
    arms: namedArms(labels, control ?? peptides[0]!.arm, settings, peptides),
    peptides,
    scores,
    reference: await readTable(inputs.reference, sequenceColumns),
    prepared: await inputs.prepared.read(),
    metrics: judgedMetrics(config.primary, estimated, scores),
  };
  const summary = summarise(evidence);
  const figures = await drawFigures(summary, evidence);
  await outputs.summary.write(summary);
  await outputs.report.write(reportHtml(summary, figures));
  await outputs.markdown.write(reportMarkdown(summary, figures, (id) => `figures/${id}.svg`));
  for (const { id, svg } of figures) await writeFile(outputs.figures.file(`${id}.svg`), svg);
};

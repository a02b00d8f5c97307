/** Reads every source, keeps each good sequence once, says of every other row why not, and cuts the slices. */
import type { Recipe } from "expfile";
import { writeTable } from "expfile/table";
import { shortDigest } from "../digest.ts";
import type { prepareContract, SourceSummary } from "../prepare.ts";
import { peptideColumns, rejectColumns, sequenceColumns, type PeptideRow, type RejectRow } from "../tables.ts";
import { listNames } from "../suggest.ts";
import { judgeRow, type Verdict } from "./accept.ts";
import { cutSlice, rowsOf } from "./slices.ts";
import { readSource, type MappedRow, type SourceConfig } from "./source.ts";

export const recipe: Recipe<typeof prepareContract> = async ({ config, inputs, outputs, log }) => {
  const peptides = new Map<string, PeptideRow>();
  const rejects: RejectRow[] = [];
  const summaries: SourceSummary[] = [];
  const withPath = config.sources.filter(({ path }) => path !== undefined);

  for (const source of config.sources) {
    const paths =
      source.path === undefined
        ? [handedFile(source, inputs.handed)]
        : inputs.sources[withPath.indexOf(source)]!.map(({ path }) => path);
    const rows = await readSource(source, paths);
    const verdicts = rows.map((row) => ({ row, verdict: judgeRow(row, config) }));
    const counted = { accepted: 0, stripped: 0, rejected: new Map<string, number>() };
    for (const { row, verdict: first } of verdicts) {
      const verdict = firstOnly(first, peptides);
      if (verdict.kind === "accepted") {
        peptides.set(verdict.sequence, peptideOf(source, row, verdict.sequence));
        counted.accepted++;
        if (verdict.stripped) counted.stripped++;
      } else {
        const { reason, detail } = verdict;
        rejects.push({
          source: source.name,
          source_file: row.file,
          source_row: row.row,
          sequence: row.sequence,
          reason,
          detail,
        });
        counted.rejected.set(reason, (counted.rejected.get(reason) ?? 0) + 1);
      }
    }
    summaries.push(summaryOf(source, paths.length, rows.length, counted));
    log(`${source.name}: ${rows.length} rows, ${counted.accepted} accepted`);
  }

  const accepted = [...peptides.values()];
  const sequences = accepted.map(({ sequence }) => sequence);
  if (accepted.length === 0) throw new Error(wordNothing(rejects));
  const slices = Object.entries(config.slices).map(([name, slice]) => ({ name, rows: cutSlice(slice, sequences) }));

  await writeTable(outputs.peptides, peptideColumns, accepted);
  await writeTable(outputs.sequences, sequenceColumns, rowsOf(sequences.toSorted()));
  await writeTable(outputs.rejects, rejectColumns, rejects);
  for (const { name, rows } of slices)
    await writeTable({ path: outputs.slices.file(`${name}.parquet`) }, sequenceColumns, rows);
  await outputs.summary.write({
    sources: summaries,
    slices: slices.map(({ name, rows }) => ({ name, peptides: rows.length })),
  });
};

function handedFile(
  source: SourceConfig,
  handed: { files(): readonly string[]; file(name: string): string } | undefined,
): string {
  const files = handed?.files() ?? [];
  if (files.includes(source.file!)) return handed!.file(source.file!);
  throw new Error(
    `source "${source.name}" is the file "${source.file}" that somebody hands over, but the files handed over are ${listNames(files)}; ` +
      "ask for it under by-hand.requests",
  );
}

/** The first row of a sequence is kept; the others say which one that was. */
function firstOnly(verdict: Verdict, peptides: ReadonlyMap<string, PeptideRow>): Verdict {
  const first = verdict.kind === "accepted" ? peptides.get(verdict.sequence) : undefined;
  if (first === undefined) return verdict;
  const file = first.source_file === 1 ? "" : ` file ${first.source_file}`;
  return {
    kind: "rejected",
    reason: "duplicate",
    detail: `the same as ${first.source}${file} row ${first.source_row}`,
  };
}

function peptideOf(source: SourceConfig, row: MappedRow, sequence: string): PeptideRow {
  return {
    peptide_id: shortDigest(sequence),
    sequence,
    name: row.name,
    origin: row.origin,
    class: row.class,
    source: source.name,
    source_id: row.id,
    source_file: row.file,
    source_row: row.row,
  };
}

function summaryOf(
  source: SourceConfig,
  files: number,
  rows: number,
  counted: { accepted: number; stripped: number; rejected: ReadonlyMap<string, number> },
): SourceSummary {
  return {
    name: source.name,
    file: source.path ?? source.file!,
    files,
    rows,
    accepted: counted.accepted,
    stripped: counted.stripped,
    rejected: [...counted.rejected].map(([reason, count]) => ({ reason, count })),
    licence: source.licence,
    cite: source.cite,
  };
}

function wordNothing(rejects: readonly RejectRow[]): string {
  if (rejects.length === 0) return "no source has a row: below the header line of each file is nothing";
  const [first] = rejects;
  const example = `The first, of ${first!.source} row ${first!.source_row}: ${first!.reason}, ${first!.detail}.`;
  return `none of the ${rejects.length} rows passed: ${reasonsOf(rejects)}. ${example} What may pass is said under prepare.length, letters and only`;
}

function reasonsOf(rejects: readonly RejectRow[]): string {
  const reasons = [...new Set(rejects.map(({ reason }) => reason))];
  return reasons.map((reason) => `${rejects.filter((row) => row.reason === reason).length} ${reason}`).join(", ");
}

/** Holds a table file to its declaration: the postcondition that the engine asks for after a recipe wrote one. */
import { columnList } from "./columns.ts";
import type { Columns, TableFile } from "./columns.ts";
import { TableError } from "./error.ts";
import { readFooter } from "./footer.ts";
import { footerProblems, readGroups, valueProblems, withTable } from "./read.ts";
import type { ReadTableOptions, ValueProblem } from "./read.ts";

export type TableSpec = ReadTableOptions & {
  readonly columns: Columns;
  /** Fewest rows allowed. */
  readonly minRows?: number;
  /** Most rows allowed; also bounds the memory that the check may use. */
  readonly maxRows?: number;
};

/**
 * Reads the whole table, one row group at a time.
 * @returns one sentence for each problem, without the file's name; empty when all is well
 */
export async function checkTable(file: TableFile, spec: TableSpec): Promise<string[]> {
  const list = columnList(spec.columns);
  try {
    return await withTable(file, async (handle) => {
      const footer = await readFooter(handle);
      const unreadable = footerProblems(footer, list, spec.maxRows);
      const problems = [...unreadable, ...tooFewRows(footer.rows, spec.minRows)];
      if (unreadable.length > 0) return problems;
      const seen = new Map<string, { first: ValueProblem; count: number }>();
      for await (const group of readGroups(handle, footer, list)) {
        for (const found of valueProblems(group, list)) {
          const earlier = seen.get(found.column.name);
          seen.set(found.column.name, { first: earlier?.first ?? found, count: (earlier?.count ?? 0) + 1 });
        }
      }
      return [...problems, ...[...seen.values()].map(sentence)];
    });
  } catch (error) {
    if (error instanceof TableError) return [...error.problems];
    throw error;
  }
}

function tooFewRows(rows: number, minRows = 0): string[] {
  return rows < minRows ? [`${rows} rows, fewer than the ${minRows} required`] : [];
}

function sentence({ first, count }: { first: ValueProblem; count: number }): string {
  const more = count > 1 ? ` (and ${count - 1} more rows)` : "";
  return `row ${first.row}, column "${first.column.name}": ${first.problem}${more}`;
}

// Constants of a build from its measurements: what it takes in any case, for each item and for each batch. By least squares. Measures nothing.

export interface Constants {
  readonly start: number;
  readonly item: number;
  readonly batch: number;
}

export interface Observation {
  readonly items: number;
  readonly batches: number;
  readonly value: number;
}

/** start + item · items + batch · batches, as near to all observations as can be; undefined where they leave a constant open. */
export function fitConstants(observations: readonly Observation[]): Constants | undefined {
  const solved = leastSquares(
    observations.map(({ items, batches }) => [1, items, batches]),
    observations.map(({ value }) => value),
  );
  if (solved === undefined) return undefined;
  const [start, item, batch] = solved;
  return { start: start!, item: item!, batch: batch! };
}

/** What the constants come to. Noise can make one slightly negative, which is no reason to take anything off. */
export function valueAt({ start, item, batch }: Constants, items: number, batches: number): number {
  return Math.max(0, start) + Math.max(0, item) * items + Math.max(0, batch) * batches;
}

/** The coefficients of the columns: by the normal equations, the columns scaled so that their sizes do not matter. */
export function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): number[] | undefined {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, j) => rows.map((row) => row[j]!));
  const scales = columns.map((column) => Math.hypot(...column) || 1);
  const scaled = columns.map((column, j) => column.map((value) => value / scales[j]!));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const matrix = scaled.map((a) => [...scaled.map((b) => dot(a, b)), dot(a, values)]);
  return solve(matrix)?.map((value, j) => value / scales[j]!);
}

/** Each row ends with its right side. Undefined: rows that say the same. */
function solve(matrix: number[][]): number[] | undefined {
  const size = matrix.length;
  for (let i = 0; i < size; i++) {
    const pivot = argMax(size, i, (row) => Math.abs(matrix[row]![i]!));
    if (Math.abs(matrix[pivot]![i]!) < 1e-9) return undefined;
    [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
    const own = matrix[i]!;
    for (const [row, other] of matrix.entries()) {
      if (row === i) continue;
      const factor = other[i]! / own[i]!;
      for (let j = i; j <= size; j++) other[j]! -= factor * own[j]!;
    }
  }
  return matrix.map((row, i) => row[size]! / row[i]!);
}

function argMax(end: number, from: number, of: (index: number) => number): number {
  let best = from;
  for (let i = from + 1; i < end; i++) if (of(i) > of(best)) best = i;
  return best;
}

// From columns of data to the products that the likelihood of a mixed model needs. Does not know how it is fitted.
import { checkNumbers } from "../numeric/check.ts";
import { cholesky, solveCholesky } from "../numeric/matrix.ts";

/** What varies at random between the levels of one grouping: the intercept always, and the slopes of these columns. */
export interface RandomTerm {
  /** The level of each row, such as its judge or its subject. */
  readonly by: readonly (string | number)[];
  readonly slopes?: readonly (readonly number[])[];
}

export interface MixedModelData {
  /** One value per row. */
  readonly response: readonly number[];
  /** Columns of the fixed part beside the intercept, which is always there; an arm is coded 0 or 1. */
  readonly fixed?: readonly (readonly number[])[];
  readonly random: readonly RandomTerm[];
}

/** A random term's place among the random effects: `groups` blocks of `width`, from `start`. */
export interface Block {
  readonly start: number;
  readonly groups: number;
  readonly width: number;
}

/** Cross products of the response (less its least-squares fit), the fixed columns X and the random columns Z. */
export interface Design {
  readonly n: number;
  readonly blocks: readonly Block[];
  readonly zz: readonly (readonly number[])[];
  readonly zx: readonly (readonly number[])[];
  readonly zy: readonly number[];
  readonly xx: readonly (readonly number[])[];
  readonly yy: number;
  /** The least-squares coefficients that were taken out of the response. Taking them out loses no information and saves digits. */
  readonly leastSquares: readonly number[];
}

/** Checks the data and multiplies them out. */
export function buildDesign({ response, fixed = [], random }: MixedModelData): Design {
  const n = response.length;
  checkNumbers("mixedModel", "response", response, 3);
  if (random.length === 0) throw new RangeError("mixedModel: there is no random term; use a t test or least squares.");
  [...fixed, ...random.flatMap(({ slopes = [] }) => slopes)].forEach((column, i) => {
    checkNumbers("mixedModel", `column ${i}`, column);
    checkLength(column.length, n);
  });
  random.forEach(({ by }) => checkLength(by.length, n));
  const x = response.map((_, row) => [1, ...fixed.map((column) => column[row]!)]);
  const { blocks, z } = randomColumns(random, n);
  const p = x[0]!.length;
  const q = blocks.reduce((total, { groups, width }) => total + groups * width, 0);
  const xx = table(p, p);
  x.forEach((row) => row.forEach((a, i) => row.forEach((b, j) => (xx[i]![j]! += a * b))));
  const factor = cholesky(xx);
  if (factor === null) {
    throw new RangeError("mixedModel: the fixed columns depend on each other (or on the intercept); drop one of them.");
  }
  const leastSquares = solveCholesky(
    factor,
    x[0]!.map((_, i) => x.reduce((total, row, r) => total + row[i]! * response[r]!, 0)),
  );
  const y = response.map((value, r) => value - x[r]!.reduce((total, a, i) => total + a * leastSquares[i]!, 0));
  const [zz, zx, zy] = [table(q, q), table(q, p), new Array<number>(q).fill(0)];
  z.forEach((entries, r) => {
    for (const [i, a] of entries) {
      for (const [j, b] of entries) zz[i]![j]! += a * b;
      x[r]!.forEach((b, j) => (zx[i]![j]! += a * b));
      zy[i]! += a * y[r]!;
    }
  });
  return { n, blocks, zz, zx, zy, xx, yy: y.reduce((total, value) => total + value * value, 0), leastSquares };
}

/** Each row's entries in Z, as [column, value]. */
function randomColumns(random: readonly RandomTerm[], n: number): { blocks: Block[]; z: [number, number][][] } {
  const z: [number, number][][] = Array.from({ length: n }, () => []);
  const blocks: Block[] = [];
  let start = 0;
  for (const { by, slopes = [] } of random) {
    const levels = new Map([...new Set(by)].map((level, i) => [level, i]));
    if (levels.size < 2 || levels.size >= n) {
      throw new RangeError(
        `mixedModel: a random term has ${levels.size} levels for ${n} rows; it needs at least two, and some with more than one row.`,
      );
    }
    const width = slopes.length + 1;
    by.forEach((level, row) => {
      const first = start + levels.get(level)! * width;
      z[row]!.push([first, 1], ...slopes.map((column, k): [number, number] => [first + k + 1, column[row]!]));
    });
    blocks.push({ start, groups: levels.size, width });
    start += levels.size * width;
  }
  return { blocks, z };
}

function checkLength(length: number, n: number): void {
  if (length !== n)
    throw new RangeError(`mixedModel: a column has ${length} rows and the response has ${n}; they must match.`);
}

const table = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

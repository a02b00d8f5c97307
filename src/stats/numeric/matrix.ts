// The little linear algebra that the models need: dense, symmetric, small. Matrices are arrays of rows.
// Source: G. Golub and C. Van Loan, Matrix Computations, chapters 4 and 8.

export type Matrix = readonly (readonly number[])[];

/** The lower Cholesky factor L with L·Lᵀ = `a`, or null when `a` is not positive definite to working precision. */
export function cholesky(a: Matrix): number[][] | null {
  const factor: number[][] = [];
  for (let i = 0; i < a.length; i++) {
    const row: number[] = [];
    for (let j = 0; j <= i; j++) {
      let rest = a[i]![j]!;
      const other = j === i ? row : factor[j]!;
      for (let k = 0; k < j; k++) rest -= row[k]! * other[k]!;
      if (j < i) row.push(rest / factor[j]![j]!);
      else if (rest > 1e-13 * Math.abs(a[i]![i]!)) row.push(Math.sqrt(rest));
      else return null;
    }
    factor.push(row);
  }
  return factor;
}

/** The x with L·x = b, for a lower triangular L. */
export function solveLower(factor: Matrix, b: readonly number[]): number[] {
  const x: number[] = [];
  factor.forEach((row, i) => {
    let rest = b[i]!;
    for (let k = 0; k < i; k++) rest -= row[k]! * x[k]!;
    x.push(rest / row[i]!);
  });
  return x;
}

/** The x with Lᵀ·x = b, for a lower triangular L. */
export function solveUpper(factor: Matrix, b: readonly number[]): number[] {
  const x = [...b];
  for (let i = factor.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < factor.length; k++) x[i]! -= factor[k]![i]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  return x;
}

/** The x with L·Lᵀ·x = b, given the Cholesky factor L. */
export function solveCholesky(factor: Matrix, b: readonly number[]): number[] {
  return solveUpper(factor, solveLower(factor, b));
}

/** The inverse of L·Lᵀ, given the Cholesky factor L. */
export function invertCholesky(factor: Matrix): number[][] {
  return factor.map((_, i) =>
    solveCholesky(
      factor,
      factor.map((_, j) => (i === j ? 1 : 0)),
    ),
  );
}

/** The eigenvalues of a symmetric matrix in no particular order, by cyclic Jacobi rotations. */
export function symmetricEigenvalues(matrix: Matrix): number[] {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let all = 0;
    a.forEach((row, i) =>
      row.forEach((value, j) => {
        all += value * value;
        if (i !== j) off += value * value;
      }),
    );
    if (off <= 1e-32 * all) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, p, q);
  }
  return a.map((row, i) => row[i]!);
}

/** One Jacobi rotation, which makes the element (p, q) zero. */
function rotate(a: number[][], p: number, q: number): void {
  const apq = a[p]![q]!;
  if (apq === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (const row of a) {
    const [x, y] = [row[p]!, row[q]!];
    row[p] = c * x - s * y;
    row[q] = s * x + c * y;
  }
  const [rowP, rowQ] = [a[p]!, a[q]!];
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [rowP[k]!, rowQ[k]!];
    rowP[k] = c * x - s * y;
    rowQ[k] = s * x + c * y;
  }
}

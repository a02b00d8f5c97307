// The likelihood of a linear mixed model, profiled down to the relative covariance factors of the random effects.
// Source: D. Bates, M. Mächler, B. Bolker and S. Walker (2015), "Fitting linear mixed-effects models using lme4", section 3.
import { cholesky, invertCholesky, solveLower, solveUpper } from "../numeric/matrix.ts";
import type { Design } from "./design.ts";

export interface ProfiledFit {
  /** Penalised residual sum of squares. */
  readonly penalised: number;
  /** log |ΛᵀZᵀZΛ + I| and log |XᵀX corrected for the random effects|. */
  readonly logRandom: number;
  readonly logFixed: number;
  readonly beta: readonly number[];
  /** The covariance of beta, in units of the residual variance. */
  readonly unscaled: readonly (readonly number[])[];
}

/** How many numbers `theta` holds: a lower triangle per random term. */
export function thetaLength(design: Design): number {
  return design.blocks.reduce((total, { width }) => total + (width * (width + 1)) / 2, 0);
}

/** The lower triangular factor T of each term's covariance T·Tᵀ, in units of the residual variance; filled by columns. */
export function covarianceFactors(design: Design, theta: readonly number[]): number[][][] {
  let next = 0;
  return design.blocks.map(({ width }) => {
    const factor = Array.from({ length: width }, () => new Array<number>(width).fill(0));
    for (let j = 0; j < width; j++) for (let i = j; i < width; i++) factor[i]![j] = theta[next++]!;
    return factor;
  });
}

/** Solves the penalised least squares problem at `theta`. */
export function profile(design: Design, theta: readonly number[]): ProfiledFit {
  const { zz, zx, zy, xx, yy } = design;
  const scale = scaler(design, covarianceFactors(design, theta));
  const half = zz.map((row) => scale(row)); // ZᵀZΛ
  const p = xx.length;
  const columns = (matrix: readonly (readonly number[])[], j: number): number[] => matrix.map((row) => row[j]!);
  const q = zz.length;
  const penalised = Array.from({ length: q }, (_, j) => scale(columns(half, j))); // ΛᵀZᵀZΛ, symmetric
  penalised.forEach((row, i) => (row[i]! += 1));
  const factor = definite(cholesky(penalised));
  const random = Array.from({ length: p }, (_, j) => solveLower(factor, scale(columns(zx, j))));
  const cu = solveLower(factor, scale(zy));
  const left = xx.map((row, i) => row.map((value, j) => value - dot(random[i]!, random[j]!)));
  const fixed = definite(cholesky(left));
  const cb = solveLower(
    fixed,
    random.map((column) => -dot(column, cu)),
  );
  const shift = solveUpper(fixed, cb);
  return {
    penalised: yy - dot(cu, cu) - dot(cb, cb),
    logRandom: 2 * factor.reduce((total, row, i) => total + Math.log(row[i]!), 0),
    logFixed: 2 * fixed.reduce((total, row, i) => total + Math.log(row[i]!), 0),
    beta: design.leastSquares.map((value, i) => value + shift[i]!),
    unscaled: invertCholesky(fixed),
  };
}

/** Minus twice the (restricted) log-likelihood, at the residual variance that suits `theta` best. */
export function profiledDeviance(design: Design, fit: ProfiledFit, reml: boolean): number {
  const freedom = design.n - (reml ? design.xx.length : 0);
  return fit.logRandom + (reml ? fit.logFixed : 0) + freedom * (1 + Math.log((2 * Math.PI * fit.penalised) / freedom));
}

/** The same at any residual variance. */
export function devianceAt(design: Design, fit: ProfiledFit, reml: boolean, residualVariance: number): number {
  const freedom = design.n - (reml ? design.xx.length : 0);
  return (
    fit.logRandom +
    (reml ? fit.logFixed : 0) +
    freedom * Math.log(2 * Math.PI * residualVariance) +
    fit.penalised / residualVariance
  );
}

/** Multiplies a vector by Λᵀ: block by block, by the transpose of the term's factor. */
function scaler(design: Design, factors: readonly number[][][]): (vector: readonly number[]) => number[] {
  return (vector) => {
    const result = new Array<number>(vector.length).fill(0);
    design.blocks.forEach(({ start, groups, width }, term) => {
      const factor = factors[term]!;
      for (let at = start; at < start + groups * width; at += width) {
        for (let j = 0; j < width; j++) {
          for (let i = j; i < width; i++) result[at + j]! += factor[i]![j]! * vector[at + i]!;
        }
      }
    });
    return result;
  };
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, value, i) => total + value * b[i]!, 0);

function definite(factor: number[][] | null): number[][] {
  if (factor === null) {
    throw new RangeError("mixedModel: the random terms explain the fixed columns fully; drop a term or a column.");
  }
  return factor;
}

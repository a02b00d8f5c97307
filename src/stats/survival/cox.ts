// Cox's proportional hazards model, ties by Efron's method. Sources: D. R. Cox (1972); B. Efron (1977).
import { cholesky, invertCholesky, solveCholesky } from "../numeric/matrix.ts";
import { normalSurvival } from "../distribution/normal.ts";
import { checkObservations, eventTimes } from "./observation.ts";
import type { Observation } from "./observation.ts";

export interface CoxObservation extends Observation {
  /** The values that the hazard may depend on, in one order for all subjects; an arm is coded 0 or 1. */
  readonly covariates: readonly number[];
}

export interface CoxCoefficient {
  /** The log hazard ratio per unit of the covariate. */
  readonly estimate: number;
  readonly standardError: number;
  readonly z: number;
  /** Wald's, two-sided. */
  readonly pValue: number;
}

/**
 * The coefficients of a proportional hazards model.
 *
 * @throws RangeError when a covariate does not vary among those at risk, or its estimate runs off to infinity
 */
export function coxRegression(observations: readonly CoxObservation[]): CoxCoefficient[] {
  checkObservations("coxRegression", observations);
  const size = observations[0]!.covariates.length;
  observations.forEach(({ covariates }, i) => {
    if (covariates.length !== size || size === 0 || !covariates.every((value) => Number.isFinite(value))) {
      throw new RangeError(
        `coxRegression: observations[${i}].covariates must be ${Math.max(1, size)} finite number(s).`,
      );
    }
  });
  const centred = centre(observations, size);
  let beta = new Array<number>(size).fill(0);
  let current = partialLikelihood(centred, beta);
  for (let round = 0; round < 60; round++) {
    const factor = cholesky(current.information);
    if (factor === null) break;
    let step = solveCholesky(factor, current.gradient);
    if (Math.max(...step.map((part, i) => Math.abs(part) / (1 + Math.abs(beta[i]!)))) < 1e-11) {
      const covariance = invertCholesky(factor);
      return beta.map((estimate, i) => {
        const standardError = Math.sqrt(covariance[i]![i]!);
        const z = estimate / standardError;
        return { estimate, standardError, z, pValue: 2 * normalSurvival(Math.abs(z)) };
      });
    }
    for (let halving = 0; halving < 30; halving++) {
      const next = beta.map((value, i) => value + step[i]!);
      const trial = partialLikelihood(centred, next);
      if (trial.logLikelihood >= current.logLikelihood - 1e-10 || halving === 29) {
        [beta, current] = [next, trial];
        break;
      }
      step = step.map((part) => part / 2);
    }
  }
  throw new RangeError(
    "coxRegression: the coefficients have no finite estimate; a covariate is constant, doubles another, or separates events from survivors.",
  );
}

function centre(observations: readonly CoxObservation[], size: number): CoxObservation[] {
  const means = Array.from(
    { length: size },
    (_, k) => observations.reduce((total, { covariates }) => total + covariates[k]!, 0) / observations.length,
  );
  return observations.map((one) => ({ ...one, covariates: one.covariates.map((value, k) => value - means[k]!) }));
}

interface Likelihood {
  logLikelihood: number;
  readonly gradient: number[];
  readonly information: number[][];
}

/** Efron's partial log-likelihood, its gradient, and minus its second derivatives. */
function partialLikelihood(observations: readonly CoxObservation[], beta: readonly number[]): Likelihood {
  const zeros = (): number[] => beta.map(() => 0);
  const result: Likelihood = { logLikelihood: 0, gradient: zeros(), information: beta.map(zeros) };
  const linear = observations.map(({ covariates }) => covariates.reduce((sum, value, k) => sum + value * beta[k]!, 0));
  for (const time of eventTimes(observations)) {
    const risk = { weight: 0, first: zeros(), second: beta.map(zeros) };
    const dying = { weight: 0, first: zeros(), second: beta.map(zeros) };
    let deaths = 0;
    observations.forEach((observation, i) => {
      if (observation.time < time) return;
      const dies = observation.event && observation.time === time;
      const weight = Math.exp(linear[i]!);
      for (const group of dies ? [risk, dying] : [risk]) addMoments(group, weight, observation.covariates);
      if (!dies) return;
      deaths++;
      result.logLikelihood += linear[i]!;
      observation.covariates.forEach((value, k) => (result.gradient[k]! += value));
    });
    for (let died = 0; died < deaths; died++) {
      const share = died / deaths;
      const weight = risk.weight - share * dying.weight;
      const first = risk.first.map((value, k) => (value - share * dying.first[k]!) / weight);
      result.logLikelihood -= Math.log(weight);
      first.forEach((a, k) => {
        result.gradient[k]! -= a;
        first.forEach((b, l) => {
          result.information[k]![l]! += (risk.second[k]![l]! - share * dying.second[k]![l]!) / weight - a * b;
        });
      });
    }
  }
  return result;
}

function addMoments(
  group: { weight: number; first: number[]; second: number[][] },
  weight: number,
  covariates: readonly number[],
): void {
  group.weight += weight;
  covariates.forEach((a, k) => {
    group.first[k]! += weight * a;
    covariates.forEach((b, l) => (group.second[k]![l]! += weight * a * b));
  });
}

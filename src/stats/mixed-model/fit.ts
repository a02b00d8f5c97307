// Linear mixed models with normal random effects: intercepts and slopes that vary by group, nested or crossed.
// As `lmer` of R's lme4; degrees of freedom as in lmerTest (F. Satterthwaite 1946; A. Kuznetsova et al. 2017).
import { minimise } from "../numeric/minimise.ts";
import { tTwoSided } from "../distribution/t.ts";
import { buildDesign } from "./design.ts";
import type { Design, MixedModelData } from "./design.ts";
import { covarianceFactors, profile, profiledDeviance, thetaLength } from "./likelihood.ts";
import { satterthwaite } from "./satterthwaite.ts";

export interface FixedEffect {
  readonly estimate: number;
  readonly standardError: number;
  readonly t: number;
  /** Satterthwaite's degrees of freedom and the two-sided p-value; null where a variance is estimated as zero. */
  readonly df: number | null;
  readonly pValue: number | null;
}

export interface MixedModel {
  /** The intercept first, then the fixed columns in their order. */
  readonly fixed: readonly FixedEffect[];
  /** Per random term, the covariance matrix of its intercept and slopes. */
  readonly random: readonly (readonly (readonly number[])[])[];
  readonly residualVariance: number;
  /** Minus twice the log-likelihood; with REML the restricted one. */
  readonly criterion: number;
}

/**
 * Fits a linear mixed model, such as score ~ arm + (1 | judge) + (1 | item).
 *
 * Works on dense matrices, so it is meant for up to a few hundred random effects in all.
 *
 * @param options.reml restricted maximum likelihood (the default), or plain
 * @throws RangeError when columns do not match, depend on each other, or leave nothing to estimate
 */
export function mixedModel(data: MixedModelData, options: { readonly reml?: boolean } = {}): MixedModel {
  const reml = options.reml ?? true;
  const design = buildDesign(data);
  const freedom = design.n - (reml ? design.xx.length : 0);
  if (!(design.yy > 0) || freedom <= 0) {
    throw new RangeError(
      "mixedModel: the fixed part fits the response without error, so there is no variance to divide.",
    );
  }
  const theta = minimise((at) => profiledDeviance(design, profile(design, at), reml), startingTheta(design));
  const fit = profile(design, theta);
  const residualVariance = fit.penalised / freedom;
  const df = satterthwaite(design, theta, residualVariance, reml);
  return {
    fixed: fit.beta.map((estimate, i) => {
      const standardError = Math.sqrt(residualVariance * fit.unscaled[i]![i]!);
      const t = estimate / standardError;
      const freedomOf = df?.[i] ?? null;
      return { estimate, standardError, t, df: freedomOf, pValue: freedomOf === null ? null : tTwoSided(t, freedomOf) };
    }),
    random: covarianceFactors(design, theta).map((factor) =>
      factor.map((a) => factor.map((b) => residualVariance * a.reduce((total, value, k) => total + value * b[k]!, 0))),
    ),
    residualVariance,
    criterion: profiledDeviance(design, fit, reml),
  };
}

/** Independent random effects, each as variable as the residual. */
function startingTheta(design: Design): number[] {
  const theta = new Array<number>(thetaLength(design)).fill(0);
  let next = 0;
  for (const { width } of design.blocks) {
    for (let j = 0; j < width; j++) {
      theta[next] = 1;
      next += width - j;
    }
  }
  return theta;
}

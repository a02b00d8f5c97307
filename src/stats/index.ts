// `expfile/stats`: the statistics of experiments. Pure functions without dependencies; wrong input throws a RangeError that
// says what to do, and a number is never NaN.

// # Agreement between judges
export { krippendorffAlpha, krippendorffAlphaOfUnits } from "./agreement/krippendorff.ts";
export type { MeasurementLevel, Rating } from "./agreement/krippendorff.ts";
export { fleissKappa, randolphKappa } from "./agreement/fleiss.ts";
export { cohenKappa } from "./agreement/cohen.ts";
export type { CohenKappa, KappaWeights } from "./agreement/cohen.ts";
export { icc } from "./agreement/icc.ts";
export type { Icc } from "./agreement/icc.ts";

// # Ranking, diversity, divergence
export { bradleyTerry } from "./bradley-terry.ts";
export type { BradleyTerry, Contest } from "./bradley-terry.ts";
export { eloExpected } from "./elo.ts";
export { vendiScore } from "./vendi.ts";
export { jensenShannonDivergence, klDivergence } from "./divergence.ts";

// # Shares, several tests at once, power
export { clopperPearsonInterval, passAtK, wilsonInterval } from "./proportion.ts";
export { pAdjust } from "./multiple-comparisons.ts";
export type { Adjustment } from "./multiple-comparisons.ts";
export { fisherExact, mcNemar } from "./contingency.ts";
export type { McNemar, TwoByTwo } from "./contingency.ts";
export { powerTTest, powerTwoProportions, sampleSizeTTest, sampleSizeTwoProportions } from "./power.ts";
export type { TTestKind, TTestPlan, TwoProportionsPlan } from "./power.ts";

// # Comparing groups, and correlation
export type { Alternative } from "./compare/alternative.ts";
export { tTestPaired, tTestWelch } from "./compare/t-test.ts";
export type { TTest } from "./compare/t-test.ts";
export {
  cliffsDelta,
  cohenD,
  cohenDz,
  hedgesCorrection,
  hedgesG,
  hedgesGApproximate,
  varghaDelaneyA12,
} from "./compare/effect-size.ts";
export { EXACT_SIGN_FLIP_LIMIT, signFlipTest } from "./compare/sign-flip.ts";
export type { SignFlipTest } from "./compare/sign-flip.ts";
export { wilcoxonSignedRank } from "./rank/wilcoxon.ts";
export type { WilcoxonSignedRank } from "./rank/wilcoxon.ts";
export { mannWhitney } from "./rank/mann-whitney.ts";
export type { MannWhitney } from "./rank/mann-whitney.ts";
export { friedman, kruskalWallis } from "./rank/kruskal-wallis.ts";
export type { ChiSquaredTest } from "./rank/kruskal-wallis.ts";
export { pearson } from "./correlation/pearson.ts";
export type { PearsonCorrelation } from "./correlation/pearson.ts";
export { spearman } from "./correlation/spearman.ts";
export type { SpearmanCorrelation } from "./correlation/spearman.ts";
export { kendall } from "./correlation/kendall.ts";
export type { KendallCorrelation } from "./correlation/kendall.ts";

// # Bootstrap
export { bootstrap, bootstrapMean, bootstrapRatioOfMeans } from "./bootstrap/bootstrap.ts";
export type { BootstrapIntervals, BootstrapOptions } from "./bootstrap/bootstrap.ts";
export { bcaAcceleration, jackknifeStandardError } from "./bootstrap/jackknife.ts";
export type { Statistic } from "./bootstrap/jackknife.ts";

// # Survival, and mixed models
export { kaplanMeier } from "./survival/kaplan-meier.ts";
export type { KaplanMeier, SurvivalStep } from "./survival/kaplan-meier.ts";
export { logRank } from "./survival/log-rank.ts";
export type { LogRank } from "./survival/log-rank.ts";
export { coxRegression } from "./survival/cox.ts";
export type { CoxCoefficient, CoxObservation } from "./survival/cox.ts";
export type { Observation } from "./survival/observation.ts";
export { mixedModel } from "./mixed-model/fit.ts";
export type { FixedEffect, MixedModel } from "./mixed-model/fit.ts";
export type { MixedModelData, RandomTerm } from "./mixed-model/design.ts";

// # What a report shows
export { pairedDifference } from "./paired-difference.ts";
export type { PairedComparison, PairedDifference } from "./paired-difference.ts";
export { meanInterval } from "./mean-interval.ts";
export type { MeanInterval } from "./mean-interval.ts";
export type { Interval, NotEstimable } from "./estimate.ts";

// # Describing, drawing, distributions
export { mean, median, quantile, ranks, standardDeviation, sum, variance } from "./describe.ts";
export { createRandom } from "./random.ts";
export type { Random } from "./random.ts";
export { normalCdf, normalDensity, normalQuantile, normalSurvival } from "./distribution/normal.ts";
export { tCdf, tDensity, tQuantile, tSurvival, tTwoSided } from "./distribution/t.ts";
export { nonCentralTCdf, nonCentralTSurvival } from "./distribution/noncentral-t.ts";
export {
  chiSquaredCdf,
  chiSquaredQuantile,
  chiSquaredSurvival,
  gammaCdf,
  gammaQuantile,
  gammaSurvival,
} from "./distribution/chi-squared.ts";
export { betaCdf, betaQuantile, betaSurvival, fCdf, fQuantile, fSurvival } from "./distribution/beta.ts";
export { gamma, incompleteGamma, logGamma } from "./special/gamma.ts";
export { incompleteBeta, logBeta } from "./special/beta.ts";

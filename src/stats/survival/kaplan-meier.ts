// The product-limit estimate of a survival curve. Source: E. Kaplan and P. Meier (1958); errors by M. Greenwood (1926).
import { checkObservations, eventTimes } from "./observation.ts";
import type { Observation } from "./observation.ts";

export interface SurvivalStep {
  readonly time: number;
  /** Watched just before this time, and events at it. */
  readonly atRisk: number;
  readonly events: number;
  /** The share that survives beyond this time, and its standard error (0 once nobody is left). */
  readonly survival: number;
  readonly standardError: number;
}

export interface KaplanMeier {
  /** One step per time at which an event happened. Censored subjects count as at risk at their own time. */
  readonly steps: readonly SurvivalStep[];
  /** When the curve falls to one half (the middle of a stretch at exactly one half); null when it never does. */
  readonly median: number | null;
}

/** The Kaplan–Meier curve of one group. */
export function kaplanMeier(observations: readonly Observation[]): KaplanMeier {
  checkObservations("kaplanMeier", observations);
  let survival = 1;
  let greenwood = 0;
  const steps = eventTimes(observations).map((time) => {
    const atRisk = observations.filter((observation) => observation.time >= time).length;
    const events = observations.filter((observation) => observation.event && observation.time === time).length;
    survival *= 1 - events / atRisk;
    greenwood += events < atRisk ? events / (atRisk * (atRisk - events)) : 0;
    return { time, atRisk, events, survival, standardError: survival * Math.sqrt(greenwood) };
  });
  return { steps, median: medianOf(steps) };
}

function medianOf(steps: readonly SurvivalStep[]): number | null {
  const at = steps.findIndex(({ survival }) => survival < 0.5 + 1e-12);
  if (at < 0) return null;
  const step = steps[at]!;
  const isFlat = Math.abs(step.survival - 0.5) <= 1e-12;
  return isFlat && at + 1 < steps.length ? (step.time + steps[at + 1]!.time) / 2 : step.time;
}

// What survival data consist of, and the check that they do.

/** One subject: how long it was watched, and whether the event happened then (true) or it was lost from sight (false). */
export interface Observation {
  readonly time: number;
  readonly event: boolean;
}

/** Throws unless there are observations, each with a finite time of 0 or more. */
export function checkObservations(where: string, observations: readonly Observation[]): void {
  if (observations.length === 0) throw new RangeError(`${where}: there are no observations; give at least one.`);
  observations.forEach(({ time, event }, i) => {
    if (!(time >= 0 && time < Infinity)) {
      throw new RangeError(`${where}: observations[${i}].time is ${time}, but must be a finite number of 0 or more.`);
    }
    if (typeof event !== "boolean") {
      throw new RangeError(`${where}: observations[${i}].event must be true (it happened) or false (censored).`);
    }
  });
}

/** The different times at which events happened, ascending. */
export function eventTimes(observations: readonly Observation[]): number[] {
  return [...new Set(observations.filter(({ event }) => event).map(({ time }) => time))].sort((a, b) => a - b);
}

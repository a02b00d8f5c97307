// Krippendorff's alpha: agreement between any number of raters, with missing ratings, on four levels of measurement.
// Source: K. Krippendorff (2011), "Computing Krippendorff's alpha-reliability".
import { checkNumbers } from "../numeric/check.ts";

export type MeasurementLevel = "nominal" | "ordinal" | "interval" | "ratio";

/** One rating; null or undefined where a rater skipped the unit. Texts are for the nominal level only. */
export type Rating = number | string | null | undefined;

/**
 * Krippendorff's alpha, 1 − observed / expected disagreement. Only units with two ratings or more count.
 *
 * @param raters one row per rater, one column per unit rated
 * @throws RangeError when nothing can be paired, or all ratings are equal (alpha is then 0/0)
 */
export function krippendorffAlpha(raters: readonly (readonly Rating[])[], level: MeasurementLevel): number {
  const width = Math.max(0, ...raters.map((row) => row.length));
  const units = Array.from({ length: width }, (_, unit) => raters.map((row) => row[unit]));
  return krippendorffAlphaOfUnits(units, level);
}

/**
 * The same for ratings listed per unit, when raters have no identity: one row per unit, each as long as it happens to be.
 */
export function krippendorffAlphaOfUnits(units: readonly (readonly Rating[])[], level: MeasurementLevel): number {
  const pairable = units
    .map((unit) => unit.filter((rating): rating is number | string => rating !== null && rating !== undefined))
    .filter((unit) => unit.length >= 2);
  const ratings = pairable.flat();
  if (ratings.length === 0) {
    throw new RangeError(
      "krippendorffAlpha: no unit has two ratings, so nothing can be compared; rate some units twice.",
    );
  }
  if (level !== "nominal") checkNumbers(`krippendorffAlpha (${level})`, "ratings", ratings as number[]);
  const values = distinct(ratings);
  const total = new Map(values.map((value) => [value, 0]));
  for (const rating of ratings) total.set(rating, total.get(rating)! + 1);
  const distance = distances(
    values,
    values.map((value) => total.get(value)!),
    level,
  );
  const place = new Map(values.map((value, i) => [value, i]));

  let observed = 0;
  for (const unit of pairable) {
    const places = unit.map((rating) => place.get(rating)!);
    let within = 0;
    for (const i of places) for (const j of places) within += distance(i, j);
    observed += within / (unit.length - 1);
  }
  let expected = 0;
  values.forEach((v, i) => {
    values.forEach((w, j) => (expected += total.get(v)! * total.get(w)! * distance(i, j)));
  });
  if (expected === 0) {
    throw new RangeError(
      `krippendorffAlpha: all ${ratings.length} ratings are equal, so there is no disagreement to expect by chance and alpha is undefined; rate units that differ.`,
    );
  }
  return 1 - ((ratings.length - 1) * observed) / expected;
}

function distinct(ratings: readonly (number | string)[]): (number | string)[] {
  const values = [...new Set(ratings)];
  return values.every((value) => typeof value === "number") ? values.sort((a, b) => a - b) : values;
}

/** The squared difference between the i-th and j-th value (in ascending order) that the level of measurement asks for. */
function distances(
  values: readonly (number | string)[],
  counts: readonly number[],
  level: MeasurementLevel,
): (i: number, j: number) => number {
  const numbers = values as readonly number[];
  switch (level) {
    case "nominal":
      return (i, j) => (i === j ? 0 : 1);
    case "interval":
      return (i, j) => (numbers[i]! - numbers[j]!) ** 2;
    case "ratio": {
      if (numbers.some((value) => value < 0)) {
        throw new RangeError("krippendorffAlpha: the ratio level needs ratings of 0 or more; use the interval level.");
      }
      return (i, j) => (i === j ? 0 : ((numbers[i]! - numbers[j]!) / (numbers[i]! + numbers[j]!)) ** 2);
    }
    case "ordinal": {
      const midpoints: number[] = [];
      counts.reduce((below, count) => (midpoints.push(below + count / 2), below + count), 0);
      return (i, j) => (midpoints[i]! - midpoints[j]!) ** 2;
    }
    default:
      throw new RangeError(
        `krippendorffAlpha: the level is ${JSON.stringify(level)}, but must be nominal, ordinal, interval or ratio.`,
      );
  }
}

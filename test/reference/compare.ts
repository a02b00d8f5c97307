// Whether an answer is the expected one, in the terms of the vocabulary of the reference cases:
// a number as tolerance is absolute; words with "exact" mean equality of what they name; other words are for people.

/** How a case's tolerance is meant. */
export type Tolerance =
  | { readonly kind: "absolute"; readonly amount: number }
  /** Equality: of the named fields only, when `fields` is given. */
  | { readonly kind: "exact"; readonly fields: readonly string[] | null; readonly orNull: boolean }
  | { readonly kind: "by-hand"; readonly note: string };

/** Reads a tolerance. `expected` tells which words in it are names of fields. */
export function readTolerance(tolerance: unknown, expected: unknown): Tolerance {
  if (typeof tolerance === "number") return { kind: "absolute", amount: tolerance };
  const note = typeof tolerance === "string" ? tolerance.trim() : JSON.stringify(tolerance ?? null);
  if (note !== "" && Number.isFinite(Number(note)) && tolerance !== null)
    return { kind: "absolute", amount: Number(note) };
  const orNull = /\bor null\b/.test(note);
  if (/^exact\b/.test(note)) return { kind: "exact", fields: null, orNull };
  const named = /^([\w, ]+?) exact$/.exec(note)?.[1]?.split(/,\s*|\s+and\s+/) ?? [];
  const fields = isRecord(expected) ? Object.keys(expected) : [];
  if (named.length > 0 && named.every((name) => fields.includes(name))) return { kind: "exact", fields: named, orNull };
  return { kind: "by-hand", note };
}

/** Null when the answer is right, else what is wrong with it, in words. */
export function findDifference(
  expected: unknown,
  actual: unknown,
  tolerance: Tolerance,
  path = "value",
): string | null {
  switch (tolerance.kind) {
    case "by-hand":
      return null;
    case "exact": {
      if (tolerance.orNull && actual === null) return null;
      const wanted = tolerance.fields === null ? expected : pick(expected, tolerance.fields);
      return difference(wanted, actual, 0, path);
    }
    case "absolute":
      return difference(expected, actual, tolerance.amount, path);
  }
}

function difference(expected: unknown, actual: unknown, amount: number, path: string): string | null {
  if (typeof expected === "number") return numberDifference(expected, actual, amount, path);
  if (Array.isArray(expected)) return listDifference(expected, actual, amount, path);
  if (isRecord(expected)) return recordDifference(expected, actual, amount, path);
  return expected === actual ? null : mismatch(path, expected, actual);
}

function numberDifference(expected: number, actual: unknown, amount: number, path: string): string | null {
  // Where a bare number is expected of a function that returns a record, its first field is the one.
  if (isRecord(actual)) return numberDifference(expected, Object.values(actual)[0], amount, path);
  if (typeof actual !== "number") return mismatch(path, expected, actual);
  // Reading decimals costs up to a unit in the last place, which no tolerance means to forbid.
  const allowed = amount + 4 * Number.EPSILON * Math.abs(expected);
  return Math.abs(actual - expected) <= allowed ? null : `${mismatch(path, expected, actual)}, tolerance ${amount}`;
}

function listDifference(expected: readonly unknown[], actual: unknown, amount: number, path: string): string | null {
  if (!Array.isArray(actual) || actual.length !== expected.length) return mismatch(path, expected, actual);
  return firstOf(expected.map((value, i) => difference(value, (actual as unknown[])[i], amount, `${path}[${i}]`)));
}

/** Only the expected fields count. `full` beside a rounded number is the number; whole numbers as keys are places from 1. */
function recordDifference(
  expected: Readonly<Record<string, unknown>>,
  actual: unknown,
  amount: number,
  path: string,
): string | null {
  if ("full" in expected && !(isRecord(actual) && "full" in actual)) {
    return difference(expected["full"], actual, amount, path);
  }
  if (Array.isArray(actual) && Object.keys(expected).every((key) => /^\d+$/.test(key))) {
    const list = actual as unknown[];
    return firstOf(
      Object.entries(expected).map(([key, value]) =>
        difference(value, list[Number(key) - 1], amount, `${path}[${key}]`),
      ),
    );
  }
  if (!isRecord(actual)) return mismatch(path, expected, actual);
  if (isCurve(expected) && isCurve(actual)) return curveDifference(expected, actual, amount, path);
  return firstOf(
    Object.entries(expected).map(([key, value]) => difference(value, actual[key], amount, `${path}.${key}`)),
  );
}

/** A survival curve: a step function, given at its steps or at more times. */
interface Curve {
  readonly time: readonly number[];
  readonly surv: readonly number[];
}

function isCurve(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & Curve {
  return Array.isArray(value["time"]) && Array.isArray(value["surv"]);
}

/** Compares the curve at the expected times; a step of ours at a time that was not expected is a difference. */
function curveDifference(
  expected: Readonly<Record<string, unknown>> & Curve,
  actual: Readonly<Record<string, unknown>> & Curve,
  amount: number,
  path: string,
): string | null {
  const { time, surv, ...others } = expected;
  const missing = actual.time.find((step) => !time.includes(step));
  if (missing !== undefined) return `${path}: a step at ${missing} is not expected`;
  const ours = time.map((at) => actual.surv[actual.time.findLastIndex((step) => step <= at)] ?? 1);
  return listDifference(surv, ours, amount, `${path}.surv`) ?? recordDifference(others, actual, amount, path);
}

function pick(record: unknown, fields: readonly string[]): unknown {
  return Object.fromEntries(fields.map((field) => [field, (record as Record<string, unknown>)[field]]));
}

function mismatch(path: string, expected: unknown, actual: unknown): string {
  return `${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
}

const firstOf = (differences: readonly (string | null)[]): string | null =>
  differences.find((found) => found !== null) ?? null;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One value of a table: what each kind of column accepts, and the form in which the Parquet writer takes it. */
import type { ColumnKind, JsonValue } from "./columns.ts";

/** Says why a value does not fit the kind ("expected double, got NaN"), or null when it fits. Never called with null. */
export function valueProblem(kind: ColumnKind, value: unknown): string | null {
  if (kind === "json") {
    const where = jsonProblem(value, "");
    return where === null ? null : `expected json, got ${where}`;
  }
  return fits(kind, value) ? null : `expected ${EXPECTED[kind]}, got ${preview(value)}`;
}

/** The form to store. The value has passed `valueProblem`. */
export function toStored(kind: ColumnKind, value: unknown): unknown {
  switch (kind) {
    case "int64":
      return BigInt(value as number);
    case "double":
      // One zero: a dictionary cannot tell 0 from -0, and equal content must give equal bytes.
      return (value as number) + 0;
    case "json":
      return canonical(value as JsonValue);
    default:
      return value;
  }
}

/** A value for a message: JSON-like, at most 60 characters. */
export function preview(value: unknown): string {
  const text =
    typeof value === "string"
      ? JSON.stringify(value)
      : typeof value === "object" && value !== null
        ? Object.prototype.toString.call(value)
        : typeof value === "bigint"
          ? `${value}n`
          : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

const EXPECTED = {
  string: "string",
  boolean: "boolean",
  int32: "int32",
  int64: "int64 (a safe integer)",
  double: "double (a finite number)",
};

function fits(kind: Exclude<ColumnKind, "json">, value: unknown): boolean {
  switch (kind) {
    case "string":
      return typeof value === "string" && !LONE_SURROGATE.test(value);
    case "boolean":
      return typeof value === "boolean";
    case "int32":
      return typeof value === "number" && (value | 0) === value;
    case "int64":
      return Number.isSafeInteger(value);
    case "double":
      return Number.isFinite(value);
  }
}

// Such a string has no UTF-8 form: it would come back changed.
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Where and what in a value is not JSON (`NaN at .scores[2]`), or null. `path` is the place so far. */
function jsonProblem(value: unknown, path: string): string | null {
  if (value === null && path !== "") return null;
  if (typeof value === "boolean" || Number.isFinite(value)) return null;
  if (typeof value === "string" && !LONE_SURROGATE.test(value)) return null;
  if (Array.isArray(value)) {
    return first(value.entries(), ([index, item]) => jsonProblem(item, `${path}[${index}]`));
  }
  if (typeof value === "object" && value !== null && isPlain(value)) {
    return first(Object.entries(value), ([key, item]) =>
      key === "__proto__" || LONE_SURROGATE.test(key)
        ? `key ${preview(key)} at ${path}`
        : jsonProblem(item, `${path}.${key}`),
    );
  }
  return path === "" ? preview(value) : `${preview(value)} at ${path}`;
}

function first<T>(items: Iterable<T>, problem: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = problem(item);
    if (found !== null) return found;
  }
  return null;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The same JSON with sorted keys, so that equal content is printed equally. */
function canonical(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => canonical(item));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, canonical(item)]));
}

// What schemas hand out must be JSON: it goes into keys, to workers and into records. Keys come out sorted, because the order in which
// somebody wrote them counts for nothing and must not be seen by a recipe.

import type { Json } from "../../model/json.ts";
import type { Path } from "./located.ts";

export interface NotJson {
  readonly path: Path;
  /** `a Date`, `undefined`. */
  readonly found: string;
}

/** The value with sorted keys; everything that is not JSON is added to `problems`. */
export function normalise(value: unknown, problems: NotJson[], path: Path = []): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value === 0 ? 0 : value;
  if (path.length <= 200) {
    if (Array.isArray(value)) return Array.from(value, (item, index) => normalise(item, problems, [...path, index]));
    if (isPlainObject(value)) {
      const keys = Object.keys(value).sort();
      return Object.fromEntries(keys.map((key) => [key, normalise(value[key], problems, [...path, key])]));
    }
  }
  problems.push({ path, found: describeForeign(value, path) });
  return null;
}

/** One text for equal values: keys sorted by code unit, no white space. */
export function canonicalJson(value: Json): string {
  return JSON.stringify(normalise(value, []));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describeForeign(value: unknown, path: Path): string {
  if (path.length > 200) return "nested too deeply";
  if (typeof value === "number" || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return `a ${(value as object).constructor?.name || "object of a class"}`;
}

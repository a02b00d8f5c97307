// Values of a config together with where each was written. Maps keep the order of the file; JSON objects would not (keys like `10`).

import type { Json, JsonObject } from "../../model/json.ts";
import type { Place } from "../../model/failure.ts";
import { placeOf, type Span } from "./source-text.ts";

export interface LocatedScalar {
  readonly kind: "scalar";
  readonly value: null | boolean | number | string;
  readonly span: Span;
}
export interface LocatedList {
  readonly kind: "list";
  readonly items: readonly Located[];
  readonly span: Span;
}
export interface LocatedMap {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Entry>;
  readonly span: Span;
}
export interface Entry {
  readonly key: Span;
  readonly value: Located;
}
export type Located = LocatedScalar | LocatedList | LocatedMap;

/** Keys and list positions from the top: `["judge", "models", 0]`. */
export type Path = readonly (string | number)[];

export function toJson(located: LocatedMap): JsonObject;
export function toJson(located: Located): Json;
export function toJson(located: Located): Json {
  if (located.kind === "scalar") return located.value;
  if (located.kind === "list") return located.items.map((item) => toJson(item));
  return Object.fromEntries([...located.entries].map(([key, entry]) => [key, toJson(entry.value)]));
}

/** The value at the path and the span of its key, or undefined. An empty path finds the value itself. */
export function find(located: Located, path: Path): Partial<Entry> | undefined {
  let found: Partial<Entry> & { value: Located } = { value: located };
  for (const segment of path) {
    const child = childOf(found.value, segment);
    if (!child) return undefined;
    found = child;
  }
  return found;
}

function childOf(located: Located, segment: string | number): (Partial<Entry> & { value: Located }) | undefined {
  if (located.kind === "map") return located.entries.get(String(segment));
  if (located.kind !== "list") return undefined;
  const value = located.items[Number(segment)];
  return value && { value };
}

/** Where the value at the path was written; of an absent one, where the nearest thing around it was. */
export function placeOfValue(located: Located, path: Path): Place {
  const found = nearest(located, path);
  // An empty value (`samples:`) has no characters of its own.
  const isEmpty = found.value.span.start === found.value.span.end;
  return placeOf(isEmpty && found.key ? found.key : found.value.span);
}

/** Where the key of the value at the path was written; of a list's element, its value. */
export function placeOfKey(located: Located, path: Path): Place {
  const found = nearest(located, path);
  return placeOf(found.key ?? found.value.span);
}

function nearest(located: Located, path: Path): Partial<Entry> & { value: Located } {
  let found: Partial<Entry> & { value: Located } = { value: located };
  for (const segment of path) {
    const child = childOf(found.value, segment);
    if (!child) return found;
    found = child;
  }
  return found;
}

/** `judge.models[0].name`; keys that are not plain words are quoted: `arms["order=2"]`. */
export function formatPath(path: Path): string {
  return path.map((segment, index) => formatSegment(segment, index === 0)).join("");
}

function formatSegment(segment: string | number, isFirst: boolean): string {
  if (typeof segment === "number") return `[${segment}]`;
  if (!/^[\w-]+$/.test(segment)) return isFirst ? JSON.stringify(segment) : `[${JSON.stringify(segment)}]`;
  return isFirst ? segment : `.${segment}`;
}

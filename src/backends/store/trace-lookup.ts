// What is asked of a run's trace about one key, name or path at a time, and by which keys an index of it finds the lines that answer. Two give the
// answers: `Known`, which has read all of it, and `SoughtTrace`, which reads the lines that an index names.

import type { Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../planning/fingerprint/action-key.ts";
import type { Front, RecordLine } from "./late-lines.ts";
import type { KnownResult, LeftContent, Standing } from "./trace-known.ts";
import type { Acceptance, Part, SourceSeen, TraceLine } from "./trace-lines.ts";

export interface Cleaned {
  readonly when: number;
  /** Undefined: its line was torn. */
  readonly known: KnownResult | undefined;
}

export interface TraceLookup {
  readonly isEmpty: boolean;
  readonly callsHiddenBefore: number;
  readonly armNames: ReadonlyMap<string, string>;
  readonly cleanTimes: ReadonlyMap<string, number>;
  readonly splices: ReadonlyMap<string, Digest>;
  readonly acceptances: ReadonlyMap<string, readonly Acceptance[]>;
  /** The last word on a core key, unless it was cleaned away. */
  find(core: Digest): KnownResult | undefined;
  /** What the last clean that concerned the key has hidden, also if there is a newer result. */
  cleanedOf(core: Digest): Cleaned | undefined;
  recordLineOf(core: Digest): RecordLine | undefined;
  /** The last record of a part by its name, other than that of `except`. */
  lastRecord(part: string, except: Digest | undefined): ActionRecord | undefined;
  /** Of a template: the names of the item recipes that have had the key. */
  recipesOf(template: Digest): ReadonlySet<string>;
  /** Newest last. */
  standingOf(target: string): readonly Standing[];
  lastStandingOf(target: string): Standing | undefined;
  placedAt(path: string): Digest | undefined;
  leftAt(path: string): LeftContent | undefined;
  sourceOf(digest: Digest): SourceSeen | undefined;
  take(line: TraceLine): void;
}

/** Records go by `target/part` or `target/item/recipe`. */
export function partName(target: string, part: Part, recipe: string | undefined): string {
  return recipe === undefined ? `${target}/${part}` : `${target}/${part}/${recipe}`;
}

export const keyOf = {
  result: (core: Digest) => `r${core}`,
  record: (core: Digest) => `R${core}`,
  part: (name: string) => `p${name}`,
  standing: (target: string) => `s${target}`,
  placed: (path: string) => `o${path}`,
  source: (digest: Digest) => `d${digest}`,
  /** All lines of content that was left with others: mostly there are none, and nobody need look for one. */
  left: "l",
  /** Lines of which there are few, and that say something of all: they are read whenever a trace is opened. */
  rare: "*",
} as const;

export function keysOfLine(line: TraceLine): readonly string[] {
  if ("out" in line) return "left" in line ? [keyOf.placed(line.out), keyOf.left] : [keyOf.placed(line.out)];
  if ("src" in line) return line.src.map(([digest]) => keyOf.source(digest));
  if ("rec" in line) return [keyOf.record(line.c), keyOf.part(partName(line.t, line.rec.part, line.n))];
  if ("as" in line || "r" in line) return [keyOf.result(line.c)];
  if ("now" in line) return [keyOf.standing(line.t)];
  return [keyOf.rare];
}

/** The same, of a line that was not parsed. */
export function keysOfFront(front: Front): readonly string[] {
  if (front.kind === "result") return [keyOf.result(front.core)];
  return [keyOf.record(front.core), keyOf.part(partName(front.target, front.part, front.recipe))];
}

// Which results of a run's trace count and where they are, in flat arrays: for a look at all of them, one after the other. A `Trace` holds them as
// objects, and a fan-out may have half a million. Each line means here what it means there.

import { join } from "node:path";
import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../planning/fingerprint/action-key.ts";
import { forEachLine } from "../../util/append-log.ts";
import { DigestTable } from "./digest-table.ts";
import type { TraceLine } from "./trace-lines.ts";
import { refuseNewer, refuseNewerRecord, standingIn, type KnownResult, type Standing } from "./trace-known.ts";

/** A result that counts: the last word on its core key, and not cleaned away. */
export interface IndexedResult extends Pick<KnownResult, "target" | "key" | "result" | "build" | "template"> {
  readonly core: Digest;
}

type ResultLine = Extract<TraceLine, { r: ActionResult }>;
type AcceptedLine = Extract<TraceLine, { as: Digest }>;

/** Stands for a template, where there is none; and for the line of a result that was cleaned away. */
const none = -1;

export class TraceIndex {
  readonly #file: string;
  readonly #cores = new DigestTable();
  /** By core: the line that holds its result, and its build; target and template are those of the line that said so last. */
  readonly #lines: number[] = [];
  readonly #targets: number[] = [];
  readonly #builds: number[] = [];
  readonly #templates: number[] = [];
  readonly #targetNames = new Numbers<string>();
  readonly #templateCores = new Numbers<Digest>();
  /** By the line of a result: the keys for which it was accepted, by core. */
  readonly #accepted = new Map<number, Map<number, Digest>>();
  readonly #standing = new Map<string, Standing[]>();
  readonly #splits = new Map<Digest, ActionResult>();
  readonly #splitRecords = new Map<Digest, ActionRecord>();

  constructor(runFolder: string) {
    this.#file = join(runFolder, "trace", "trace.jsonl");
    let number = 0;
    forEachLine<TraceLine>(this.#file, (line) => this.#take(line, number++));
  }

  /** Every target that has stood on a result. */
  targets(): readonly string[] {
    return [...this.#standing.keys()];
  }

  /** The keys on which the target's outputs stand, newest last. */
  standingOf(target: string): readonly Standing[] {
    return this.#standing.get(target) ?? [];
  }

  splitRecordOf(core: Digest): ActionRecord | undefined {
    return this.#splitRecords.get(core);
  }

  splitResultOf(core: Digest): ActionResult | undefined {
    const index = this.#cores.indexOf(core);
    return index < 0 || this.#lines[index] === none ? undefined : this.#splits.get(core);
  }

  /** Reads the log once more. Lines that were appended since are left out. */
  forEachResult(take: (known: IndexedResult) => void): void {
    let number = 0;
    const takeIfCounts = (index: number, key: Digest, result: ActionResult) => {
      if (this.#lines[index] !== number) return;
      take({
        core: this.#cores.digestAt(index),
        key,
        result,
        target: this.#targetNames.at(this.#targets[index]!)!,
        build: this.#builds[index]!,
        template: this.#templateCores.at(this.#templates[index]!),
      });
    };
    forEachLine<TraceLine>(this.#file, (line) => {
      if ("r" in line) {
        const keys = new Map([[this.#cores.indexOf(line.c), line.k], ...(this.#accepted.get(number) ?? [])]);
        for (const [index, key] of keys) takeIfCounts(index, key, line.r);
      }
      number++;
    });
  }

  #take(line: TraceLine, number: number): void {
    if ("v" in line) refuseNewer(line.v, this.#file);
    else if ("clean" in line) this.#takeClean(line.t);
    else if ("as" in line) this.#takeAccepted(line);
    else if ("now" in line) {
      const known = this.#standing.get(line.t);
      if (known === undefined) this.#standing.set(line.t, [standingIn(line)]);
      else known.push(standingIn(line));
    } else if ("rec" in line) {
      refuseNewerRecord(line.rec.format, this.#file);
      if (line.rec.part === "split") this.#splitRecords.set(line.c, line.rec);
    } else if ("r" in line) {
      this.#set(line, line.b, number);
      if (line.p === "split") this.#splits.set(line.c, line.r);
    }
  }

  /** `build`, `number`: of the line that holds the result. Returns the number of the core key. */
  #set({ c, t, m }: ResultLine | AcceptedLine, build: number, number: number): number {
    const index = this.#cores.add(c);
    this.#lines[index] = number;
    this.#targets[index] = this.#targetNames.of(t);
    this.#builds[index] = build;
    this.#templates[index] = m === undefined ? none : this.#templateCores.of(m);
    return index;
  }

  #takeAccepted(line: AcceptedLine): void {
    const known = this.#cores.indexOf(line.as);
    const number = this.#lines[known] ?? none;
    if (number === none) return;
    const index = this.#set(line, this.#builds[known]!, number);
    const keys = this.#accepted.get(number) ?? new Map<number, Digest>();
    this.#accepted.set(number, keys.set(index, line.k));
    const split = this.#splits.get(line.as);
    if (split !== undefined) this.#splits.set(line.c, split);
  }

  /** Its own results go, and those of an equal target that it stands on. */
  #takeClean(target: string): void {
    const standing = this.standingOf(target);
    for (const core of standing.flatMap(({ core, split }) => (split === undefined ? [core] : [core, split]))) {
      const index = this.#cores.indexOf(core);
      if (index >= 0) this.#lines[index] = none;
    }
    const number = this.#targetNames.of(target);
    const templates = new Set(standing.flatMap((one) => one.templates).map((core) => this.#templateCores.of(core)));
    for (const [index, own] of this.#targets.entries())
      if (own === number || templates.has(this.#templates[index]!)) this.#lines[index] = none;
  }
}

/** Numbers values from 0 as they come. */
class Numbers<Value> {
  readonly #values: Value[] = [];
  readonly #numbers = new Map<Value, number>();

  of(value: Value): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.#values.length);
    return this.#values.push(value) - 1;
  }

  at(number: number): Value | undefined {
    return this.#values[number];
  }
}

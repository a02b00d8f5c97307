// The run's own trace: what each of its actions read and made, for every build. It decides what the run's outputs are; caches only offer.
// An append-only log; the last word on a key counts. Kept outside of cache/, because it cannot be recomputed.

import { join } from "node:path";
import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { FailureError, inputFailure } from "../../model/failure.ts";
import type { ActionRecord } from "../../planning/fingerprint/action-key.ts";
import { AppendLog, readLog } from "../../util/append-log.ts";

export type Part = ActionRecord["part"];

/** Lines of the log. Short names: there is one line an item. `b` is the number of the build. */
export type TraceLine =
  | { readonly v: number }
  /** A result. `c` core key, `k` action key, `m` the core key of an item's template, `l` its label. */
  | {
      readonly t: string;
      readonly p: Part;
      readonly b: number;
      readonly c: Digest;
      readonly k: Digest;
      readonly r: ActionResult;
      readonly how: "computed" | "cached";
      readonly m?: Digest;
      readonly l?: string;
    }
  /** The record behind a key, for explanations: one an action, and one a template for all its items. `n` names the item recipe. */
  | { readonly t: string; readonly b: number; readonly rec: ActionRecord; readonly c: Digest; readonly n?: string }
  /** Where the target stands since build `b`: on the result of key `now`, the split `s`, and items of the templates `m`. */
  | {
      readonly t: string;
      readonly b: number;
      readonly at: number;
      readonly now: Digest;
      readonly s?: Digest;
      readonly m?: readonly Digest[];
    }
  /** What was put at a path of the run's folder. */
  | { readonly out: string; readonly d: Digest }
  /** Source files that a record's inputs were. Paths and sizes are in no key; `why` names them. */
  | { readonly src: readonly SourceSeen[] }
  /** Everything on which the target stood before this line is to be computed anew. `calls`: remembered calls are hidden too. */
  | { readonly t: string; readonly clean: number; readonly calls?: true };

/** Content of a file of the project, and where it was: a path from the root. */
export type SourceSeen = readonly [digest: Digest, size: number, path: string];

export interface KnownResult {
  readonly target: string;
  readonly part: Part;
  readonly key: Digest;
  readonly result: ActionResult;
  readonly how: "computed" | "cached";
  readonly build: number;
  readonly template: Digest | undefined;
  readonly label: string | undefined;
}

/** On what a target's outputs stood at a time. */
export interface Standing {
  readonly core: Digest;
  readonly split: Digest | undefined;
  /** Of a fan-out: the core keys of its items' templates. */
  readonly templates: readonly Digest[];
  readonly build: number;
  readonly at: number;
}

export const traceFormat = 1;

export class Trace {
  readonly #file: string;
  readonly #log: AppendLog<TraceLine>;
  readonly #mayWrite: () => boolean;
  readonly #results = new Map<Digest, KnownResult>();
  readonly #cleaned = new Map<Digest, { readonly when: number; readonly known: KnownResult }>();
  readonly #records = new Map<Digest, ActionRecord>();
  /** Last record by `target/part` or `target/item/recipe`, and the one before it. */
  readonly #last = new Map<string, ActionRecord[]>();
  /** Records by target, in the order of builds, each with the one of the same part that it followed. */
  readonly #byTarget = new Map<
    string,
    { readonly build: number; readonly record: ActionRecord; readonly before: ActionRecord | undefined }[]
  >();
  readonly #standing = new Map<string, Standing[]>();
  readonly #placed = new Map<string, Digest>();
  readonly #sources = new Map<Digest, SourceSeen>();
  readonly #cleanTimes = new Map<string, number>();
  #callsHiddenBefore = 0;
  #isEmpty = true;

  /** `mayWrite`: whether the run is still ours. Who only reads need not hold it. */
  constructor(runFolder: string, mayWrite: () => boolean = () => false) {
    this.#file = join(runFolder, "trace", "trace.jsonl");
    this.#mayWrite = mayWrite;
    this.#log = new AppendLog(this.#file);
    for (const line of readLog<TraceLine>(this.#file).lines) this.#take(line);
  }

  /** The run's own result for a core key, unless it was cleaned away. */
  find(core: Digest): KnownResult | undefined {
    return this.#results.get(core);
  }

  /** When the key was cleaned away, if nothing has been computed for it since. */
  cleanedAt(core: Digest): number | undefined {
    return this.#cleaned.get(core)?.when;
  }
  /** What was known before it was cleaned away: for estimates of time and money. */
  cleanedResult(core: Digest): KnownResult | undefined {
    return this.#cleaned.get(core)?.known;
  }
  lastCleanOf(target: string): number | undefined {
    return this.#cleanTimes.get(target);
  }

  /** Answers to paid calls from before this time are hidden from the run. */
  callsHiddenBefore(): number {
    return this.#callsHiddenBefore;
  }

  recordOf(core: Digest): ActionRecord | undefined {
    return this.#records.get(core);
  }

  /** The records that came with a build, each with its forerunner. */
  recordsOfBuild(
    target: string,
    build: number,
  ): readonly { readonly record: ActionRecord; readonly before: ActionRecord | undefined }[] {
    return (this.#byTarget.get(target) ?? []).filter((entry) => entry.build === build);
  }

  /** The last record of a part (of an item recipe, by name), other than `except`. */
  lastRecord(target: string, part: Part, recipe: string | undefined, except?: Digest): ActionRecord | undefined {
    const history = this.#last.get(partName(target, part, recipe)) ?? [];
    return except === undefined ? history.at(-1) : history.findLast((record) => record !== this.#records.get(except));
  }

  /** The keys on which the target's outputs stand, newest last. */
  standingOf(target: string): readonly Standing[] {
    return this.#standing.get(target) ?? [];
  }

  /** Targets that have stood on something. */
  targets(): readonly string[] {
    return [...this.#standing.keys()];
  }

  /** Where the content of a source file was, and its size. */
  sourceOf(digest: Digest): SourceSeen | undefined {
    return this.#sources.get(digest);
  }

  /** The digest of what exp last put at a path of the run's folder. */
  placedAt(path: string): Digest | undefined {
    return this.#placed.get(path);
  }

  *results(): Iterable<readonly [core: Digest, known: KnownResult]> {
    yield* this.#results;
  }

  /** What a clean of the target hides: its own results, and those that an equal target computed and it stands on too. */
  *resultsBehind(target: string): Iterable<readonly [core: Digest, known: KnownResult]> {
    const standing = this.standingOf(target);
    const cores = new Set(standing.flatMap(({ core, split }) => (split === undefined ? [core] : [core, split])));
    const templates = new Set(standing.flatMap((one) => one.templates));
    for (const entry of this.#results) {
      const [core, known] = entry;
      const isBehind = cores.has(core) || (known.template !== undefined && templates.has(known.template));
      if (known.target === target || isBehind) yield entry;
    }
  }

  /** Results of the target's items, cleaned ones too. */
  *itemResultsOf(target: string): Iterable<ActionResult> {
    for (const known of this.#results.values())
      if (known.target === target && known.part === "item") yield known.result;
    for (const { known } of this.#cleaned.values())
      if (known.target === target && known.part === "item") yield known.result;
  }

  append(line: TraceLine): void {
    if (this.#isEmpty) this.#log.append({ v: traceFormat });
    this.#isEmpty = false;
    this.#take(line);
    this.#log.append(line);
  }

  /** Durable when it returns true. False: the run was taken over, and nothing was written. */
  async commit(): Promise<boolean> {
    if (this.#dropIfLost()) return false;
    await this.#log.commit();
    return true;
  }

  close(): void {
    this.#dropIfLost();
    this.#log.close();
  }

  /** Lines that wait when the run is lost must not reach a log that another build writes by now. */
  #dropIfLost(): boolean {
    if (this.#mayWrite()) return false;
    this.#log.drop();
    return true;
  }

  #take(line: TraceLine): void {
    this.#isEmpty = false;
    if ("v" in line) {
      if (line.v > traceFormat)
        throw new FailureError([
          inputFailure(`the trace has format ${line.v}, and this exp reads ${traceFormat}`, {
            where: { file: this.#file },
            fix: "It was written by a newer exp: update this one.",
          }),
        ]);
      return;
    }
    if ("out" in line) return void this.#placed.set(line.out, line.d);
    if ("src" in line) {
      for (const seen of line.src) this.#sources.set(seen[0], seen);
      return;
    }
    if ("clean" in line) return this.#takeClean(line);
    if ("now" in line) {
      const known = this.#standing.get(line.t);
      const entry = { core: line.now, split: line.s, templates: line.m ?? [], build: line.b, at: line.at };
      if (known === undefined) this.#standing.set(line.t, [entry]);
      else known.push(entry);
      return;
    }
    if ("rec" in line) {
      this.#records.set(line.c, line.rec);
      const name = partName(line.t, line.rec.part, line.n);
      const history = this.#last.get(name);
      const own = this.#byTarget.get(line.t);
      const entry = { build: line.b, record: line.rec, before: history?.at(-1) };
      if (own === undefined) this.#byTarget.set(line.t, [entry]);
      else own.push(entry);
      if (history === undefined) this.#last.set(name, [line.rec]);
      else history.push(line.rec);
      return;
    }
    this.#cleaned.delete(line.c);
    this.#results.set(line.c, {
      target: line.t,
      part: line.p,
      key: line.k,
      result: line.r,
      how: line.how,
      build: line.b,
      template: line.m,
      label: line.l,
    });
  }

  #takeClean(line: Extract<TraceLine, { clean: number }>): void {
    this.#cleanTimes.set(line.t, line.clean);
    if (line.calls === true) this.#callsHiddenBefore = Math.max(this.#callsHiddenBefore, line.clean);
    for (const [core, known] of this.resultsBehind(line.t)) {
      this.#results.delete(core);
      this.#cleaned.set(core, { when: line.clean, known });
    }
  }
}

function partName(target: string, part: Part, recipe: string | undefined): string {
  return recipe === undefined ? `${target}/${part}` : `${target}/${part}/${recipe}`;
}

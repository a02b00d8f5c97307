// The run's own trace: what each of its actions read and made, for every build. It decides what the run's outputs are; caches only offer.
// An append-only log; the last word on a key counts. Kept outside of cache/, because it cannot be recomputed.

import { join } from "node:path";
import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../planning/fingerprint/action-key.ts";
import { AppendLog } from "../../util/append-log.ts";
import { LineIndex, LineIndexBuilder } from "../../util/line-index.ts";
import { Known, resultOf, type Keys, type KnownResult, type LeftContent, type Standing } from "./trace-known.ts";
import { SoughtTrace } from "./trace-sought.ts";
import { keysOfLine, partName, type TraceLookup } from "./trace-lookup.ts";
import {
  traceFormat,
  type Acceptance,
  type Part,
  type RecordedOptions,
  type SourceSeen,
  type TraceLine,
} from "./trace-lines.ts";

export interface TraceOptions {
  /** Whether the run is still ours. Who only reads need not hold it. */
  readonly mayWrite?: () => boolean;
  /** As it was after that build; then nothing may be written. */
  readonly until?: number;
  /** Where an index of it is kept: of the many lines of a large run only those are read that somebody asks for. */
  readonly indexFile?: string;
  /** Below so many lines all of them are read as soon as some. */
  readonly indexFrom?: number;
}

const worthIndexing = 4_000;
/** An index is written anew when so large a part of it is missing. */
const missingPart = 1 / 16;

export class Trace {
  readonly #file: string;
  readonly #log: AppendLog<TraceLine>;
  readonly #mayWrite: () => boolean;
  readonly #until: number;
  readonly #indexFile: string | undefined;
  readonly #indexFrom: number;
  #index: LineIndex | undefined;
  /** Lines that the index lacks. Undefined: it is not to be written anew, or where some of them lie is not known. */
  #news: LineIndexBuilder | undefined;
  #read: Known | SoughtTrace | undefined;
  /** What was taken since it was read. */
  readonly #taken: TraceLine[] = [];
  readonly #held: TraceLine[] = [];

  constructor(runFolder: string, options: TraceOptions = {}) {
    const { mayWrite = () => false, until = Infinity, indexFile, indexFrom = worthIndexing } = options;
    this.#indexFrom = indexFrom;
    this.#file = join(runFolder, "trace", "trace.jsonl");
    this.#mayWrite = mayWrite;
    this.#log = new AppendLog(this.#file, mayWrite);
    this.#until = until;
    this.#indexFile = until === Infinity ? indexFile : undefined;
  }

  /** Read when something is first asked: who is told that all is as it was need not know what it was. */
  get #known(): TraceLookup {
    const read = (this.#read ??= this.#open());
    return read instanceof SoughtTrace && read.isAskedForMuch ? this.#whole : read;
  }

  /** Somebody is going to ask for so many results. */
  expect(results: number): void {
    const read = (this.#read ??= this.#open());
    if (read instanceof SoughtTrace) read.expect(results);
  }

  #open(): Known | SoughtTrace {
    if (this.#indexFile === undefined) return Known.read(this.#file, { until: this.#until });
    if (this.#mayWrite()) this.#news = new LineIndexBuilder();
    this.#index = LineIndex.open(this.#indexFile, this.#file);
    if (this.#index !== undefined) return new SoughtTrace(this.#file, this.#index, this.#news);
    return Known.read(this.#file, { index: this.#news });
  }

  /** For who goes through all of it. */
  get #whole(): Known {
    const read = (this.#read ??= this.#open());
    if (read instanceof Known) return read;
    const known = Known.read(this.#file, { end: read.end });
    for (const line of this.#taken) known.take(line);
    return (this.#read = known);
  }

  /** The run's own result for a core key, unless it was cleaned away. */
  find(core: Digest): KnownResult | undefined {
    return this.#known.find(core);
  }

  /** When the key was cleaned away, if nothing has been computed for it since. */
  cleanedAt(core: Digest): number | undefined {
    return this.find(core) === undefined ? this.#known.cleanedOf(core)?.when : undefined;
  }
  /** What was known before it was cleaned away: for estimates of time and money. */
  cleanedResult(core: Digest): KnownResult | undefined {
    return this.find(core) === undefined ? this.#known.cleanedOf(core)?.known : undefined;
  }
  /** What is known of a key, cleaned away or not: a clean says that it is to be made anew, not that it was never so. */
  known(core: Digest): KnownResult | undefined {
    return this.find(core) ?? this.cleanedResult(core);
  }
  lastCleanOf(target: string): number | undefined {
    return this.#known.cleanTimes.get(target);
  }

  /** Answers to paid calls from before this time are hidden from the run. */
  callsHiddenBefore(): number {
    return this.#known.callsHiddenBefore;
  }

  recordOf(core: Digest): ActionRecord | undefined {
    return this.#known.recordLineOf(core)?.rec;
  }
  optionsOf(core: Digest): RecordedOptions {
    return this.#known.recordLineOf(core)?.o ?? {};
  }
  /** Secrets that any of its actions was given. */
  secretNames(): readonly string[] {
    return [...new Set([...this.#whole.records.values()].flatMap((record) => record.line?.o?.secrets ?? []))];
  }

  /** The key of what was taken as given for the target, by where it came from. */
  spliceOf(target: string, from: string): Digest | undefined {
    return this.#known.splices.get(`${target}/${from}`);
  }

  /** Where the result of a key was taken from, if it is another run's. */
  splicedFrom(target: string, core: Digest): string | undefined {
    for (const [name, given] of this.#known.splices)
      if (given === core && name.startsWith(`${target}/`)) return name.slice(target.length + 1);
    return undefined;
  }

  /** What was accepted of the target, oldest first. */
  acceptancesOf(target: string): readonly Acceptance[] {
    return this.#known.acceptances.get(target) ?? [];
  }

  /** The acceptances on which the target's outputs rest, those of its last standing if nothing is said: none once all of it was made anew. */
  acceptancesInForce(target: string, last: Keys | undefined = this.lastStandingOf(target)): readonly Acceptance[] {
    const all = this.acceptancesOf(target);
    if (all.length === 0 || last === undefined) return [];
    const isKept = (core: Digest | undefined) =>
      core !== undefined && this.#whole.results.get(core)?.accepted !== undefined;
    if (isKept(last.core) || isKept(last.split)) return all;
    for (const known of this.#whole.results.values())
      if (known.accepted !== undefined && known.template !== undefined && last.templates.includes(known.template))
        return all;
    return [];
  }

  /** Every target that has stood on a result. */
  targets(): readonly string[] {
    return [...this.#whole.standing.keys()];
  }

  /** The item recipes whose template has had the key. */
  recipesOf(template: Digest): ReadonlySet<string> {
    return this.#known.recipesOf(template);
  }

  /** The last record of a part (of an item recipe, by name), other than `except`. */
  lastRecord(target: string, part: Part, recipe: string | undefined, except?: Digest): ActionRecord | undefined {
    return this.#known.lastRecord(partName(target, part, recipe), except);
  }

  /**
   * The record of a part behind the target's present outputs. Of a target that has another name now, too: it stands on the keys of old. What was
   * tried since and failed is not what it has.
   */
  standingRecord(target: string, part: Part, recipe: string | undefined): ActionRecord | undefined {
    const standing = this.lastStandingOf(target);
    if (standing === undefined) return undefined;
    if (part === "split") return standing.split === undefined ? undefined : this.recordOf(standing.split);
    if (part !== "item") {
      const record = this.recordOf(standing.core);
      return record?.part === part ? record : undefined;
    }
    const own = standing.templates.findLast((core) => this.recipesOf(core).has(recipe!));
    return own === undefined ? undefined : this.recordOf(own);
  }

  /** What an arm was called when it was last read. */
  armName(id: string): string | undefined {
    return this.#known.armNames.get(id);
  }

  /** The keys on which the target's outputs stand, newest last. */
  standingOf(target: string): readonly Standing[] {
    return this.#known.standingOf(target);
  }

  lastStandingOf(target: string): Standing | undefined {
    return this.#known.lastStandingOf(target);
  }

  /** Where the content of a source file was, and its size. */
  sourceOf(digest: Digest): SourceSeen | undefined {
    return this.#known.sourceOf(digest);
  }

  /** The digest of what exp last put at a path of the run's folder. */
  placedAt(path: string): Digest | undefined {
    return this.#known.placedAt(path);
  }

  /** What exp left with others of what belongs at a path of the run's folder. */
  leftAt(path: string): LeftContent | undefined {
    return this.#known.leftAt(path);
  }

  *results(): Iterable<readonly [core: Digest, known: KnownResult]> {
    for (const [core, known] of this.#whole.results) {
      const result = resultOf(known);
      if (result !== undefined) yield [core, result];
    }
  }

  /** What a clean of the target hides: its own results, and those that an equal target computed and it stands on too. */
  *resultsBehind(target: string): Iterable<readonly [core: Digest, known: KnownResult]> {
    for (const [core, known] of this.#whole.behind(target)) {
      const result = resultOf(known);
      if (result !== undefined) yield [core, result];
    }
  }

  /** Results, cleaned ones too: those are to be made anew, and were made all the same. */
  *allResults(): Iterable<readonly [core: Digest, known: KnownResult]> {
    yield* this.results();
    for (const [core, { known }] of this.#whole.cleaned) {
      const result = this.find(core) === undefined ? resultOf(known) : undefined;
      if (result !== undefined) yield [core, result];
    }
  }

  /** Results of the target's items, cleaned ones too. */
  *itemResultsOf(target: string): Iterable<ActionResult> {
    const cleaned = [...this.#whole.cleaned].flatMap(([core, { known }]) =>
      this.find(core) === undefined ? [known] : [],
    );
    for (const known of [...this.#whole.results.values(), ...cleaned]) {
      const result = known.target === target && known.part === "item" ? known.late.line?.r : undefined;
      if (result !== undefined) yield result;
    }
  }

  append(line: TraceLine): void {
    if (this.#known.isEmpty) this.#write({ v: traceFormat });
    this.#take(line);
    this.#write(line);
  }

  /** Takes a line of an acceptance: it counts at once, and is written by `keepHeld` or not at all. */
  hold(line: TraceLine): void {
    this.#take(line);
    this.#held.push(line);
  }

  #take(line: TraceLine): void {
    this.#known.take(line);
    if (this.#read instanceof SoughtTrace) this.#taken.push(line);
  }

  #write(line: TraceLine): void {
    const offset = this.#log.append(line);
    if (this.#news !== undefined) for (const key of keysOfLine(line)) this.#news.add(key, offset);
  }

  /** Writes what is held, the words of who accepted first and durably: no crash leaves a result that counts and no word of why. Returns as `commit`. */
  async keepHeld(): Promise<boolean> {
    const held = this.#held.splice(0);
    for (const line of held) if ("accepted" in line) this.#write(line);
    if (!(await this.commit())) return false;
    for (const line of held) if (!("accepted" in line)) this.#write(line);
    return this.commit();
  }

  /** Durable when it returns true. False: the run was taken over, and nothing was written. */
  async commit(): Promise<boolean> {
    let isWritten = false;
    try {
      isWritten = await this.#log.commit();
    } finally {
      // Where the lines lie that come next is not known then.
      if (!isWritten) this.#news = undefined;
    }
    return isWritten;
  }

  close(): void {
    const isLost = this.#dropIfLost();
    this.#log.close();
    if (!isLost) this.#keepIndex();
    this.#index?.close();
    this.#index = undefined;
  }

  #keepIndex(): void {
    const known = this.#index?.size ?? 0;
    const news = this.#news?.size ?? 0;
    if (news === 0 || known + news < this.#indexFrom || news < known * missingPart) return;
    this.#news!.save(this.#indexFile!, this.#file, { earlier: this.#index });
  }

  /** Lines that wait when the run is lost must not reach a log that another build writes by now. */
  #dropIfLost(): boolean {
    if (this.#mayWrite()) return false;
    this.#log.drop();
    this.#news = undefined;
    return true;
  }
}

// A trace of which an index knows where the lines of each key lie: a line is read when its key is asked for. What has come since the index was written
// is held here. What the lines of a key mean together is found by going through them in order, as `Known` goes through all.

import type { Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../planning/fingerprint/action-key.ts";
import { parseLine, readTextLines } from "../../util/append-log.ts";
import type { LineIndex, LineIndexBuilder } from "../../util/line-index.ts";
import type { RecordLine, ResultLine } from "./late-lines.ts";
import {
  Known,
  refuseNewerRecord,
  standingIn,
  type KnownResult,
  type LeftContent,
  type Standing,
} from "./trace-known.ts";
import type { Acceptance, SourceSeen, TraceLine } from "./trace-lines.ts";
import { keyOf, keysOfLine, type Cleaned, type TraceLookup } from "./trace-lookup.ts";

type CleanLine = Extract<TraceLine, { clean: number }>;
type OutputLine = Extract<TraceLine, { out: string }>;
type AcceptedLine = Extract<TraceLine, { as: Digest }>;

/** A line, and where it comes among the others. */
interface Placed<Line> {
  readonly at: number;
  readonly line: Line;
}

/** What a clean takes back beside the target's own results. */
interface Hidden {
  readonly cores: ReadonlySet<Digest>;
  readonly templates: ReadonlySet<Digest>;
}

/** Whoever has asked for so large a part of all lines asks for the rest as well, and it is quicker to read them all in turn. */
const manyAsked = 1 / 16;
/** So few are read one by one in any case. */
const fewLines = 1_000;

export class SoughtTrace implements TraceLookup {
  /** How many bytes of the log were there when it was opened. */
  readonly end: number;
  readonly #file: string;
  readonly #index: LineIndex;
  /** By offset, those that were asked for: mostly not for the last time. */
  readonly #lines = new Map<number, TraceLine>();
  readonly #since = new Map<string, Placed<TraceLine>[]>();
  /** Holds rare lines only. */
  readonly #rare: Known;
  readonly #cleans: Placed<CleanLine>[] = [];
  readonly #hasLeft: boolean;
  readonly #hidden = new Map<CleanLine, Hidden>();
  #next: number;
  #asked = 0;

  /** `news` is told of each line that the index lacks. */
  constructor(file: string, index: LineIndex, news: LineIndexBuilder | undefined) {
    this.#file = file;
    this.#index = index;
    this.#rare = Known.empty(file);
    this.#hasLeft = index.offsetsOf(keyOf.left).length > 0;
    this.#rare.isEmpty = index.end === 0;
    this.#next = index.end;
    for (const { at, line } of this.#linesOf(keyOf.rare)) this.#takeRare(at, line);
    for (const { text, offset } of readTextLines(file, index.end)) {
      this.#next = offset + Buffer.byteLength(text) + 1;
      const line = parseLine<TraceLine>(text);
      if (line === undefined) continue;
      this.#takeAt(offset, line);
      if (news !== undefined) for (const key of keysOfLine(line)) news.add(key, offset);
    }
    this.end = this.#next;
  }

  /** So many lines are going to be asked for. */
  expect(lines: number): void {
    this.#asked += lines;
  }

  /** Whether it would be better to read all of it. */
  get isAskedForMuch(): boolean {
    return this.#asked > Math.max(fewLines, this.#index.size * manyAsked);
  }

  get isEmpty(): boolean {
    return this.#rare.isEmpty;
  }
  get callsHiddenBefore(): number {
    return this.#rare.callsHiddenBefore;
  }
  get armNames(): ReadonlyMap<string, string> {
    return this.#rare.armNames;
  }
  get cleanTimes(): ReadonlyMap<string, number> {
    return this.#rare.cleanTimes;
  }
  get splices(): ReadonlyMap<string, Digest> {
    return this.#rare.splices;
  }
  get acceptances(): ReadonlyMap<string, readonly Acceptance[]> {
    return this.#rare.acceptances;
  }

  find(core: Digest): KnownResult | undefined {
    return this.#stand(core, Infinity).now;
  }

  cleanedOf(core: Digest): Cleaned | undefined {
    return this.#stand(core, Infinity).cleaned;
  }

  recordLineOf(core: Digest): RecordLine | undefined {
    return this.#last(keyOf.record(core), (line) => this.#asRecord(line, core))?.line;
  }

  lastRecord(part: string, except: Digest | undefined): ActionRecord | undefined {
    const last =
      except === undefined ? undefined : this.#last(keyOf.record(except), (line) => this.#asRecord(line, except))?.at;
    const key = keyOf.part(part);
    return this.#last(key, (line, at) =>
      at !== last && keysOfLine(line).includes(key) ? this.#asRecord(line) : undefined,
    )?.line.rec;
  }

  recipesOf(template: Digest): ReadonlySet<string> {
    const lines = this.#linesOf(keyOf.record(template)).map(({ line }) => this.#asRecord(line, template));
    return new Set(lines.flatMap((line) => line?.n ?? []));
  }

  standingOf(target: string): readonly Standing[] {
    return this.#standingBefore(target, Infinity);
  }

  lastStandingOf(target: string): Standing | undefined {
    return this.#last(keyOf.standing(target), (line) => standingOfTarget(line, target))?.line;
  }

  placedAt(path: string): Digest | undefined {
    const line = this.#lastOutput(path);
    return line === undefined || "left" in line ? undefined : line.d;
  }

  leftAt(path: string): LeftContent | undefined {
    if (!this.#hasLeft && !this.#since.has(keyOf.left)) return undefined;
    const line = this.#lastOutput(path);
    return line === undefined || !("left" in line) ? undefined : { digest: line.left, at: line.at };
  }

  #lastOutput(path: string): OutputLine | undefined {
    return this.#last(keyOf.placed(path), (line) => ("out" in line && line.out === path ? line : undefined))?.line;
  }

  sourceOf(digest: Digest): SourceSeen | undefined {
    const seenIn = (line: TraceLine) => ("src" in line ? line.src.findLast(([own]) => own === digest) : undefined);
    return this.#last(keyOf.source(digest), seenIn)?.line;
  }

  take(line: TraceLine): void {
    this.#takeAt(this.#next++, line);
  }

  #takeAt(at: number, line: TraceLine): void {
    this.#rare.isEmpty = false;
    if ("rec" in line) refuseNewerRecord(line.rec.format, this.#file);
    for (const key of keysOfLine(line)) {
      if (key === keyOf.rare) {
        this.#takeRare(at, line);
        continue;
      }
      const known = this.#since.get(key);
      if (known === undefined) this.#since.set(key, [{ at, line }]);
      else known.push({ at, line });
    }
  }

  #takeRare(at: number, line: TraceLine): void {
    this.#rare.take(line);
    if ("clean" in line) this.#cleans.push({ at, line });
  }

  /** Whole lines that may be about the key, in order; other keys may have the same hash. */
  #linesOf(key: string): readonly Placed<TraceLine>[] {
    const kept = this.#index.offsetsOf(key).flatMap((at) => {
      const line = this.#lineAt(at);
      return line === undefined ? [] : [{ at, line }];
    });
    return [...kept, ...(this.#since.get(key) ?? [])];
  }

  /** The last of them that is one of those meant: of the many that a key may have, mostly one is read. */
  #last<Meant>(
    key: string,
    meant: (line: TraceLine, at: number) => Meant | undefined,
  ): { readonly at: number; readonly line: Meant } | undefined {
    for (const { at, line } of (this.#since.get(key) ?? []).toReversed()) {
      const found = meant(line, at);
      if (found !== undefined) return { at, line: found };
    }
    for (const at of this.#index.offsetsOf(key).toReversed()) {
      const line = this.#lineAt(at);
      const found = line === undefined ? undefined : meant(line, at);
      if (found !== undefined) return { at, line: found };
    }
    return undefined;
  }

  /** Undefined: it was torn by a crash. */
  #lineAt(at: number): TraceLine | undefined {
    const known = this.#lines.get(at);
    if (known !== undefined) return known;
    this.#asked++;
    const line = parseLine<TraceLine>(this.#index.lineAt(at));
    if (line !== undefined) this.#lines.set(at, line);
    return line;
  }

  #asRecord(line: TraceLine, core?: Digest): RecordLine | undefined {
    if (!("rec" in line) || (core !== undefined && line.c !== core)) return undefined;
    refuseNewerRecord(line.rec.format, this.#file);
    return line;
  }

  #standingBefore(target: string, before: number): readonly Standing[] {
    return this.#linesOf(keyOf.standing(target)).flatMap(({ at, line }) =>
      at < before ? (standingOfTarget(line, target) ?? []) : [],
    );
  }

  /** How it stood with a core key after the lines before `before`. */
  #stand(core: Digest, before: number): { readonly now?: KnownResult; readonly cleaned?: Cleaned } {
    const results = this.#linesOf(keyOf.result(core)).filter(
      (placed): placed is Placed<ResultLine | AcceptedLine> =>
        ("r" in placed.line || "as" in placed.line) && placed.line.c === core,
    );
    let now: KnownResult | undefined;
    let cleaned: Cleaned | undefined;
    const all = this.#cleans.length === 0 ? results : [...results, ...this.#cleans].sort((a, b) => a.at - b.at);
    for (const { at, line } of all) {
      if (at >= before) break;
      if ("clean" in line) {
        if (now === undefined || !this.#hides(line, at, core, now)) continue;
        cleaned = { when: line.clean, known: now };
        now = undefined;
      } else if ("as" in line) now = acceptedFrom(line, this.#stand(line.as, at).now) ?? now;
      else now = resultFrom(line);
    }
    return { ...(now !== undefined && { now }), ...(cleaned !== undefined && { cleaned }) };
  }

  #hides(clean: CleanLine, at: number, core: Digest, { target, template }: KnownResult): boolean {
    let hidden = this.#hidden.get(clean);
    if (hidden === undefined) {
      const standing = this.#standingBefore(clean.t, at);
      const cores = standing.flatMap((one) => (one.split === undefined ? [one.core] : [one.core, one.split]));
      hidden = { cores: new Set(cores), templates: new Set(standing.flatMap(({ templates }) => templates)) };
      this.#hidden.set(clean, hidden);
    }
    return target === clean.t || hidden.cores.has(core) || (template !== undefined && hidden.templates.has(template));
  }
}

function standingOfTarget(line: TraceLine, target: string): Standing | undefined {
  return "now" in line && line.t === target ? standingIn(line) : undefined;
}

function resultFrom({ t, p, k, r, how, b, m, l }: ResultLine): KnownResult {
  return { target: t, part: p, key: k, result: r, how, build: b, template: m, label: l };
}

/** The result of another key, as it counts for the key of the line. Undefined: its line was torn, and nothing is kept. */
function acceptedFrom({ t, p, k, m, l, as }: AcceptedLine, known: KnownResult | undefined): KnownResult | undefined {
  if (known === undefined) return undefined;
  return { ...known, target: t, part: p, key: k, template: m, label: l, madeFor: known.madeFor ?? as };
}

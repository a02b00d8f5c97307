// What the lines of a trace say together: the last word on each key, and what a clean or a torn line takes back. Parses a line when it is asked for.

import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { FailureError, newerFormat } from "../../model/failure.ts";
import { recordFormat, type ActionRecord } from "../../planning/fingerprint/action-key.ts";
import { parseLine, readTextLines } from "../../util/append-log.ts";
import type { LineIndexBuilder } from "../../util/line-index.ts";
import { keysOfFront, keysOfLine, partName, type Cleaned, type TraceLookup } from "./trace-lookup.ts";
import {
  frontOf,
  Late,
  shortLineOf,
  type Front,
  type RecordLine,
  type ResultLine,
  type SourceLine,
} from "./late-lines.ts";
import { traceFormat, type Acceptance, type Part, type SourceSeen, type TraceLine } from "./trace-lines.ts";

export interface KnownResult {
  readonly target: string;
  readonly part: Part;
  readonly key: Digest;
  readonly result: ActionResult;
  readonly how: "computed" | "cached";
  readonly build: number;
  readonly template: Digest | undefined;
  readonly label: string | undefined;
  /** The key that it was made for, if another was accepted in its place. */
  readonly madeFor?: Digest;
}

/** The keys behind a target's outputs. */
export interface Keys {
  readonly core: Digest;
  readonly split: Digest | undefined;
  /** Of a fan-out: the core keys of its items' templates. */
  readonly templates: readonly Digest[];
}

/** On what a target's outputs stood at a time. */
export interface Standing extends Keys {
  readonly build: number;
  readonly at: number;
}

/** A result by what an index has to know of it; the rest is parsed when it is asked for. */
export interface Indexed {
  readonly target: string;
  readonly part: Part;
  readonly build: number;
  readonly template: Digest | undefined;
  readonly late: Late<ResultLine>;
  /** Of an accepted result: what the line that accepted it says instead. */
  readonly accepted?: { readonly key: Digest; readonly label: string | undefined; readonly madeFor: Digest };
}

/** Content that belongs to an output and was left with others: where it lies, in words. */
export interface LeftContent {
  readonly digest: Digest;
  readonly at: string;
}

/** What the lines say together. */
export class Known implements TraceLookup {
  readonly #file: string;
  readonly results = new Map<Digest, Indexed>();
  /** Also of keys that have a newer line: that may turn out to be torn. */
  readonly cleaned = new Map<Digest, { readonly when: number; readonly known: Indexed }>();
  readonly records = new Map<Digest, Late<RecordLine>>();
  /** Records by `target/part` or `target/item/recipe`, oldest first. */
  readonly last = new Map<string, Late<RecordLine>[]>();
  readonly standing = new Map<string, Standing[]>();
  /** By path: what lies there, and what was left with others and where. */
  readonly placed = new Map<string, Digest>();
  readonly left = new Map<string, LeftContent>();
  readonly sources = new Map<Digest, SourceSeen>();
  /** Of those, lines that nobody has asked for. */
  readonly sourceLines: Late<SourceLine>[] = [];
  readonly splices = new Map<string, Digest>();
  readonly acceptances = new Map<string, Acceptance[]>();
  readonly armNames = new Map<string, string>();
  /** Of templates: the names of the item recipes that have had the key. */
  readonly recipes = new Map<Digest, Set<string>>();
  readonly cleanTimes = new Map<string, number>();
  callsHiddenBefore = 0;
  isEmpty = true;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Of the bytes before `end`, as it was after build number `until`. `index` is told of each line. */
  static read(file: string, { until = Infinity, end = Infinity, index }: KnownOptions = {}): Known {
    const known = new Known(file);
    known.#readAll(until, end, index);
    return known;
  }

  /** Of nothing yet. */
  static empty(file: string): Known {
    return new Known(file);
  }

  #readAll(until: number, before: number, index: LineIndexBuilder | undefined): void {
    for (const { text, offset } of readTextLines(this.#file, 0, before)) {
      const front = frontOf(text);
      if (front !== undefined) {
        if (front.build > until) break;
        this.isEmpty = false;
        if (index !== undefined) for (const key of keysOfFront(front)) index.add(key, offset);
        if (front.kind === "result") {
          // What was accepted says more than the line of its result: what is to come over it is parsed at once, as it may be torn.
          const isOverAccepted = this.results.get(front.core)?.accepted !== undefined;
          if (isOverAccepted && parseLine(text) === undefined) continue;
          const late = Late.text<ResultLine>(text, this.results.get(front.core)?.late);
          this.results.set(front.core, { ...front, late });
        } else this.#takeRecord(front, Late.text<RecordLine>(text, this.records.get(front.core)));
        continue;
      }
      if (text.startsWith(sourcesFront)) {
        const late = Late.text<SourceLine>(text, undefined);
        this.sourceLines.push(late);
        if (index !== undefined && late.line !== undefined)
          for (const key of keysOfLine(late.line)) index.add(key, offset);
        continue;
      }
      const line = shortLineOf(text) ?? parseLine<TraceLine>(text);
      if (line === undefined) continue;
      if ("b" in line && line.b > until) break;
      this.take(line);
      if (index !== undefined) for (const key of keysOfLine(line)) index.add(key, offset);
    }
  }

  /** What a clean of the target hides. */
  *behind(target: string): Iterable<readonly [core: Digest, known: Indexed]> {
    const standing = this.standing.get(target) ?? [];
    const cores = new Set(standing.flatMap(({ core, split }) => (split === undefined ? [core] : [core, split])));
    const templates = new Set(standing.flatMap((one) => one.templates));
    for (const entry of this.results) {
      const [core, known] = entry;
      const isBehind = cores.has(core) || (known.template !== undefined && templates.has(known.template));
      if (known.target === target || isBehind) yield entry;
    }
  }

  find(core: Digest): KnownResult | undefined {
    const known = this.results.get(core);
    return known === undefined ? undefined : resultOf(known);
  }

  cleanedOf(core: Digest): Cleaned | undefined {
    const cleaned = this.cleaned.get(core);
    return cleaned === undefined ? undefined : { when: cleaned.when, known: resultOf(cleaned.known) };
  }

  recordLineOf(core: Digest): RecordLine | undefined {
    return this.records.get(core)?.line;
  }

  lastRecord(part: string, except: Digest | undefined): ActionRecord | undefined {
    const last = except === undefined ? undefined : this.records.get(except);
    return this.last.get(part)?.findLast((record) => record !== last && record.line !== undefined)?.line?.rec;
  }

  recipesOf(template: Digest): ReadonlySet<string> {
    return this.recipes.get(template) ?? new Set();
  }

  standingOf(target: string): readonly Standing[] {
    return this.standing.get(target) ?? [];
  }

  lastStandingOf(target: string): Standing | undefined {
    return this.standing.get(target)?.at(-1);
  }

  placedAt(path: string): Digest | undefined {
    return this.placed.get(path);
  }

  leftAt(path: string): LeftContent | undefined {
    return this.left.get(path);
  }

  sourceOf(digest: Digest): SourceSeen | undefined {
    for (const late of this.sourceLines.splice(0))
      for (const seen of late.line?.src ?? []) this.sources.set(seen[0], seen);
    return this.sources.get(digest);
  }

  take(line: TraceLine): void {
    this.isEmpty = false;
    if ("v" in line) return refuseNewer(line.v, this.#file);
    if ("out" in line) return this.#takeOutput(line);
    if ("src" in line) return void this.sourceLines.push(Late.of(line));
    if ("arms" in line) {
      for (const [id, name] of line.arms) this.armNames.set(id, name);
      return;
    }
    if ("clean" in line) return this.#takeClean(line);
    if ("accepted" in line) {
      this.acceptances.set(line.t, [...(this.acceptances.get(line.t) ?? []), line.accepted]);
      return;
    }
    if ("as" in line) return this.#takeAccepted(line);
    if ("spliced" in line) return void this.splices.set(`${line.t}/${line.spliced}`, line.c);
    if ("now" in line) {
      const known = this.standing.get(line.t);
      if (known === undefined) this.standing.set(line.t, [standingIn(line)]);
      else known.push(standingIn(line));
      return;
    }
    if ("rec" in line) {
      refuseNewerRecord(line.rec.format, this.#file);
      return this.#takeRecord({ target: line.t, part: line.rec.part, core: line.c, recipe: line.n }, Late.of(line));
    }
    const { t: target, p: part, b: build, m: template } = line;
    this.results.set(line.c, { target, part, build, template, late: Late.of(line) });
  }

  #takeRecord(
    { target, part, core, recipe }: Pick<Extract<Front, { kind: "record" }>, "target" | "part" | "core" | "recipe">,
    record: Late<RecordLine>,
  ): void {
    this.records.set(core, record);
    if (recipe !== undefined) {
      const recipes = this.recipes.get(core);
      if (recipes === undefined) this.recipes.set(core, new Set([recipe]));
      else recipes.add(recipe);
    }
    const name = partName(target, part, recipe);
    const history = this.last.get(name);
    if (history === undefined) this.last.set(name, [record]);
    else history.push(record);
  }

  #takeOutput(line: Extract<TraceLine, { readonly out: string }>): void {
    if ("left" in line) {
      this.placed.delete(line.out);
      this.left.set(line.out, { digest: line.left, at: line.at });
    } else {
      this.left.delete(line.out);
      this.placed.set(line.out, line.d);
    }
  }

  #takeAccepted({ t, p, c, k, as, m, l }: Extract<TraceLine, { as: Digest }>): void {
    const known = this.results.get(as);
    if (known === undefined) return; // Its line was torn: then nothing is kept, and the target is made anew.
    const madeFor = known.accepted?.madeFor ?? as;
    const { build, late } = known;
    this.results.set(c, {
      target: t,
      part: p,
      build,
      template: m,
      late,
      accepted: { key: k, label: l, madeFor },
    });
  }

  #takeClean(line: Extract<TraceLine, { clean: number }>): void {
    this.cleanTimes.set(line.t, line.clean);
    if (line.calls === true) this.callsHiddenBefore = Math.max(this.callsHiddenBefore, line.clean);
    for (const [core, known] of this.behind(line.t)) {
      this.results.delete(core);
      this.cleaned.set(core, { when: line.clean, known });
    }
  }
}

interface KnownOptions {
  readonly until?: number;
  readonly end?: number;
  readonly index?: LineIndexBuilder | undefined;
}

const sourcesFront = '{"src":[';

/** Undefined: its line was torn, and nothing was known before it. */
export function resultOf({ target, part, build, template, late, accepted }: Indexed): KnownResult | undefined {
  const { line } = late;
  if (line === undefined) return undefined;
  const { r: result, how } = line;
  const shared = { target, part, result, how, build, template };
  if (accepted === undefined) return { ...shared, key: line.k, label: line.l };
  return { ...shared, ...accepted };
}

/** For all who read traces. `v`: the format that the first line says. */
export function refuseNewer(v: number, file: string): void {
  if (v > traceFormat) throw new FailureError([newerFormat("the trace", v, traceFormat, file)]);
}

export function refuseNewerRecord(format: number, file: string): void {
  if (format > recordFormat) throw new FailureError([newerFormat("a record of the trace", format, recordFormat, file)]);
}

/** What a line says of where its target stands. */
export function standingIn({ now, s, m, b, at }: Extract<TraceLine, { now: Digest }>): Standing {
  return { core: now, split: s, templates: m ?? [], build: b, at };
}

// The run's own trace: what each of its actions read and made, for every build. It decides what the run's outputs are; caches only offer.
// An append-only log; the last word on a key counts. Kept outside of cache/, because it cannot be recomputed.

import { join } from "node:path";
import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { FailureError, newerFormat } from "../../model/failure.ts";
import { recordFormat, type ActionRecord } from "../../planning/fingerprint/action-key.ts";
import { AppendLog, parseLine, readTextLines } from "../../util/append-log.ts";
import {
  frontOf,
  Late,
  shortLineOf,
  type Front,
  type RecordLine,
  type ResultLine,
  type SourceLine,
} from "./late-lines.ts";
import {
  traceFormat,
  type Acceptance,
  type Part,
  type RecordedOptions,
  type SourceSeen,
  type TraceLine,
} from "./trace-lines.ts";

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

/** On what a target's outputs stood at a time. */
/** The keys behind a target's outputs. */
export interface Keys {
  readonly core: Digest;
  readonly split: Digest | undefined;
  /** Of a fan-out: the core keys of its items' templates. */
  readonly templates: readonly Digest[];
}

export interface Standing extends Keys {
  readonly build: number;
  readonly at: number;
}

/** A result by what an index has to know of it; the rest is parsed when it is asked for. */
interface Indexed {
  readonly target: string;
  readonly part: Part;
  readonly build: number;
  readonly template: Digest | undefined;
  readonly late: Late<ResultLine>;
  /** Of an accepted result: what the line that accepted it says instead. */
  readonly accepted?: { readonly key: Digest; readonly label: string | undefined; readonly madeFor: Digest };
}

/** What the lines say together. */
class Known {
  readonly results = new Map<Digest, Indexed>();
  /** Also of keys that have a newer line: that may turn out to be torn. */
  readonly cleaned = new Map<Digest, { readonly when: number; readonly known: Indexed }>();
  readonly records = new Map<Digest, Late<RecordLine>>();
  /** Records by `target/part` or `target/item/recipe`, oldest first. */
  readonly last = new Map<string, Late<RecordLine>[]>();
  readonly standing = new Map<string, Standing[]>();
  readonly placed = new Map<string, Digest>();
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
}

export class Trace {
  readonly #file: string;
  readonly #log: AppendLog<TraceLine>;
  readonly #mayWrite: () => boolean;
  readonly #until: number;
  #read: Known | undefined;
  readonly #held: TraceLine[] = [];

  /** `mayWrite`: whether the run is still ours. Who only reads need not hold it. `until`: as it was after that build; then nothing may be written. */
  constructor(runFolder: string, mayWrite: () => boolean = () => false, until = Infinity) {
    this.#file = join(runFolder, "trace", "trace.jsonl");
    this.#mayWrite = mayWrite;
    this.#log = new AppendLog(this.#file);
    this.#until = until;
  }

  /** Read when something is first asked: who is told that all is as it was need not know what it was. */
  get #known(): Known {
    if (this.#read !== undefined) return this.#read;
    this.#read = new Known();
    try {
      this.#readAll();
    } catch (error) {
      // Half of it is not what anybody asked for.
      this.#read = undefined;
      throw error;
    }
    return this.#read;
  }

  #readAll(): void {
    for (const text of readTextLines(this.#file)) {
      const front = frontOf(text);
      if (front !== undefined) {
        if (front.build > this.#until) break;
        this.#known.isEmpty = false;
        if (front.kind === "result") {
          // What was accepted says more than the line of its result: what is to come over it is parsed at once, as it may be torn.
          const isOverAccepted = this.#known.results.get(front.core)?.accepted !== undefined;
          if (isOverAccepted && parseLine(text) === undefined) continue;
          const late = Late.text<ResultLine>(text, this.#known.results.get(front.core)?.late);
          this.#known.results.set(front.core, { ...front, late });
        } else this.#takeRecord(front, Late.text<RecordLine>(text, this.#known.records.get(front.core)));
        continue;
      }
      if (text.startsWith(sourcesFront)) {
        this.#known.sourceLines.push(Late.text(text, undefined));
        continue;
      }
      const line = shortLineOf(text) ?? parseLine<TraceLine>(text);
      if (line === undefined) continue;
      if ("b" in line && line.b > this.#until) break;
      this.#take(line);
    }
  }

  /** The run's own result for a core key, unless it was cleaned away. */
  find(core: Digest): KnownResult | undefined {
    const known = this.#known.results.get(core);
    return known === undefined ? undefined : resultOf(known);
  }

  /** When the key was cleaned away, if nothing has been computed for it since. */
  cleanedAt(core: Digest): number | undefined {
    return this.find(core) === undefined ? this.#known.cleaned.get(core)?.when : undefined;
  }
  /** What was known before it was cleaned away: for estimates of time and money. */
  cleanedResult(core: Digest): KnownResult | undefined {
    const known = this.#known.cleaned.get(core)?.known;
    return known === undefined || this.find(core) !== undefined ? undefined : resultOf(known);
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
    return this.#known.records.get(core)?.line?.rec;
  }
  optionsOf(core: Digest): RecordedOptions {
    return this.#known.records.get(core)?.line?.o ?? {};
  }
  /** Secrets that any of its actions was given. */
  secretNames(): readonly string[] {
    return [...new Set([...this.#known.records.values()].flatMap((record) => record.line?.o?.secrets ?? []))];
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
  acceptancesInForce(target: string, last: Keys | undefined = this.standingOf(target).at(-1)): readonly Acceptance[] {
    const all = this.acceptancesOf(target);
    if (all.length === 0 || last === undefined) return [];
    const isKept = (core: Digest | undefined) =>
      core !== undefined && this.#known.results.get(core)?.accepted !== undefined;
    if (isKept(last.core) || isKept(last.split)) return all;
    for (const known of this.#known.results.values())
      if (known.accepted !== undefined && known.template !== undefined && last.templates.includes(known.template))
        return all;
    return [];
  }

  /** Every target that has stood on a result. */
  targets(): readonly string[] {
    return [...this.#known.standing.keys()];
  }

  /** The item recipes whose template has had the key. */
  recipesOf(template: Digest): ReadonlySet<string> {
    return this.#known.recipes.get(template) ?? new Set();
  }

  /** The last record of a part (of an item recipe, by name), other than `except`. */
  lastRecord(target: string, part: Part, recipe: string | undefined, except?: Digest): ActionRecord | undefined {
    const history = this.#known.last.get(partName(target, part, recipe)) ?? [];
    const last = except === undefined ? undefined : this.#known.records.get(except);
    return history.findLast((record) => record !== last && record.line !== undefined)?.line?.rec;
  }

  /**
   * The record of a part behind the target's present outputs. Of a target that has another name now, too: it stands on the keys of old. What was
   * tried since and failed is not what it has.
   */
  standingRecord(target: string, part: Part, recipe: string | undefined): ActionRecord | undefined {
    const standing = this.standingOf(target).at(-1);
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
    return this.#known.standing.get(target) ?? [];
  }

  /** Where the content of a source file was, and its size. */
  sourceOf(digest: Digest): SourceSeen | undefined {
    for (const late of this.#known.sourceLines.splice(0))
      for (const seen of late.line?.src ?? []) this.#known.sources.set(seen[0], seen);
    return this.#known.sources.get(digest);
  }

  /** The digest of what exp last put at a path of the run's folder. */
  placedAt(path: string): Digest | undefined {
    return this.#known.placed.get(path);
  }

  *results(): Iterable<readonly [core: Digest, known: KnownResult]> {
    for (const [core, known] of this.#known.results) {
      const result = resultOf(known);
      if (result !== undefined) yield [core, result];
    }
  }

  /** What a clean of the target hides: its own results, and those that an equal target computed and it stands on too. */
  *resultsBehind(target: string): Iterable<readonly [core: Digest, known: KnownResult]> {
    for (const [core, known] of this.#behind(target)) {
      const result = resultOf(known);
      if (result !== undefined) yield [core, result];
    }
  }

  *#behind(target: string): Iterable<readonly [core: Digest, known: Indexed]> {
    const standing = this.standingOf(target);
    const cores = new Set(standing.flatMap(({ core, split }) => (split === undefined ? [core] : [core, split])));
    const templates = new Set(standing.flatMap((one) => one.templates));
    for (const entry of this.#known.results) {
      const [core, known] = entry;
      const isBehind = cores.has(core) || (known.template !== undefined && templates.has(known.template));
      if (known.target === target || isBehind) yield entry;
    }
  }

  /** Results of the target's items, cleaned ones too. */
  *itemResultsOf(target: string): Iterable<ActionResult> {
    const cleaned = [...this.#known.cleaned].flatMap(([core, { known }]) =>
      this.find(core) === undefined ? [known] : [],
    );
    for (const known of [...this.#known.results.values(), ...cleaned]) {
      const result = known.target === target && known.part === "item" ? known.late.line?.r : undefined;
      if (result !== undefined) yield result;
    }
  }

  append(line: TraceLine): void {
    if (this.#known.isEmpty) this.#log.append({ v: traceFormat });
    this.#known.isEmpty = false;
    this.#take(line);
    this.#log.append(line);
  }

  /** Takes a line of an acceptance: it counts at once, and is written by `keepHeld` or not at all. */
  hold(line: TraceLine): void {
    this.#take(line);
    this.#held.push(line);
  }

  /** Writes what is held, the words of who accepted first and durably: no crash leaves a result that counts and no word of why. Returns as `commit`. */
  async keepHeld(): Promise<boolean> {
    const held = this.#held.splice(0);
    for (const line of held) if ("accepted" in line) this.#log.append(line);
    if (!(await this.commit())) return false;
    for (const line of held) if (!("accepted" in line)) this.#log.append(line);
    return this.commit();
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
    this.#known.isEmpty = false;
    if ("v" in line) return refuseNewer(line.v, this.#file);
    if ("out" in line) return void this.#known.placed.set(line.out, line.d);
    if ("src" in line) return void this.#known.sourceLines.push(Late.of(line));
    if ("arms" in line) {
      for (const [id, name] of line.arms) this.#known.armNames.set(id, name);
      return;
    }
    if ("clean" in line) return this.#takeClean(line);
    if ("accepted" in line) {
      this.#known.acceptances.set(line.t, [...(this.#known.acceptances.get(line.t) ?? []), line.accepted]);
      return;
    }
    if ("as" in line) return this.#takeAccepted(line);
    if ("spliced" in line) return void this.#known.splices.set(`${line.t}/${line.spliced}`, line.c);
    if ("now" in line) {
      const known = this.#known.standing.get(line.t);
      if (known === undefined) this.#known.standing.set(line.t, [standingIn(line)]);
      else known.push(standingIn(line));
      return;
    }
    if ("rec" in line) {
      refuseNewerRecord(line.rec.format, this.#file);
      return this.#takeRecord({ target: line.t, part: line.rec.part, core: line.c, recipe: line.n }, Late.of(line));
    }
    const { t: target, p: part, b: build, m: template } = line;
    this.#known.results.set(line.c, { target, part, build, template, late: Late.of(line) });
  }

  #takeRecord(
    { target, part, core, recipe }: Pick<Extract<Front, { kind: "record" }>, "target" | "part" | "core" | "recipe">,
    record: Late<RecordLine>,
  ): void {
    this.#known.records.set(core, record);
    if (recipe !== undefined) {
      const recipes = this.#known.recipes.get(core);
      if (recipes === undefined) this.#known.recipes.set(core, new Set([recipe]));
      else recipes.add(recipe);
    }
    const name = partName(target, part, recipe);
    const history = this.#known.last.get(name);
    if (history === undefined) this.#known.last.set(name, [record]);
    else history.push(record);
  }

  #takeAccepted({ t, p, c, k, as, m, l }: Extract<TraceLine, { as: Digest }>): void {
    const known = this.#known.results.get(as);
    if (known === undefined) return; // Its line was torn: then nothing is kept, and the target is made anew.
    const madeFor = known.accepted?.madeFor ?? as;
    const { build, late } = known;
    this.#known.results.set(c, {
      target: t,
      part: p,
      build,
      template: m,
      late,
      accepted: { key: k, label: l, madeFor },
    });
  }

  #takeClean(line: Extract<TraceLine, { clean: number }>): void {
    this.#known.cleanTimes.set(line.t, line.clean);
    if (line.calls === true) this.#known.callsHiddenBefore = Math.max(this.#known.callsHiddenBefore, line.clean);
    for (const [core, known] of this.#behind(line.t)) {
      this.#known.results.delete(core);
      this.#known.cleaned.set(core, { when: line.clean, known });
    }
  }
}

const sourcesFront = '{"src":[';

/** Undefined: its line was torn, and nothing was known before it. */
function resultOf({ target, part, build, template, late, accepted }: Indexed): KnownResult | undefined {
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

function partName(target: string, part: Part, recipe: string | undefined): string {
  return recipe === undefined ? `${target}/${part}` : `${target}/${part}/${recipe}`;
}

// The stages of a run as run.yaml holds them, by target. Each is parsed when it is asked for, and what did not change is written as it was read: a
// build of one target among ten thousand neither reads nor writes the others.

import { parse, stringify, YAMLError } from "yaml";
import { isPlainKey, readPlain, writePlain, type PlainMap } from "../util/plain-yaml.ts";
import { WrittenStages } from "./written-stages.ts";

export interface StageState {
  readonly status: "done" | "failed" | "unaffordable" | "waiting" | "skipped" | "interrupted" | "cleaned";
  /** Core key of the result on which the outputs stand. */
  readonly key?: string;
  /** When it was computed, ISO 8601, UTC. */
  readonly at?: string;
  readonly took_ms?: number;
  readonly cost_usd?: number;
  readonly executor?: string;
  readonly items?: number;
  readonly computed?: number;
  readonly cached?: number;
  readonly fresh?: number;
  readonly build?: number;
  /** Why it was made the last time that something was done. */
  readonly reason?: string;
  readonly waits_for?: readonly string[];
  readonly failure?: string;
  /** Of what a build stopped for want of money: what was not paid for, in words, and how much of it; and what such builds have spent on it. */
  readonly unpaid?: string;
  readonly remaining?: number;
  readonly spent_usd?: number;
  /** Another run's result, taken as given: `old@3:generate`. */
  readonly from?: string;
  /** Its key changed, and somebody said that it does not matter. */
  readonly accepted?: { readonly at: string; readonly by: string; readonly because: string } | undefined;
  /** Slot → digest. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** Slot → where it lies in the cache that a team shares: outputs that were left there, with nothing at their places in the run. */
  readonly left?: Readonly<Record<string, string>>;
}

/**
 * Bytes of UTF-8, a character each: letters and arrows in the words of a few stages would make the text of ten thousand twice as long in memory, and
 * reading and writing it four times as slow.
 */
type Bytes = string;

/** Scalars and a map of scalars: whatever looks so is YAML. What a line may begin with tells which kind it is: there is one way to read it. */
const scalar = bytesOf(
  String.raw` (?:[0-9_][\w.+-]*(?::[\w.+-]+)*|"(?:[\w.,()/@+=: -]|→|…|·)*"|[A-Za-z](?:[\w.,()/@+= -]|→|…|·)*(?::[\w.+-]+)*)\n`,
);
const usual = new RegExp(`^(?: {4}[a-z_]+:(?:${scalar}|\n(?: {6}[A-Za-z_][\\w-]*:${scalar})+))+$`);

/** How far the lines of a stage are indented below `targets:` and the target's name. */
const indent = 4;

/** Lines of a stage that nobody has to parse. */
export class StageText {
  readonly bytes: Bytes;

  constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  get state(): StageState | undefined {
    return parseBytes(this.bytes);
  }
}

export type Noted = StageState | StageText;

/** What is to be looked at where a result is put back. */
const exceptional = ["items", "from", "left", "spent_usd", "accepted"].map((field) => `\n    ${field}:`);

/** So many stages are found and written one by one; of more, all are gone through at once. */
const mostInPlace = 300;

export class Stages {
  /** Lines of run.yaml, or what they say. Undefined: they lie in `#written`, where nobody has asked for all of them. */
  #stages: ReadonlyMap<string, Bytes | StageState> | undefined;
  readonly #written: WrittenStages | undefined;
  /** Whether all was read as it is written here, line by line. */
  readonly isInLines: boolean;
  #sought = 0;

  private constructor(
    stages: ReadonlyMap<string, Bytes | StageState> | undefined,
    { written, isInLines = false }: { readonly written?: WrittenStages; readonly isInLines?: boolean } = {},
  ) {
    this.#stages = stages;
    this.#written = written;
    this.isInLines = isInLines;
  }

  static of(stages: Readonly<Record<string, StageState>>): Stages {
    return new Stages(new Map(Object.entries(stages)));
  }

  /** Of what stands after `targets:`, from its line break on, as it was written here and nobody has touched it. */
  static asWritten(bytes: Buffer): Stages {
    return new Stages(undefined, { written: new WrittenStages([bytes]), isInLines: true });
  }

  /** Of what stands below `targets:`; undefined where it is not as it is written here. */
  static ofBytes(bytes: Buffer): Stages | undefined {
    const stages = linesIn(bytes);
    return stages === undefined ? undefined : new Stages(stages, { isInLines: true });
  }

  /** The stage that is asked for next lies about there, from 0 to 1: a guess that saves reading others. */
  lookNear(place: number): void {
    this.#written?.lookNear(place);
  }

  get #all(): ReadonlyMap<string, Bytes | StageState> {
    return (this.#stages ??= linesIn(this.#written!.bytes.subarray(1)) ?? statesIn(this.#written!.bytes));
  }

  #stageOf(name: string): Bytes | StageState | undefined {
    if (this.#stages !== undefined || !isPlainKey(name) || ++this.#sought > mostInPlace) return this.#all.get(name);
    // What is not there is sought in vain once: then all are known.
    return this.#written!.find(name)?.toString("latin1") ?? this.#all.get(name);
  }

  get names(): readonly string[] {
    return [...this.#all.keys()];
  }

  /** What is damaged is not known: the trace decides, and the next build writes it anew. */
  get(name: string): StageState | undefined {
    const stage = this.#stageOf(name);
    return typeof stage === "string" ? parseBytes(stage) : stage;
  }

  /** Whether all that is noted of a stage is that it stands on this key, as it should be. Without parsing it, if it looks as usual. */
  standsOn(name: string, key: string): boolean {
    const stage = this.#stageOf(name);
    if (typeof stage !== "string") return stage?.status === "done" && stage.key === key && stage.accepted === undefined;
    const stands = stage.startsWith(`    status: done\n    key: ${key}\n`) && !stage.includes("\n    accepted:");
    return stands && (usual.test(stage) || this.get(name) !== undefined);
  }

  /**
   * The stage after a build that put the outputs of its result back, without parsing it. Undefined where it does not stand on this result, or there is more
   * to be said of it.
   */
  putBack(
    name: string,
    { key, at }: Required<Pick<StageState, "key" | "at">>,
    { build, reason }: Required<Pick<StageState, "build" | "reason">>,
  ): StageText | undefined {
    const stage = this.#stageOf(name);
    const front = `    status: done\n    key: ${key}\n    at: ${at}\n`;
    if (typeof stage !== "string" || !stage.startsWith(front) || !usual.test(stage)) return undefined;
    const [built, because] = [fieldIn(stage, "build"), fieldIn(stage, "reason")];
    if (built === undefined || because === undefined || because.begin < built.end) return undefined;
    if (exceptional.some((field) => stage.includes(field))) return undefined;
    const line = reasonLineOf(reason);
    if (line === undefined) return undefined;
    const between = stage.slice(built.end, because.begin);
    return new StageText(
      `${stage.slice(0, built.begin)}    build: ${build}\n${between}${line}${stage.slice(because.end)}`,
    );
  }

  /** Whether nothing is noted that was paid for it. Without parsing it; false where that is not seen at once. */
  costNothing(name: string): boolean {
    const stage = this.#stageOf(name);
    if (typeof stage !== "string") return stage === undefined;
    return stage.includes("\n    cost_usd: 0\n") && !stage.includes("\n    spent_usd:");
  }

  *[Symbol.iterator](): Generator<[name: string, stage: StageState]> {
    for (const name of this.#all.keys()) {
      const stage = this.get(name);
      if (stage !== undefined) yield [name, stage];
    }
  }

  /** Targets in `order` come first, in that order. */
  with(changed: ReadonlyMap<string, Noted>, order: readonly string[] = []): Stages {
    const all = new Map<string, Bytes | StageState>();
    for (const name of [...order, ...this.#all.keys(), ...changed.keys()]) {
      const noted = changed.get(name) ?? this.#all.get(name);
      const stage = noted instanceof StageText ? noted.bytes : noted;
      if (stage !== undefined && !all.has(name)) all.set(name, stage);
    }
    return new Stages(all);
  }

  /** The same with other stages in their places. Undefined where it has to be looked at as a whole: then `with` does it. */
  replaced(changed: ReadonlyMap<string, Noted>): Stages | undefined {
    if (this.#written === undefined || changed.size > mostInPlace || ![...changed.keys()].every(isPlainKey))
      return undefined;
    const lines = [...changed].map(([name, stage]) => {
      const text = stage instanceof StageText ? stage.bytes : bytesOf(writeStage(stage));
      return [name, Buffer.from(text, "latin1")] as const;
    });
    const written = this.#written.replaced(new Map(lines));
    return written === undefined ? undefined : new Stages(undefined, { written, isInLines: true });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  /** What stands after `targets:`. */
  get pieces(): readonly Buffer[] {
    if (this.#written !== undefined) return this.#written.pieces;
    if (this.#all.size === 0) return [Buffer.from(" {}\n")];
    let text: Bytes = "\n";
    for (const [name, stage] of this.#all) {
      const key = isPlainKey(name) ? name : bytesOf(stringify(name).trimEnd());
      text += `  ${key}:\n${typeof stage === "string" ? stage : bytesOf(writeStage(stage))}`;
    }
    return [Buffer.from(text, "latin1")];
  }

  toJSON(): Readonly<Record<string, StageState>> {
    return Object.fromEntries(this);
  }
}

/** Where names are such as have to be quoted. */
function statesIn(bytes: Buffer): Map<string, StageState> {
  try {
    return new Map(Object.entries((parse(bytes.toString("utf8")) ?? {}) as Record<string, StageState>));
  } catch (error) {
    if (error instanceof YAMLError) return new Map();
    throw error;
  }
}

/** Undefined where it is not as it is written here. */
function linesIn(bytes: Buffer): Map<string, Bytes> | undefined {
  const text: Bytes = bytes.toString("latin1");
  const stages = new Map<string, Bytes>();
  // Without a regular expression: a run of a hundred thousand targets has more than a million lines.
  for (let at = 0; at < text.length;) {
    const from = text.indexOf("\n", at) + 1;
    const name = from === 0 ? undefined : nameIn(text, at, from - 1);
    if (name === undefined || stages.has(name)) return undefined;
    let end = from;
    while (text.startsWith("    ", end) && text[end + 4] !== "\n") {
      const next = text.indexOf("\n", end) + 1;
      if (next === 0) return undefined;
      end = next;
    }
    if (end === from) return undefined;
    stages.set(name, text.slice(from, end));
    at = end;
  }
  return stages;
}

function bytesOf(text: string): Bytes {
  return Buffer.from(text).toString("latin1");
}

/** The line of a field, in a text that looks as usual: all else that is indented so little is named otherwise. */
function fieldIn(stage: Bytes, name: string): { readonly begin: number; readonly end: number } | undefined {
  const begin = stage.indexOf(`\n    ${name}: `) + 1;
  return begin === 0 ? undefined : { begin, end: stage.indexOf("\n", begin) + 1 };
}

/** The last one: thousands are put back for one reason. */
let lastReason: { readonly reason: string; readonly line: Bytes | undefined } | undefined;

function reasonLineOf(reason: string): Bytes | undefined {
  if (lastReason?.reason !== reason) {
    const line = writePlain({ reason }, indent);
    lastReason = { reason, line: line === undefined ? undefined : bytesOf(line) };
  }
  return lastReason.line;
}

/** Of the line `  name:` from `at` to `end`. */
function nameIn(text: string, at: number, end: number): string | undefined {
  const name = text.slice(at + 2, end - 1);
  const isNamed = text.startsWith("  ", at) && text[end - 1] === ":" && /^[A-Za-z][\w-]*$/.test(name);
  return isNamed && isPlainKey(name) ? name : undefined;
}

function parseBytes(bytes: Bytes): StageState | undefined {
  return parseStage(Buffer.from(bytes, "latin1").toString("utf8"));
}

function parseStage(text: string): StageState | undefined {
  const plain = readPlain(text, indent);
  if (plain !== undefined) return plain as unknown as StageState;
  try {
    return (parse(text) ?? undefined) as StageState | undefined;
  } catch (error) {
    if (error instanceof YAMLError) return undefined;
    throw error;
  }
}

function writeStage(stage: StageState): string {
  return writePlain(stage as unknown as PlainMap, indent) ?? indented(stringify(stage, { lineWidth: 0 }));
}

/** Empty lines of a text in many lines stay empty. */
function indented(text: string): string {
  return text.replace(/(^|\n)(?=[^\n])/g, `$1${" ".repeat(indent)}`);
}

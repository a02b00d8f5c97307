// What the last complete build left, target by target, with stats that prove it untouched: those targets stand where they stood, and a build, a plan or a
// status need not assess them again. As the stamp answers for a whole build, this answers for the rest of the graph when one leaf was edited. And where
// outputs were deleted and nothing else has changed, it says what belongs there.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { areAsSet, isAsStamped, lookAt, packStamp, unpackStamp } from "../fast/stamp.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { Recalled } from "../engine/session.ts";
import type { ActionResult } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import { writeAtomic } from "../util/fs.ts";
import { Evidence, joined } from "./evidence.ts";
import type { OpenRun } from "./open-run.ts";
import type { Project } from "./project.ts";
import { buildId } from "./version.ts";

const recallFormat = 2;

interface RecallHeader {
  readonly format: typeof recallFormat;
  readonly build: string;
  readonly node: string;
  readonly root: string;
  /** Of everything that the config says, of the names of run and experiment, and of what is taken from other runs. */
  readonly asked: Digest;
  readonly environment: readonly (readonly [name: string, value: string | null])[];
  /** First those that all targets share, then those of each target in turn. */
  readonly paths: readonly string[];
  readonly shared: number;
  /** The stat of the run's trace: while it holds, all that is said here is what the trace says. */
  readonly trace: readonly number[];
  /** The stat of the run's record: while it holds, it says of all targets below that they stand on their results. */
  readonly record: readonly number[];
  /** Targets in the order of their paths: name, core key, how many paths. */
  readonly targets: readonly (readonly [name: string, core: Digest, paths: number])[];
}

/** A target as it was left. */
export interface Left {
  readonly core: Digest;
  /** Those of the project, then its outputs. */
  readonly files: readonly Evidence[];
}

/** What all targets share: the Expfile, configs, code, folders that were looked into. */
export interface Shared {
  readonly files: Evidence;
  readonly environment: readonly (readonly [name: string, value: string | null])[];
}

/** What the last build left of all targets, as it lies in the file: a hundred thousand objects that nobody asks for would cost more than to read it. */
class LeftTargets {
  readonly #targets: RecallHeader["targets"];
  readonly #evidence: Evidence;
  readonly #numbers: ReadonlyMap<string, number>;
  /** Of each target, where its paths begin; and where the last one's end. */
  readonly #begins: Uint32Array;

  constructor({ targets, paths, shared }: RecallHeader, stats: Float64Array) {
    this.#targets = targets;
    this.#evidence = new Evidence(paths, stats);
    this.#numbers = new Map(targets.map(([name], number) => [name, number]));
    this.#begins = new Uint32Array(targets.length + 1);
    this.#begins[0] = shared;
    for (const [number, [, , count]] of targets.entries()) this.#begins[number + 1] = this.#begins[number]! + count;
  }

  /** Of how many the run has no folder. */
  countWithout(folders: ReadonlySet<string>): number {
    let count = 0;
    for (const [name] of this.#targets) if (!folders.has(name)) count++;
    return count;
  }

  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  coreOf(number: number): Digest {
    return this.#targets[number]![1];
  }

  /** Paths of outputs at which nothing lies any more. Undefined where something else has changed. `hasFolder`: whether the target's may be there. */
  lackingOf(number: number, target: GraphTarget, hasFolder: boolean): readonly string[] | undefined {
    const { paths, stats } = this.#evidence;
    const [begin, end] = [this.#begins[number]!, this.#begins[number + 1]!];
    const outputs = () => begin + (sourcesOf(target)?.length ?? 0);
    const looked = hasFolder ? end : outputs();
    const lacking = hasFolder ? [] : paths.slice(looked, end);
    for (let i = begin; i < looked; i++) {
      const found = lookAt(paths[i]!, stats, i * 4);
      if (found === "as stamped") continue;
      if (found === "changed" || i < outputs()) return undefined;
      lacking.push(paths[i]!);
    }
    return lacking;
  }

  /** With the first `paths` of its files, or with all. */
  leftOf(number: number, paths?: number): Left {
    const begin = this.#begins[number]!;
    const end = paths === undefined ? this.#begins[number + 1]! : begin + paths;
    const { paths: all, stats } = this.#evidence;
    return { core: this.coreOf(number), files: [new Evidence(all, stats, begin, end)] };
  }
}

/** A class, because there are ten thousand of them, and of most nobody asks for the result. */
class RecalledTarget implements Recalled {
  readonly core: Digest;
  readonly lacking: readonly string[];
  readonly accepted: Recalled["accepted"];
  readonly isNoted: boolean;
  readonly #target: GraphTarget;
  readonly #recall: Recall;

  constructor(target: GraphTarget, recall: Recall, known: Pick<Recalled, "core" | "lacking" | "accepted" | "isNoted">) {
    this.core = known.core;
    this.lacking = known.lacking;
    this.accepted = known.accepted;
    this.isNoted = known.isNoted;
    this.#target = target;
    this.#recall = recall;
  }

  get result(): ActionResult {
    const known = this.#recall.trace.find(this.core);
    if (known === undefined) throw new Error(`the trace has lost the result of ${this.#target.name}`);
    return known.result;
  }

  noteRestored(): void {
    this.#recall.noteRestored(this.#target);
  }
}

export class Recall {
  readonly shared: Shared;
  readonly #left: LeftTargets;
  readonly trace: Trace;
  readonly #isTraceSame: boolean;
  readonly #isRecordSame: boolean;
  /** By the target's number in the graph, its number among those that were left. */
  readonly #taken = new Map<number, number>();
  /** Those whose outputs were put back: with the files of the project that they read, as they were left. */
  readonly #restored = new Map<number, Left>();
  readonly #listFolders: () => ReadonlySet<string>;
  /** Those of the run, as they were when the first output was missed: where thousands are gone, mostly their folders are, and need no look each. */
  #folders: ReadonlySet<string> | undefined;

  /** `isSame`: nothing was written since into the trace, so that it need not even be read; nor into the run's record. */
  constructor(
    shared: Shared,
    left: LeftTargets,
    trace: Trace,
    isSame: { readonly trace: boolean; readonly record: boolean },
    listFolders: () => ReadonlySet<string>,
  ) {
    this.#listFolders = listFolders;
    this.shared = shared;
    this.#left = left;
    this.trace = trace;
    this.#isTraceSame = isSame.trace;
    this.#isRecordSame = isSame.record;
  }

  /** The result on which the target stands untouched. What it depends on has been asked for before it. */
  take(target: GraphTarget): Recalled | undefined {
    const number = this.#taken.get(target.index) ?? this.#left.numberOf(target.name);
    if (number === undefined) return undefined;
    if (!target.dependsOn.every((index) => this.#taken.has(index) || this.#restored.has(index))) return undefined;
    const { trace } = this;
    const core = this.#left.coreOf(number);
    if (!this.#isTraceSame) {
      // It may have been built with other settings since, and its outputs be the same.
      if (trace.lastStandingOf(target.name)?.core !== core || trace.find(core) === undefined) return undefined;
    }
    const lacking = this.#left.lackingOf(number, target, this.#folders?.has(target.name) !== false);
    if (lacking === undefined) return undefined;
    if (lacking.length === 0) this.#taken.set(target.index, number);
    else if (!this.#mayPutBack(core)) return undefined;
    const accepted = this.#isTraceSame ? undefined : trace.acceptancesInForce(target.name).at(-1);
    return new RecalledTarget(target, this, { core, lacking, accepted, isNoted: this.#isRecordSame });
  }

  /**
   * Not once anything was written into the trace: the key may have another result since, made anew after a clean, and what reads it have been made of the
   * former one.
   */
  #mayPutBack(core: Digest): boolean {
    if (!this.#isTraceSame) return false;
    if (this.#folders === undefined) {
      this.#folders = this.#listFolders();
      this.trace.expect(this.#left.countWithout(this.#folders));
    }
    return this.trace.find(core) !== undefined;
  }

  noteRestored(target: GraphTarget): void {
    const number = this.#left.numberOf(target.name)!;
    this.#restored.set(target.index, this.#left.leftOf(number, sourcesOf(target)?.length));
  }

  /** Whether anything was: then what all targets share was looked at when this was opened, and by nobody since. */
  get isUsed(): boolean {
    return this.#taken.size + this.#restored.size > 0;
  }

  /** By number in the graph, what was put back, with the files of the project that it reads. */
  get restored(): ReadonlyMap<number, Left> {
    return this.#restored;
  }

  /** What was found untouched, with its files. */
  taken(): Map<number, Left> {
    return new Map([...this.#taken].map(([index, number]) => [index, this.#left.leftOf(number)]));
  }
}

/** Undefined where anything that all targets share has changed. */
export function openRecall(project: Project, run: OpenRun, trace: Trace): Recall | undefined {
  const file = unpackStamp<RecallHeader>(fileOf(project, run));
  if (file === undefined) return undefined;
  const { header, stats } = file;
  if (header.format !== recallFormat || header.build !== buildId || header.node !== process.version) return undefined;
  if (!isWhole(header)) return undefined;
  if (header.root !== project.paths.root || header.asked !== askedOf(run)) return undefined;
  if (!areAsSet(header.environment, project.environment)) return undefined;
  const files = new Evidence(header.paths, stats, 0, header.shared);
  const shared = { files, environment: header.environment };
  if (!isUntouched(files)) return undefined;
  const isSame = (path: string, stat: readonly number[]) => isAsStamped(path, Float64Array.from(stat), 0);
  const { folder, traceFile, stateFile } = run.folder;
  const same = { trace: isSame(traceFile, header.trace), record: isSame(stateFile, header.record) };
  return new Recall(shared, new LeftTargets(header, stats), trace, same, () => new Set(readdirSync(folder)));
}

/** A count that the disk has damaged would take files from the target that reads them. */
function isWhole({ paths, shared, trace, record, targets }: RecallHeader): boolean {
  if (!Array.isArray(targets) || !Array.isArray(trace) || !Array.isArray(record)) return false;
  let sum = shared;
  for (const [, , count] of targets as RecallHeader["targets"]) sum += count;
  return sum === paths.length;
}

function isUntouched({ paths, stats, begin, end }: Evidence): boolean {
  for (let i = begin; i < end; i++) if (!isAsStamped(paths[i]!, stats, i * 4)) return false;
  return true;
}

/** Written after a complete build. `left` gives targets with their files; one that it lacks is assessed each time. */
export function writeRecall(
  project: Project,
  run: OpenRun,
  shared: Shared,
  left: ReadonlyMap<number, Left>,
  { trace, record }: Pick<RecallHeader, "trace" | "record">,
): void {
  const files = [shared.files];
  const targets: (readonly [string, Digest, number])[] = [];
  for (const target of run.graph.targets) {
    const one = left.get(target.index);
    if (one === undefined) continue;
    let paths = 0;
    for (const evidence of one.files) {
      files.push(evidence);
      paths += evidence.size;
    }
    targets.push([target.name, one.core, paths]);
  }
  const { paths, stats } = joined(files);
  const header: RecallHeader = {
    format: recallFormat,
    build: buildId,
    node: process.version,
    root: project.paths.root,
    asked: askedOf(run),
    environment: shared.environment,
    paths,
    shared: shared.files.size,
    trace,
    record,
    targets,
  };
  writeAtomic(fileOf(project, run), packStamp(header, stats));
}

function fileOf(project: Project, run: OpenRun): string {
  return join(project.paths.cache, "recall", run.folder.id);
}

function askedOf({ folder, graph, configText, splices }: OpenRun): Digest {
  return digestOfBytes(JSON.stringify([folder.id, graph.experiment, configText, [...splices.keys()]]));
}

/** The files of the project that a target reads; undefined where they are found by looking into folders, or where it makes folders, items or verdicts. */
export function sourcesOf({ declaration, inputs }: GraphTarget): readonly string[] | undefined {
  const { work, contract } = declaration;
  if (work.kind !== "recipe" && work.kind !== "command") return undefined;
  if (Object.values(contract.outputs).some(({ format }) => format === "tree")) return undefined;
  const paths: string[] = [];
  const take = (input: GraphInput): boolean => {
    if (input.kind === "list") return input.members.every(take);
    if (input.kind === "source") paths.push(input.path);
    return input.kind !== "sources" && !(input.kind === "source" && input.declared.format === "tree");
  };
  return Object.values(inputs).every(take) ? paths : undefined;
}

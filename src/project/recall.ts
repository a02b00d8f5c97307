// What the last complete build left, target by target, with stats that prove it untouched: those targets stand where they stood, and a build, a plan or a
// status need not assess them again. As the stamp answers for a whole build, this answers for the rest of the graph when one leaf was edited. And where
// outputs were deleted and nothing else has changed, it says what belongs there.

import { readdirSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { areAsSet, lookAt } from "../fast/stamp.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { Recalled } from "../engine/session.ts";
import type { ActionResult } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import { Left } from "./left.ts";
import type { OpenRun } from "./open-run.ts";
import type { Project } from "./project.ts";

/** A class, because there are ten thousand of them, and of most nobody asks for the result. */
class RecalledTarget implements Recalled {
  readonly lacking: readonly string[];
  readonly accepted: Recalled["accepted"];
  readonly isNoted: boolean;
  readonly #target: GraphTarget;
  readonly #number: number;
  readonly #recall: Recall;

  constructor(
    target: GraphTarget,
    number: number,
    recall: Recall,
    known: Pick<Recalled, "lacking" | "accepted" | "isNoted">,
  ) {
    this.lacking = known.lacking;
    this.accepted = known.accepted;
    this.isNoted = known.isNoted;
    this.#target = target;
    this.#number = number;
    this.#recall = recall;
  }

  get core(): Digest {
    return this.#recall.left.coreOf(this.#number);
  }

  get result(): ActionResult {
    const known = this.#recall.trace.find(this.core);
    if (known === undefined) throw new Error(`the trace has lost the result of ${this.#target.name}`);
    return known.result;
  }

  noteRestored(): void {
    this.#recall.noteRestored(this.#target, this.#number);
  }
}

/** What was found at a path. */
const [notYet, asLeft, gone, changed] = [0, 1, 2, 3];

interface RecallOptions {
  readonly left: Left;
  readonly trace: Trace;
  /** Of how many targets the graph is. */
  readonly size: number;
  /** Nothing was written since into the trace, so that it need not even be read; nor into the run's record. */
  readonly isSame: { readonly trace: boolean; readonly record: boolean };
  readonly root: string;
  readonly listFolders: () => ReadonlySet<string>;
}

export class Recall {
  readonly left: Left;
  readonly trace: Trace;
  readonly #isSame: RecallOptions["isSame"];
  readonly #root: string;
  /** What leads from the working folder to paths that are not absolute. */
  readonly #way: string;
  /** By the target's number in the graph, one more than its number among those that were left; 0: it was not taken. */
  readonly #taken: Uint32Array;
  #takenCount = 0;
  /** Those whose outputs were put back, with the numbers of the paths that they read. */
  readonly #restored = new Map<number, Uint32Array>();
  /** What was found at each path: many targets may read the same file. */
  readonly #seen: Uint8Array;
  readonly #listFolders: () => ReadonlySet<string>;
  /** Those of the run, as they were when the first output was missed: where thousands are gone, mostly their folders are, and need no look each. */
  #folders: ReadonlySet<string> | undefined;

  constructor({ left, trace, size, isSame, root, listFolders }: RecallOptions) {
    this.left = left;
    this.trace = trace;
    this.#isSame = isSame;
    this.#root = root;
    this.#way = process.cwd() === root ? "" : root + sep;
    this.#taken = new Uint32Array(size);
    this.#seen = new Uint8Array(left.paths.length);
    this.#listFolders = listFolders;
  }

  /** Whether what all targets share is as it was. */
  isSharedUntouched(): boolean {
    for (let path = 0; path < this.left.header.shared; path++) if (this.#look(path) !== asLeft) return false;
    return true;
  }

  /** The result on which the target stands untouched. What it depends on has been asked for before it. */
  take(target: GraphTarget): Recalled | undefined {
    const number = this.left.numberOf(target.name, target.index);
    if (number === undefined) return undefined;
    for (const index of target.dependsOn) if (!this.isTaken(index) && !this.#restored.has(index)) return undefined;
    const { trace } = this;
    if (!this.#isSame.trace) {
      // It may have been built with other settings since, and its outputs be the same.
      const core = this.left.coreOf(number);
      if (trace.lastStandingOf(target.name)?.core !== core || trace.find(core) === undefined) return undefined;
    }
    const lacking = this.#lackingOf(number, target, this.#folders?.has(target.name) !== false);
    if (lacking === undefined) return undefined;
    if (lacking.length === 0) {
      if (this.#taken[target.index] === 0) this.#takenCount++;
      this.#taken[target.index] = number + 1;
    } else if (!this.#mayPutBack(number)) return undefined;
    const accepted = this.#isSame.trace ? undefined : trace.acceptancesInForce(target.name).at(-1);
    return new RecalledTarget(target, number, this, { lacking, accepted, isNoted: this.#isSame.record });
  }

  /** Paths of outputs at which nothing lies any more. Undefined where something else has changed. `hasFolder`: whether the target's may be there. */
  #lackingOf(number: number, target: GraphTarget, hasFolder: boolean): readonly string[] | undefined {
    const refs = this.left.refsOf(number);
    const sources = () => sourcesOf(target)?.length ?? 0;
    const looked = hasFolder ? refs.length : sources();
    let lacking = nothing;
    for (let i = 0; i < looked; i++) {
      const path = refs[i]!;
      const found = this.#look(path);
      if (found === asLeft) continue;
      if (found === changed || i < sources()) return undefined;
      lacking = [...lacking, this.#placeOf(path)];
    }
    return hasFolder ? lacking : Array.from(refs.subarray(looked), (path) => this.#placeOf(path));
  }

  #placeOf(path: number): string {
    return resolve(this.#root, this.left.paths[path]!);
  }

  #look(path: number): number {
    const known = this.#seen[path]!;
    if (known !== notYet) return known;
    const { paths, stats } = this.left;
    const name = paths[path]!;
    const found = lookAt(this.#way === "" || name.startsWith(sep) ? name : this.#way + name, stats, path * 4);
    return (this.#seen[path] = found === "as stamped" ? asLeft : found === "gone" ? gone : changed);
  }

  /**
   * Not once anything was written into the trace: the key may have another result since, made anew after a clean, and what reads it have been made of the
   * former one.
   */
  #mayPutBack(number: number): boolean {
    if (!this.#isSame.trace) return false;
    if (this.#folders === undefined) {
      const folders = this.#listFolders();
      this.#folders = folders;
      this.trace.expect(this.left.names.filter((name) => !folders.has(name)).length);
    }
    return this.trace.find(this.left.coreOf(number)) !== undefined;
  }

  noteRestored(target: GraphTarget, number: number): void {
    this.#restored.set(target.index, this.left.refsOf(number).subarray(0, sourcesOf(target)?.length ?? 0));
  }

  /** Whether anything was: then what all targets share was looked at when this was opened, and by nobody since. */
  get isUsed(): boolean {
    return this.#takenCount + this.#restored.size > 0;
  }

  /** By number in the graph, what was put back, with the numbers of the paths that it reads: those were found untouched. */
  get restored(): ReadonlyMap<number, Uint32Array> {
    return this.#restored;
  }

  /** Whether it was found untouched. */
  isTaken(target: number): boolean {
    return this.#taken[target] !== 0;
  }

  /** Its number among those that were left. */
  takenAs(target: number): number | undefined {
    const number = this.#taken[target]!;
    return number === 0 ? undefined : number - 1;
  }

  /** Of each path, whether it was seen as it was left: what all targets share, the files of those that were taken, and what those read whose outputs were put back. */
  held(): Uint8Array {
    const { left } = this;
    const held = new Uint8Array(left.paths.length).fill(1, 0, left.header.shared);
    for (let index = 0; index < this.#taken.length; index++) {
      const number = this.takenAs(index);
      if (number !== undefined) for (const ref of left.refsOf(number)) held[ref] = 1;
    }
    for (const refs of this.#restored.values()) for (const ref of refs) held[ref] = 1;
    return held;
  }
}

const nothing: readonly string[] = [];

/** Undefined where anything that all targets share has changed. */
export function openRecall(project: Project, run: OpenRun, trace: Trace): Recall | undefined {
  const left = Left.read(leftFile(project, run.folder.id));
  if (left === undefined) return undefined;
  const { root, asked, environment, trace: traceSeen, record } = left.header;
  if (root !== project.paths.root || asked !== askedOf(run)) return undefined;
  if (!areAsSet(environment, project.environment)) return undefined;
  const isSame = (path: string, stat: readonly number[]) => lookAt(path, Float64Array.from(stat), 0) === "as stamped";
  const { folder, traceFile, stateFile } = run.folder;
  const recall = new Recall({
    ...{ left, trace, root, size: run.graph.targets.length },
    isSame: { trace: isSame(traceFile, traceSeen), record: isSame(stateFile, record) },
    listFolders: () => new Set(readdirSync(folder)),
  });
  return recall.isSharedUntouched() ? recall : undefined;
}

export function leftFile(project: Project, run: string): string {
  return join(project.paths.cache, "recall", run);
}

export function askedOf({ folder, graph, configText, splices }: OpenRun): Digest {
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

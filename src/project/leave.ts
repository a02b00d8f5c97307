// What a complete build leaves for the next one: all that was looked at, by those that were assessed now and those that were recalled, each path in one state.

import type { Digest } from "../model/digest.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { StatText } from "../util/stat.ts";
import { writeLeft, type LeftAbout, type LeftTarget } from "./left.ts";
import type { Recall } from "./recall.ts";

/** What was looked at for the targets that were assessed. Paths are from the root, where they lie there. */
export interface LookedAt {
  readonly paths: readonly string[];
  /** Four numbers a path; see the stamp. */
  readonly stats: Float64Array;
  /** Which of them all targets share. */
  readonly shared: readonly string[];
  readonly statOf: (path: string) => readonly number[];
  readonly seenAs: (path: string) => StatText | undefined;
  /** The files of a target, as of `OwnFiles`; undefined where they cannot be told from what others share. */
  readonly of: (target: number, isRestored: boolean) => readonly string[] | undefined;
}

/** Of a target that was assessed. */
export interface OwnFiles {
  readonly core: Digest;
  /** Those of the project that it reads, then its outputs. Outputs alone where they were put back: what it reads is as it was left. */
  readonly paths: readonly string[];
}

interface Made {
  /** What was left, if anything was. */
  readonly former: Recall | undefined;
  readonly looked: LookedAt;
  /** Of the targets that were assessed, as far as they can be recalled, by number in the graph. */
  readonly own: ReadonlyMap<number, OwnFiles>;
  readonly targets: readonly GraphTarget[];
}

/** Paths with their stats, each once. */
interface Evidence {
  readonly paths: readonly string[];
  readonly stats: Float64Array;
}

/** Writes what the targets of the whole graph left. Returns its version, and what was looked at beside it. Undefined: a path was seen in two states. */
export function leave(
  file: string,
  about: LeftAbout,
  made: Made,
): { readonly version: string; readonly rest: Evidence } | undefined {
  const written = leaveAsBefore(file, about, made) ?? leaveAnew(file, about, made);
  if (written === "seen in two states") return undefined;
  const { looked, own } = made;
  const covered = new Set(looked.shared);
  for (const { paths } of own.values()) for (const path of paths) covered.add(path);
  const rest = new Sightings();
  for (const [i, path] of looked.paths.entries()) if (!covered.has(path)) rest.see(path, looked.stats, i);
  return { ...written, rest: rest.evidence() };
}

/** Everything, of all targets that a build was asked for. Undefined: a path was seen in two states, as when it was edited after a target that reads it was recalled. */
export function seenByAll(former: Recall | undefined, looked: LookedAt): Evidence | undefined {
  const all = new Sightings();
  for (const [ref, isHeld] of former?.held().entries() ?? [])
    if (isHeld === 1) all.see(former!.left.paths[ref]!, former!.left.stats, ref);
  for (const [i, path] of looked.paths.entries()) if (all.see(path, looked.stats, i) === undefined) return undefined;
  return all.evidence();
}

type Written = { readonly version: string } | "seen in two states";

/** Where the same targets stand on the same paths, only stats and keys are other: of ten thousand targets, mostly of some. Undefined: it is not so. */
function leaveAsBefore(file: string, about: LeftAbout, { former, looked, own, targets }: Made): Written | undefined {
  if (former === undefined || !areThoseOf(former, own, targets)) return undefined;
  const { left } = former;
  const placeOf = new Map(looked.paths.map((path, i) => [path, i]));
  const stats = Float64Array.from(left.stats);
  const isHeld = former.held();
  let isAsBefore = true;
  const see = (ref: number): boolean => {
    const place = placeOf.get(left.paths[ref]!)!;
    for (let k = 0; k < 4; k++) {
      if (stats[ref * 4 + k] === looked.stats[place * 4 + k]) continue;
      if (isHeld[ref] === 1) return false;
      stats[ref * 4 + k] = looked.stats[place * 4 + k]!;
      isAsBefore = false;
    }
    return true;
  };
  const shared = new Map(left.paths.slice(0, left.header.shared).map((path, ref) => [path, ref]));
  const seen: number[] = [];
  for (const path of looked.shared) {
    const ref = shared.get(path);
    if (ref === undefined) return undefined;
    seen.push(ref);
  }
  const cores = new Map<number, Digest>();
  for (const [index, { core, paths }] of own) {
    const number = left.numberOf(targets[index]!.name, index)!;
    const refs = left.refsOf(number).subarray(former.restored.get(index)?.length ?? 0);
    if (refs.length !== paths.length || paths.some((path, k) => left.paths[refs[k]!] !== path)) return undefined;
    for (const ref of refs) seen.push(ref);
    if (left.coreOf(number) !== core) cores.set(number, core);
  }
  if (!seen.every(see)) return "seen in two states";
  const { version, asked, environment, trace, record } = left.header;
  const isSame = JSON.stringify([asked, environment, trace, record]) === JSON.stringify([about.asked, about.environment, about.trace, about.record]); // prettier-ignore
  return { version: isAsBefore && isSame && cores.size === 0 ? version : left.write(file, about, stats, cores) };
}

/** Whether the targets that can be recalled are those that were left, in the same order. */
function areThoseOf(former: Recall, own: Made["own"], targets: readonly GraphTarget[]): boolean {
  const { names } = former.left;
  let number = 0;
  for (const { index, name } of targets) {
    const isLeft = former.isTaken(index) || own.has(index);
    if (isLeft !== (names[number] === name)) return false;
    if (isLeft) number++;
  }
  return number === names.length;
}

function leaveAnew(file: string, about: LeftAbout, { former, looked, own, targets }: Made): Written {
  const all = new Sightings();
  const places = new Map(looked.paths.map((path, i) => [path, i]));
  let areOne = true;
  const note = (ref: number | undefined): number => {
    areOne &&= ref !== undefined;
    return ref ?? 0;
  };
  const seeNow = (path: string) => note(all.see(path, looked.stats, places.get(path)!));
  const seeAsLeft = (ref: number) => note(all.see(former!.left.paths[ref]!, former!.left.stats, ref));
  if (former !== undefined) for (let ref = 0; ref < former.left.header.shared; ref++) seeAsLeft(ref);
  looked.shared.forEach(seeNow);
  const shared = all.size;
  const left: LeftTarget[] = [];
  for (const { index, name } of targets) {
    const taken = former?.takenAs(index);
    const these = own.get(index);
    if (taken !== undefined) {
      const refs = Array.from(former!.left.refsOf(taken), seeAsLeft);
      left.push({ name, core: former!.left.coreOf(taken), refs });
    } else if (these !== undefined) {
      const read = Array.from(former?.restored.get(index) ?? [], seeAsLeft);
      left.push({ name, core: these.core, refs: [...read, ...these.paths.map(seeNow)] });
    }
  }
  return areOne ? { version: writeLeft(file, about, { ...all.evidence(), shared }, left) } : "seen in two states";
}

class Sightings {
  readonly #paths: string[] = [];
  readonly #numbers: number[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#paths.length;
  }

  /** The number of the path. Undefined: it was seen in another state. */
  see(path: string, stats: Float64Array, at: number): number | undefined {
    const known = this.#places.get(path);
    if (known !== undefined) {
      for (let k = 0; k < 4; k++) if (this.#numbers[known * 4 + k] !== stats[at * 4 + k]) return undefined;
      return known;
    }
    const place = this.#paths.push(path) - 1;
    this.#places.set(path, place);
    for (let k = 0; k < 4; k++) this.#numbers.push(stats[at * 4 + k]!);
    return place;
  }

  evidence(): Evidence {
    return { paths: this.#paths, stats: Float64Array.from(this.#numbers) };
  }
}

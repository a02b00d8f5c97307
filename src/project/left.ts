// The file of what the last complete build of a run left: of each target its key and the files on which it stands, with the stats that prove them
// untouched. How it is read, and written: anew, or as it was but for what a few targets have made.

import { createHash, randomUUID } from "node:crypto";
import {
  leftParts,
  lookAt,
  pack,
  packPaths,
  unpack,
  unpackPaths,
  unpackStats,
  type VersionedHeader,
} from "../fast/stamp.ts";
import type { Digest } from "../model/digest.ts";
import { writeAtomic } from "../util/fs.ts";
import { buildId } from "./version.ts";

const leftFormat = 3;

export interface LeftHeader extends VersionedHeader {
  readonly format: typeof leftFormat;
  readonly build: string;
  readonly node: string;
  readonly root: string;
  /** Of everything that the config says, of the names of run and experiment, and of what is taken from other runs. */
  readonly asked: Digest;
  readonly environment: readonly (readonly [name: string, value: string | null])[];
  /** How many paths, the first ones, all targets share. */
  readonly shared: number;
  /** The stat of the run's trace: while it holds, all that is said here is what the trace says. */
  readonly trace: readonly number[];
  /** The stat of the run's record: while it holds, it says of all targets below that they stand on their results. */
  readonly record: readonly number[];
  /** Of all the rest: a bit that the disk has turned in it might take a file from the target that reads it. */
  readonly sum: string;
}

/** What is not the program's own to say. */
export type LeftAbout = Omit<LeftHeader, "version" | "format" | "build" | "node" | "shared" | "sum">;

const coreBytes = 32;

/** Paths, their stats; names of targets, their keys, how many paths each has, the numbers of those. */
type Parts = readonly [paths: Buffer, stats: Buffer, names: Buffer, cores: Buffer, counts: Buffer, refs: Buffer];

/** As it lies in the file: a hundred thousand objects that nobody asks for would cost more than to read it. */
export class Left {
  readonly header: LeftHeader;
  /** Each once, from the root where it lies there. */
  readonly paths: readonly string[];
  /** Four numbers a path; see the stamp. */
  readonly stats: Float64Array;
  readonly names: readonly string[];
  readonly #parts: Parts;
  readonly #cores: Buffer;
  /** Of each target, where its numbers of paths begin; and where the last one's end. */
  readonly #begins: Uint32Array;
  readonly #refs: Uint32Array;
  #numbers: ReadonlyMap<string, number> | undefined;

  private constructor(header: LeftHeader, parts: readonly Buffer[]) {
    const [paths, stats, names, cores, counts, refs] = parts as Parts;
    this.header = header;
    this.#parts = parts as Parts;
    this.paths = unpackPaths(paths);
    this.stats = unpackStats(stats);
    this.names = unpackPaths(names);
    this.#cores = cores;
    this.#begins = new Uint32Array(this.names.length + 1);
    const lengths = numbersIn(counts);
    for (let number = 0; number < lengths.length; number++)
      this.#begins[number + 1] = this.#begins[number]! + lengths[number]!;
    this.#refs = numbersIn(refs);
  }

  /** Undefined: there is none, it is damaged, or another program wrote it. */
  static read(file: string): Left | undefined {
    const found = unpack<LeftHeader>(file, leftParts);
    if (found === undefined || !isOwn(found.header)) return undefined;
    const left = new Left(found.header, found.parts);
    return left.#isWhole() ? left : undefined;
  }

  #isWhole(): boolean {
    const { paths, names, stats } = this;
    const { shared, environment, trace, record, sum } = this.header;
    return (
      [environment, trace, record].every((list) => Array.isArray(list)) &&
      shared <= paths.length &&
      stats.length === paths.length * 4 &&
      this.#cores.length === names.length * coreBytes &&
      sum === sumOf(this.header, this.#parts)
    );
  }

  /** `near`: where it is if every target of the graph is among those that were left. */
  numberOf(name: string, near: number): number | undefined {
    if (this.names[near] === name) return near;
    this.#numbers ??= new Map(this.names.map((one, number) => [one, number]));
    return this.#numbers.get(name);
  }

  coreOf(number: number): Digest {
    return this.#cores.toString("hex", number * coreBytes, (number + 1) * coreBytes) as Digest;
  }

  /** The numbers of the paths on which the target stands: of files of the project that it reads, then of its outputs. */
  refsOf(number: number): Uint32Array {
    return this.#refs.subarray(this.#begins[number], this.#begins[number + 1]);
  }

  /** The same, with other stats, and other keys for some targets. */
  write(file: string, about: LeftAbout, stats: Float64Array, cores: ReadonlyMap<number, Digest>): string {
    const [paths, , names, former, counts, refs] = this.#parts;
    const all = Buffer.from(former);
    for (const [number, core] of cores) all.write(core, number * coreBytes, "hex");
    return writeParts(file, about, this.header.shared, [paths, bytesOf(stats), names, all, counts, refs]);
  }
}

export interface LeftTarget {
  readonly name: string;
  readonly core: Digest;
  /** Numbers of paths; as of `refsOf`. */
  readonly refs: Iterable<number>;
}

/** Returns the version. */
export function writeLeft(
  file: string,
  about: LeftAbout,
  seen: { readonly paths: readonly string[]; readonly stats: Float64Array; readonly shared: number },
  targets: readonly LeftTarget[],
): string {
  const cores = Buffer.alloc(targets.length * coreBytes);
  const counts = new Uint32Array(targets.length);
  const refs: number[] = [];
  for (const [number, target] of targets.entries()) {
    cores.write(target.core, number * coreBytes, "hex");
    const before = refs.length;
    for (const ref of target.refs) refs.push(ref);
    counts[number] = refs.length - before;
  }
  const names = packPaths(targets.map(({ name }) => name));
  return writeParts(file, about, seen.shared, [
    packPaths(seen.paths),
    bytesOf(seen.stats),
    names,
    cores,
    bytesOf(counts),
    bytesOf(Uint32Array.from(refs)),
  ]);
}

/** Whether the run's record is as this program wrote it at the end of the last complete build. Reads no more of the file than that takes. */
export function isRecordAsLeft(file: string, record: string): boolean {
  const header = unpack<LeftHeader>(file, leftParts, 0)?.header;
  if (header === undefined || !isOwn(header) || !Array.isArray(header.record)) return false;
  return lookAt(record, Float64Array.from(header.record), 0) === "as stamped";
}

function isOwn({ format, build, node }: LeftHeader): boolean {
  return format === leftFormat && build === buildId && node === process.version;
}

function writeParts(file: string, about: LeftAbout, shared: number, parts: Parts): string {
  const version = randomUUID();
  const own = { version, format: leftFormat, build: buildId, node: process.version, shared } as const;
  const header: LeftHeader = { ...own, ...about, sum: sumOf({ ...about, shared }, parts) };
  writeAtomic(file, pack(header, parts));
  return version;
}

function sumOf(
  { root, asked, environment, shared, trace, record }: LeftAbout & { shared: number },
  parts: Parts,
): string {
  const sum = createHash("sha256").update(JSON.stringify([root, asked, environment, shared, trace, record]));
  for (const part of parts) sum.update(part);
  return sum.digest("hex");
}

export function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Uint32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function numbersIn({ buffer, byteOffset, byteLength }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
}

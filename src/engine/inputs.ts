// From a target's wires to content: upstream artifacts, files of the project, globs. Gives what goes into the key and how to hand it over.

import { readdirSync, realpathSync } from "node:fs";
import { extname, isAbsolute, join, relative, resolve } from "node:path";
import { globSync, isDynamicPattern, type GlobOptions } from "tinyglobby";
import type { InputOrder } from "../backends/executors/executor.ts";
import type { FileDigests } from "../backends/store/store.ts";
import type { SourceSeen } from "../backends/store/trace.ts";
import type { Artifact, Artifacts, TreeListing } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { InputRecord } from "../planning/fingerprint/action-key.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import { walkTreeThroughLinks } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { statOf, statText, type StatText } from "../util/stat.ts";
import { ContentLost, type Contents, type SlotShape } from "./contents.ts";

/** One input slot, resolved. `order` throws `ContentLost` when an upstream artifact's content is nowhere any more. */
export interface ResolvedInput {
  readonly record: InputRecord;
  readonly order: () => InputOrder;
  /** Bytes; of trees and lists the sum. */
  readonly size: number;
  /** Files of the project behind it: they may be edited while an action runs. */
  readonly sources: readonly SourceFile[];
  /** For `split`: the parts that an item may be handed. */
  readonly members?: readonly ResolvedInput[];
  readonly fileOf?: (name: string) => ResolvedInput | undefined;
}
/** A file with its digest, and the stat for which that holds. */
export interface SourceFile {
  readonly path: string;
  readonly seen: StatText;
  readonly digest: Digest;
}
export type ResolvedInputs = Readonly<Record<string, ResolvedInput>>;

/** Files of the project that were read to resolve inputs, and the patterns whose matches count: for the stamp of the fast path. */
export class SourcesRead {
  readonly files = new Map<string, SourceFile>();
  readonly absent = new Set<string>();
  /** Glob, or folder with a `/` behind it → what it stood for. */
  readonly globs = new Map<string, WalkRead>();
  /** Whether something was seen in two states: then no stamp can vouch for what was made of the first. */
  moved = false;

  addFile(file: SourceFile): void {
    const earlier = this.files.get(file.path);
    if (earlier !== undefined && (earlier.seen !== file.seen || earlier.digest !== file.digest)) this.moved = true;
    this.files.set(file.path, file);
  }

  addGlob(pattern: string, walk: Walk): void {
    const read = readOfWalk(walk);
    if ((this.globs.get(pattern) ?? read).digest !== read.digest) this.moved = true;
    this.globs.set(pattern, read);
  }
}

/** What a pattern or a folder stands for, and everywhere that was looked for it. */
export interface Walk {
  /** Sorted by code unit. */
  readonly matches: readonly string[];
  /** Folders that were listed and links that were followed, absolute: what comes to match shows in the stat of one of them. */
  readonly looked: readonly string[];
  /** Of these, those that were not there: a folder that is yet to be made, a link that leads nowhere. */
  readonly absent: readonly string[];
}

/** A walk as it is remembered. */
export interface WalkRead extends Omit<Walk, "matches"> {
  /** Of all of it: a folder that was not walked then is not watched, even while it is empty. */
  readonly digest: Digest;
}

export function readOfWalk({ matches, looked, absent }: Walk): WalkRead {
  // As JSON: a name may hold any character but `/` and NUL.
  return { digest: digestOfBytes(JSON.stringify([matches, looked, absent])), looked, absent };
}

export interface SourceDigests extends FileDigests {
  /** The stat for which the last answer held. */
  statTextOf(path: string): StatText | undefined;
  isRacy(path: string): boolean;
}

export interface InputResolverOptions {
  readonly root: string;
  readonly digests: SourceDigests;
  readonly contents: Contents;
  readonly sources: SourcesRead;
}

export class InputResolver {
  readonly #options: InputResolverOptions;
  readonly #listings = new Map<Digest, TreeListing>();

  constructor(options: InputResolverOptions) {
    this.#options = options;
  }

  resolve(
    target: GraphTarget,
    section: JsonObject,
    upstream: (index: number) => { readonly artifacts: Artifacts; readonly target: GraphTarget },
  ): Result<ResolvedInputs, readonly Failure[]> {
    const failures: Failure[] = [];
    const inputs = Object.entries(target.inputs).map(
      ([slot, input]) => [slot, this.#one(slot, input, target, section, upstream, failures)] as const,
    );
    if (failures.length > 0) return fail(failures);
    return ok(
      Object.fromEntries(inputs.filter((entry): entry is readonly [string, ResolvedInput] => entry[1] !== undefined)),
    );
  }

  #one(
    slot: string,
    input: GraphInput,
    target: GraphTarget,
    section: JsonObject,
    upstream: (index: number) => { readonly artifacts: Artifacts; readonly target: GraphTarget },
    failures: Failure[],
  ): ResolvedInput | undefined {
    switch (input.kind) {
      case "absent":
        return absent;
      case "artifact": {
        const from = upstream(input.target);
        const shape = from.target.declaration.contract.outputs[input.slot]!;
        const artifact = from.artifacts[input.slot] ?? { kind: "absent" };
        // The cache may have been deleted: what lies in the run's folder is taken back from there.
        const recover = () => this.#options.contents.recover(from.target.name, input.slot, shape, artifact);
        return this.ofArtifact(slot, shape, artifact, recover);
      }
      case "list": {
        const members = input.members.map(
          (member) => this.#one(slot, member, target, section, upstream, failures) ?? absent,
        );
        return listOf(members);
      }
      case "source": {
        const found = this.#file(input.path, input.declared);
        if (found === undefined && input.declared.optional && this.#isAbsent(input.path)) return absent;
        if (found === undefined) failures.push(this.#noSource(input.path, target.name));
        else if ((found.record.kind === "tree") !== (input.declared.format === "tree"))
          failures.push(wrongKind(input.path, found, slot, target.name));
        return found;
      }
      case "sources": {
        const patterns = input.patterns(section as never);
        const groups = patterns.map((pattern) => {
          const files = this.#match(pattern);
          if (files.length === 0 && !isDynamicPattern(pattern)) failures.push(this.#noSource(pattern, target.name));
          const folder = files.find((file) => file.record.kind === "tree");
          if (folder !== undefined) failures.push(wrongKind(pattern, folder, slot, target.name));
          return listOf(files);
        });
        return listOf(groups);
      }
    }
  }

  /** What lies in a folder of the project that was resolved. */
  listingOf(tree: Digest): TreeListing | undefined {
    return this.#listings.get(tree);
  }

  /** The source files that are the record's inputs. */
  sourcesIn(inputs: Readonly<Record<string, InputRecord>>): readonly SourceSeen[] {
    const { root, digests, sources } = this.#options;
    const digestsOf = (record: InputRecord): Digest[] =>
      record.kind === "list" ? record.members.flatMap(digestsOf) : record.kind === "file" ? [record.digest] : [];
    const wanted = new Set(Object.values(inputs).flatMap(digestsOf));
    return [...sources.files.keys()].flatMap((path): SourceSeen[] => {
      const blob = digests.digestOf(path);
      return blob !== undefined && wanted.has(blob.digest) ? [[blob.digest, blob.size, relative(root, path)]] : [];
    });
  }

  /** `recover` brings lost content back into a store, and says whether it could. */
  ofArtifact(slot: string, shape: SlotShape, artifact: Artifact, recover: () => boolean): ResolvedInput {
    const { contents } = this.#options;
    const order = () => {
      try {
        return contents.orderOf(slot, shape, artifact);
      } catch (error) {
        if (!(error instanceof ContentLost) || !recover()) throw error;
        return contents.orderOf(slot, shape, artifact);
      }
    };
    switch (artifact.kind) {
      case "absent":
        return absent;
      case "file":
        return {
          record: { kind: "file", digest: artifact.blob.digest, ext: shape.ext, format: shape.format },
          order,
          size: artifact.blob.size,
          sources: [],
        };
      case "tree":
        return {
          record: { kind: "tree", digest: artifact.blob.digest },
          order,
          size: artifact.size,
          sources: [],
          fileOf: this.#treeFiles(slot, artifact, recover),
        };
    }
  }

  /** The listing is read when the first file is asked for. */
  #treeFiles(
    slot: string,
    artifact: Extract<Artifact, { kind: "tree" }>,
    recover: () => boolean,
  ): (name: string) => ResolvedInput | undefined {
    const { contents } = this.#options;
    let files: Map<string, ResolvedInput> | undefined;
    return (name) => {
      if (files === undefined) {
        const listing = contents.listingOf(artifact) ?? (recover() ? contents.listingOf(artifact) : undefined);
        if (listing === undefined) throw new ContentLost(slot);
        files = new Map(
          listing.map(([path, digest, size]) => {
            const shape = { format: "file" as const, ext: extname(path) };
            return [path, this.ofArtifact(`${slot}/${path}`, shape, { kind: "file", blob: { digest, size } }, recover)];
          }),
        );
      }
      return files.get(name);
    };
  }

  /** Registers a file or folder that counts but is no input of a recipe: what people handed over. */
  look(path: string): void {
    this.#file(path, { format: "file", ext: "" });
  }

  #isAbsent(path: string): boolean {
    return statOf(this.#absolute(path)) === undefined;
  }

  #absolute(path: string): string {
    return isAbsolute(path) ? path : join(this.#options.root, path);
  }

  #noSource(path: string, target: string): Failure {
    const neededBy = `target "${target}"`;
    if (this.#isAbsent(path))
      return inputFailure(`${path} does not exist`, {
        neededBy,
        fix: "Paths are taken from the folder of Expfile.ts.",
      });
    // Reading a pipe could wait for ever, and neither a pipe nor a device has content that could be told from other content.
    return inputFailure(`${path} is neither a file nor a folder`, { neededBy, fix: "Copy what it gives into a file." });
  }

  /** A file or folder of the project as an input. */
  #file(path: string, shape: SlotShape): ResolvedInput | undefined {
    const { digests, sources } = this.#options;
    const absolute = this.#absolute(path);
    const stat = statOf(absolute);
    if (stat === undefined) {
      sources.absent.add(absolute);
      return undefined;
    }
    if (stat.isDirectory()) return this.#folder(absolute, path);
    const blob = digests.digestOf(absolute);
    if (blob === undefined) return undefined;
    const seen = digests.statTextOf(absolute) ?? statText(stat);
    const source: SourceFile = { path: absolute, seen, digest: blob.digest };
    sources.addFile(source);
    const order = (): InputOrder => ({ kind: "file", format: shape.format, ext: extname(path), path: absolute });
    return {
      record: { kind: "file", digest: blob.digest, ext: extname(path), format: shape.format },
      order,
      size: blob.size,
      sources: [source],
    };
  }

  #folder(absolute: string, pattern: string): ResolvedInput {
    const walk = walkFolder(absolute);
    this.#options.sources.addGlob(join(pattern, "/"), walk);
    const files = new Map(
      walk.matches.flatMap((name) => {
        const file = this.#file(join(absolute, name), { format: "file", ext: extname(name) });
        return file === undefined ? [] : [[name, file] as const];
      }),
    );
    const listing: TreeListing = [...files].map(([name, file]) => [name, digestOfFileRecord(file), file.size]);
    const order = (): InputOrder => ({
      kind: "tree",
      files: [...files].map(([name, file]) => [name, (file.order() as { path: string }).path] as const),
    });
    const digest = digestOfBytes(JSON.stringify(listing));
    this.#listings.set(digest, listing);
    return {
      record: { kind: "tree", digest },
      order,
      size: sum(files.values()),
      sources: sourcesOf(files.values()),
      fileOf: (name) => files.get(name),
    };
  }

  #match(pattern: string): ResolvedInput[] {
    const { root, sources } = this.#options;
    if (!isDynamicPattern(pattern)) {
      const file = this.#file(pattern, { format: "file", ext: extname(pattern) });
      return file === undefined ? [] : [file];
    }
    const walk = matchSources(root, pattern);
    sources.addGlob(pattern, walk);
    return walk.matches.flatMap((path) => this.#file(path, { format: "file", ext: extname(path) }) ?? []);
  }
}

/** What a key of `SourcesRead.globs` stands for: the files below a folder, relative to it, or the matches of a glob. */
export function listMatches(root: string, key: string): Walk {
  if (!key.endsWith("/")) return matchSources(root, key);
  return walkFolder(isAbsolute(key) ? key : join(root, key));
}

/** Paths from the root. */
function matchSources(root: string, pattern: string): Walk {
  const options = { cwd: root, dot: false, followSymbolicLinks: true, expandDirectories: false };
  const { matches, looked, absent } = walkGlob(pattern, options);
  return { matches: matches.map((path) => relative(root, path)).sort(), looked, absent };
}

/** Absolute paths. Where was looked is told by the globber itself: a second opinion on how it walks would be wrong sooner or later. */
export function walkGlob(pattern: string, options: GlobOptions & { readonly cwd: string }): Walk {
  const looked = new Set<string>();
  const absent = new Set<string>();
  const watch = (path: string) => {
    const plain = resolve(path); // Folders come with a slash behind them.
    (statOf(plain) === undefined ? absent : looked).add(plain);
  };
  const watched = {
    readdirSync: ((path: string, how: { withFileTypes: true }) => {
      watch(path);
      return readdirSync(path, how);
    }) as typeof readdirSync,
    // Asked of links only. The link is watched beside the folder that it leads to, for it may come to lead to another.
    realpathSync: ((path: string) => {
      watch(path);
      return realpathSync(path);
    }) as typeof realpathSync,
  };
  const matches = globSync(pattern, { ...options, absolute: true, fs: watched }).sort();
  return { matches, looked: [...looked].sort(), absent: [...absent].sort() };
}

/** The files below a folder, relative to it. */
function walkFolder(folder: string): Walk {
  if (statOf(folder)?.isDirectory() !== true) return { matches: [], looked: [], absent: [folder] };
  const { files, folders } = walkTreeThroughLinks(folder);
  return { matches: files, looked: folders.sort(), absent: [] };
}

const absent: ResolvedInput = { record: { kind: "absent" }, order: () => ({ kind: "absent" }), size: 0, sources: [] };

function listOf(members: readonly ResolvedInput[]): ResolvedInput {
  return {
    record: { kind: "list", members: members.map((member) => member.record) },
    order: () => ({ kind: "list", members: members.map((member) => member.order()) }),
    size: sum(members),
    sources: sourcesOf(members),
    members,
  };
}

function sum(inputs: Iterable<ResolvedInput>): number {
  let bytes = 0;
  for (const input of inputs) bytes += input.size;
  return bytes;
}

function sourcesOf(inputs: Iterable<ResolvedInput>): SourceFile[] {
  return [...inputs].flatMap((input) => input.sources);
}

/** The files of the project behind some inputs. */
export function filesBehind(inputs: ResolvedInputs): SourceFile[] {
  return Object.values(inputs).flatMap(({ sources }) => sources);
}

/**
 * What has happened to files since they were resolved. `touched`: they hold what they held, and yet their stat has moved, so that they may have
 * held something else meanwhile. Within a clock tick the stat says nothing, and the content decides.
 */
export function changeOf(files: readonly SourceFile[], digests: SourceDigests): "none" | "touched" | "edited" {
  let isTouched = false;
  for (const { path, seen, digest } of files) {
    const stat = statOf(path);
    const isProven = stat !== undefined && statText(stat) === seen && !digests.isRacy(path);
    if (isProven) continue;
    if (digests.digestOf(path)?.digest !== digest) return "edited";
    if (stat === undefined || statText(stat) !== seen) isTouched = true;
  }
  return isTouched ? "touched" : "none";
}

function wrongKind(path: string, found: ResolvedInput, slot: string, target: string): Failure {
  const neededBy = `target "${target}"`;
  return found.record.kind === "tree"
    ? inputFailure(`${path} is a folder, and the input "${slot}" takes files`, {
        neededBy,
        fix: `Name the files, by a glob if they are many (${join(path, "**")}), or declare the input a tree().`,
      })
    : inputFailure(`${path} is a file, and the input "${slot}" takes a folder`, { neededBy });
}

function digestOfFileRecord(file: ResolvedInput): Digest {
  if (file.record.kind !== "file") throw new Error("a folder's listing holds files only");
  return file.record.digest;
}

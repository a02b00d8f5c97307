// From a target's wires to content: upstream artifacts, files of the project, globs. Gives what goes into the key and how to hand it over.

import { extname, join, relative, resolve } from "node:path";
import { isDynamicPattern } from "tinyglobby";
import type { InputOrder } from "../backends/executors/executor.ts";
import type { FoundFile } from "../backends/store/store.ts";
import type { SourceSeen } from "../backends/store/trace-lines.ts";
import type { Artifact, Artifacts, TreeListing } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { InputRecord } from "../planning/fingerprint/action-key.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { SlotFormat } from "../api/slot.ts";
import { ContentLost, type Contents, type SlotShape } from "./contents.ts";
import type { Places } from "./places.ts";
import {
  findSources,
  isAbsent,
  namedSources,
  type FoundPath,
  type FoundSources,
  type NamedSources,
} from "./find-sources.ts";
import { noSource, unreadable, wrongKind } from "./source-failures.ts";
import { type SourceDigests, type SourceFile, type SourcesRead } from "./sources.ts";
import { pathInside } from "./walk.ts";

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
  /** Globs among its patterns that match nothing. */
  readonly unmatched?: readonly string[];
}
export type ResolvedInputs = Readonly<Record<string, ResolvedInput>>;

export interface InputResolverOptions {
  readonly root: string;
  readonly digests: SourceDigests;
  readonly contents: Contents;
  readonly places: Places;
  readonly sources: SourcesRead;
}

export class InputResolver {
  readonly #options: InputResolverOptions;
  readonly #listings = new Map<Digest, TreeListing>();

  constructor(options: InputResolverOptions) {
    this.#options = options;
  }

  async resolve(
    target: GraphTarget,
    section: JsonObject,
    upstream: (index: number) => { readonly artifacts: Artifacts; readonly target: GraphTarget },
  ): Promise<Result<ResolvedInputs, readonly Failure[]>> {
    const failures: Failure[] = [];
    const inputs: Record<string, ResolvedInput> = {};
    const named = namedSources(target, section);
    const found = named === undefined ? nothing : await this.#find(named.paths, named.patterns);
    for (const slot in target.inputs) {
      const input = this.#one(
        slot,
        target.inputs[slot]!,
        target,
        { upstream, found, patternsOf: named?.patternsOf ?? new Map() },
        failures,
      );
      if (input !== undefined) inputs[slot] = input;
    }
    return failures.length > 0 ? fail(failures) : ok(inputs);
  }

  #one(
    slot: string,
    input: GraphInput,
    target: GraphTarget,
    given: Given,
    failures: Failure[],
  ): ResolvedInput | undefined {
    switch (input.kind) {
      case "absent":
        return absent;
      case "artifact": {
        const from = given.upstream(input.target);
        const shape = from.target.declaration.contract.outputs[input.slot]!;
        const artifact = from.artifacts[input.slot] ?? { kind: "absent" };
        // The cache may have been deleted: what lies in the run's folder is taken back from there.
        const recover = () => this.#options.places.recover(from.target.name, input.slot, shape, artifact);
        return this.ofArtifact(slot, shape, artifact, recover);
      }
      case "list": {
        const members = input.members.map((member) => this.#one(slot, member, target, given, failures) ?? absent);
        return listOf(members);
      }
      case "source": {
        const unread: string[] = [];
        const found = this.#file(input.path, input.declared, given.found, unread);
        failures.push(...unreadable(this.#options.root, unread, target.name));
        if (found === undefined && input.declared.optional && isAbsent(given.found, input.path)) return absent;
        if (found === undefined) failures.push(noSource(input.path, given.found, target.name));
        else if ((found.record.kind === "tree") !== (input.declared.format === "tree"))
          failures.push(wrongKind(input.path, found.record.kind === "tree", slot, target.name));
        return found;
      }
      case "sources": {
        const patterns = given.patternsOf.get(input)!;
        if (!patterns.ok) return void failures.push(patterns.error);
        const unmatched: string[] = [];
        const groups = patterns.value.map((pattern) => {
          const unread: string[] = [];
          const files = this.#match(pattern, given.found, unread);
          failures.push(...unreadable(this.#options.root, unread, target.name));
          if (files.length === 0 && isDynamicPattern(pattern)) unmatched.push(pattern);
          else if (files.length === 0) failures.push(noSource(pattern, given.found, target.name));
          const folder = files.find((file) => file.record.kind === "tree");
          if (folder !== undefined) failures.push(wrongKind(pattern, true, slot, target.name));
          return listOf(files);
        });
        return { ...listOf(groups), unmatched };
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
    return [...wanted].flatMap((digest) =>
      sources.pathsWith(digest).flatMap((path): SourceSeen[] => {
        const blob = digests.digestOf(path);
        return blob?.digest === digest ? [[digest, blob.size, relative(root, path)]] : [];
      }),
    );
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

  /** Registers files and folders that count but are no input of a recipe: what people handed over. */
  async look(paths: readonly string[]): Promise<void> {
    const found = await this.#find(paths, []);
    for (const path of paths) this.#file(path, { format: "file", ext: "" }, found, []);
  }

  #find(paths: readonly string[], patterns: readonly string[]): Promise<FoundSources> {
    const { root, digests } = this.#options;
    return findSources(root, paths, patterns, digests);
  }

  /** A file or folder of the project as an input. `unread` takes the paths in it that cannot be read. */
  #file(name: string, shape: SlotShape, found: FoundSources, unread: string[]): ResolvedInput | undefined {
    const one = found.paths.get(name)!;
    switch (one.kind) {
      case "none":
        if (!one.isThere) this.#options.sources.absent.add(one.path);
        return undefined;
      case "file":
        return this.#plainFile(one.path, shape.format, found);
      case "folder":
        return this.#folder(one, name, found, unread);
      case "glob":
        throw new Error(`${name} is a pattern`);
    }
  }

  #plainFile(absolute: string, format: SlotFormat, found: FoundSources): ResolvedInput | undefined {
    const file = found.files.get(absolute);
    if (file === undefined) return undefined;
    const source = this.#seen(absolute, file);
    const ext = extname(absolute);
    return {
      record: { kind: "file", digest: file.digest, ext, format },
      order: () => ({ kind: "file", format, ext, path: absolute }),
      size: file.size,
      sources: [source],
    };
  }

  #seen(path: string, { seen, digest }: FoundFile): SourceFile {
    const source: SourceFile = { path, seen, digest };
    this.#options.sources.addFile(source);
    return source;
  }

  #folder(
    { path: absolute, walk, files }: FoundFolder,
    pattern: string,
    found: FoundSources,
    unread: string[],
  ): ResolvedInput {
    this.#options.sources.addGlob(join(pattern, "/"), walk);
    // A folder may hold ten thousand files, and few recipes are handed them one by one.
    const listing: TreeListing[number][] = [];
    const sources: SourceFile[] = [];
    let size = 0;
    for (const [i, path] of files.entries()) {
      const file = found.files.get(path);
      if (file === undefined) {
        unread.push(path);
        continue;
      }
      sources.push(this.#seen(path, file));
      listing.push([walk.matches[i]!, file.digest, file.size]);
      size += file.size;
    }
    const digest = digestOfBytes(JSON.stringify(listing));
    this.#listings.set(digest, listing);
    return {
      record: { kind: "tree", digest },
      order: () => ({ kind: "tree", files: listing.map(([name], i) => [name, sources[i]!.path] as const) }),
      size,
      sources,
      fileOf: (name) => this.#plainFile(pathInside(absolute, name), "file", found),
    };
  }

  /** What a folder or a glob stands for: files and nothing else. */
  #listed(absolute: string, found: FoundSources, unread: string[]): ResolvedInput | undefined {
    const file = this.#plainFile(absolute, "file", found);
    if (file === undefined) unread.push(absolute);
    return file;
  }

  #match(pattern: string, found: FoundSources, unread: string[]): ResolvedInput[] {
    const { root, sources } = this.#options;
    const one = found.paths.get(pattern)!;
    if (one.kind !== "glob") {
      const file = this.#file(pattern, { format: "file", ext: extname(pattern) }, found, unread);
      return file === undefined ? [] : [file];
    }
    sources.addGlob(pattern, one.walk);
    return one.walk.matches.flatMap((path) => this.#listed(resolve(root, path), found, unread) ?? []);
  }
}

/** What all inputs of one target are made of. */
interface Given {
  readonly upstream: (index: number) => { readonly artifacts: Artifacts; readonly target: GraphTarget };
  readonly found: FoundSources;
  readonly patternsOf: NamedSources["patternsOf"];
}

type FoundFolder = Extract<FoundPath, { kind: "folder" }>;

const nothing: FoundSources = { paths: new Map(), files: new Map() };

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

// From a target's wires to content: upstream artifacts, files of the project, globs. Gives what goes into the key and how to hand it over.

import { extname, isAbsolute, join, relative } from "node:path";
import { globSync, isDynamicPattern } from "tinyglobby";
import type { InputOrder } from "../backends/executors/executor.ts";
import type { FileDigests } from "../backends/store/local.ts";
import type { Artifact, Artifacts, TreeListing } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { InputRecord } from "../planning/fingerprint/action-key.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import { listTree } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { statOf, statText, type StatText } from "../util/stat.ts";
import type { Contents, SlotShape } from "./contents.ts";

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

/** Files of the project that were read to resolve inputs, and the patterns whose matches count. */
export interface SourcesRead {
  readonly files: Map<string, StatText>;
  readonly absent: Set<string>;
  /** Glob → digest of the list of matches. */
  readonly globs: Map<string, string>;
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
        return this.ofArtifact(slot, shape, from.artifacts[input.slot] ?? { kind: "absent" });
      }
      case "list": {
        const members = input.members.map(
          (member) => this.#one(slot, member, target, section, upstream, failures) ?? absent,
        );
        return listOf(members);
      }
      case "source": {
        const found = this.#file(input.path, input.declared);
        if (found === undefined && input.declared.optional) return absent;
        if (found === undefined) failures.push(missingSource(input.path, target.name));
        return found;
      }
      case "sources": {
        const patterns = input.patterns(section as never);
        const groups = patterns.map((pattern) => {
          const files = this.#match(pattern);
          if (files.length === 0 && !isDynamicPattern(pattern)) failures.push(missingSource(pattern, target.name));
          return listOf(files);
        });
        return listOf(groups);
      }
    }
  }

  ofArtifact(slot: string, shape: SlotShape, artifact: Artifact): ResolvedInput {
    const { contents } = this.#options;
    const order = () => contents.orderOf(slot, { format: shape.format, ext: shape.ext }, artifact);
    switch (artifact.kind) {
      case "absent":
        return absent;
      case "file":
        return {
          record: { kind: "file", digest: artifact.blob.digest, ext: shape.ext },
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
          fileOf: this.#treeFiles(slot, artifact),
        };
    }
  }

  /** The listing is read when the first file is asked for. */
  #treeFiles(slot: string, artifact: Extract<Artifact, { kind: "tree" }>): (name: string) => ResolvedInput | undefined {
    let files: Map<string, ResolvedInput> | undefined;
    return (name) => {
      files ??= new Map(
        (this.#options.contents.listingOf(artifact) ?? []).map(([path, digest, size]) => [
          path,
          this.ofArtifact(
            `${slot}/${path}`,
            { format: "file", ext: extname(path) },
            { kind: "file", blob: { digest, size } },
          ),
        ]),
      );
      return files.get(name);
    };
  }

  /** A file or folder of the project as an input. */
  #file(path: string, shape: SlotShape): ResolvedInput | undefined {
    const { root, digests, sources } = this.#options;
    const absolute = isAbsolute(path) ? path : join(root, path);
    const stat = statOf(absolute);
    if (stat === undefined) {
      sources.absent.add(absolute);
      return undefined;
    }
    if (stat.isDirectory()) return this.#folder(absolute, path);
    const blob = digests.digestOf(absolute);
    if (blob === undefined) return undefined;
    const seen = digests.statTextOf(absolute) ?? statText(stat);
    sources.files.set(absolute, seen);
    const order = (): InputOrder => ({ kind: "file", format: shape.format, ext: extname(path), path: absolute });
    return {
      record: { kind: "file", digest: blob.digest, ext: extname(path) },
      order,
      size: blob.size,
      sources: [{ path: absolute, seen, digest: blob.digest }],
    };
  }

  #folder(absolute: string, pattern: string): ResolvedInput {
    const names = listTree(absolute);
    this.#options.sources.globs.set(join(pattern, "**"), digestOfBytes(names.join("\n")));
    const files = new Map(
      names.flatMap((name) => {
        const file = this.#file(join(absolute, name), { format: "file", ext: extname(name) });
        return file === undefined ? [] : [[name, file] as const];
      }),
    );
    const listing: TreeListing = [...files].map(([name, file]) => [name, digestOfFileRecord(file), file.size]);
    const order = (): InputOrder => ({
      kind: "tree",
      files: [...files].map(([name, file]) => [name, (file.order() as { path: string }).path] as const),
    });
    return {
      record: { kind: "tree", digest: digestOfBytes(JSON.stringify(listing)) },
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
    const paths = matchGlob(root, pattern);
    sources.globs.set(pattern, digestOfBytes(paths.join("\n")));
    return paths.flatMap((path) => this.#file(path, { format: "file", ext: extname(path) }) ?? []);
  }
}

/** Paths from the root that match, sorted by code unit. */
export function matchGlob(root: string, pattern: string): string[] {
  return globSync(pattern, {
    cwd: root,
    absolute: true,
    dot: false,
    followSymbolicLinks: true,
    expandDirectories: false,
  })
    .map((path) => relative(root, path))
    .sort();
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

/** Whether files of the project are among the inputs: only they can change under an action. */
export function hasSources(inputs: ResolvedInputs): boolean {
  return Object.values(inputs).some((input) => input.sources.length > 0);
}

/** Whether a source's content is another than the one that was resolved. By stat where that proves it, else by content. */
export function sourcesChanged(inputs: ResolvedInputs, digests: SourceDigests): boolean {
  return Object.values(inputs).some(({ sources }) =>
    sources.some(({ path, seen, digest }) => {
      const stat = statOf(path);
      const isProven = stat !== undefined && statText(stat) === seen && !digests.isRacy(path);
      return !isProven && digests.digestOf(path)?.digest !== digest;
    }),
  );
}

function missingSource(path: string, target: string): Failure {
  return inputFailure(`${path} does not exist`, {
    neededBy: `target "${target}"`,
    fix: "Paths are taken from the folder of Expfile.ts.",
  });
}

function digestOfFileRecord(file: ResolvedInput): Digest {
  if (file.record.kind !== "file") throw new Error("a folder's listing holds files only");
  return file.record.digest;
}

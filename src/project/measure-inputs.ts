// Adds what people want to know of reasons that name an input: paths, sizes, rows, and which files of a tree or a list differ;
// as far as the old and the new content are still at hand.

import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { describeTable } from "../table.ts";
import type { TreeListing } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { FileChange, InputContent, Reason } from "../model/reason.ts";
import type { OpenRun } from "./open-run.ts";
import type { DecidingSession, Project } from "./project.ts";

type InputReason = Extract<Reason, { kind: "input" }>;

/** Files whose rows are counted, of one reason. */
const mostMeasured = 12;

export async function measureInputs(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  target: string,
  reasons: readonly Reason[],
): Promise<readonly Reason[]> {
  const { inputs, items } = run.graph.byName.get(target)?.declaration.contract ?? {};
  const declared = { ...items?.inputs, ...inputs };
  const measure = measureOf(project, session);
  return Promise.all(
    reasons.map(async (reason) => {
      if (reason.kind !== "input") return reason;
      const slot = declared[reason.slot.replace(/\[\d+\]/g, "")];
      const format =
        slot === undefined || slot.kind === "sources" ? "file" : (slot.kind === "list" ? slot.slot : slot).format;
      return measure.reason(reason, format);
    }),
  );
}

const measures = new WeakMap<DecidingSession, Measure>();

/** What one target read others read as well: what was looked up for it need not be looked up for them. */
function measureOf(project: Project, session: DecidingSession): Measure {
  const known = measures.get(session) ?? new Measure(project, session);
  measures.set(session, known);
  return known;
}

class Measure {
  readonly #project: Project;
  readonly #session: DecidingSession;
  /** Not at hand, as the texts are that lie inside results. What is at hand may be deleted at any time. */
  readonly #absent = new Set<Digest>();

  constructor(project: Project, session: DecidingSession) {
    this.#project = project;
    this.#session = session;
  }

  async reason(reason: InputReason, format: string): Promise<InputReason> {
    if (format === "tree") return this.#tree(reason);
    const isTable = format === "table";
    const before = await this.#content(reason.before, isTable);
    const after = await this.#content(reason.after, isTable);
    if (reason.files === undefined) return { ...reason, before, after };
    const named = await Promise.all(
      reason.files.map((file, i) => this.#placed(reason.slot, file, isTable && i < mostMeasured)),
    );
    return { ...reason, before, after, files: inOneLine(named) };
  }

  /** A file of a list: by its path where it is a source. */
  async #placed(slot: string, { change, file, ...sides }: FileChange, isTable: boolean): Promise<FileChange> {
    const before = await this.#content(sides.before, isTable);
    const after = await this.#content(sides.after, isTable);
    const copy = change === "added" && after?.digest !== undefined ? this.#newPathOf(after.digest) : undefined;
    const path = copy ?? after?.file ?? before?.file ?? `${slot}${file}`;
    return { change, file: path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
  }

  async #tree(reason: InputReason): Promise<InputReason> {
    const [old, now] = [this.#listing(reason.before?.digest), this.#listing(reason.after?.digest)];
    const measured = {
      ...reason,
      before: reason.before && { ...reason.before, ...sumOf(old) },
      after: reason.after && { ...reason.after, ...sumOf(now) },
    };
    if (old === undefined || now === undefined) return measured;
    const changes = changesOf(old, now);
    const files = await Promise.all(
      changes.map(async (change, i): Promise<FileChange> => {
        const isTable = i < mostMeasured && change.file.endsWith(".parquet");
        const [before, after] = [await this.#rows(change.before, isTable), await this.#rows(change.after, isTable)];
        return { ...change, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
      }),
    );
    return { ...measured, files };
  }

  #listing(tree: Digest | undefined): TreeListing | undefined {
    if (tree === undefined) return undefined;
    const today = this.#session.resolver.listingOf(tree);
    if (today !== undefined) return today;
    const blob = this.#blobOf(tree);
    return blob === undefined ? undefined : (JSON.parse(readFileSync(blob, "utf8")) as TreeListing);
  }

  async #content(content: InputContent | undefined, isTable: boolean): Promise<InputContent | undefined> {
    if (content?.digest === undefined) return content;
    const source = this.#sourceOf(content.digest);
    const file = this.#fileOf(content.digest);
    const size =
      (file === undefined ? undefined : this.#session.digests.digestOf(file)?.size) ?? source?.size ?? content.size;
    const sized = { ...content, size, ...(source !== undefined && { file: source.file }) };
    return this.#rows(sized, isTable);
  }

  async #rows(content: InputContent | undefined, isTable: boolean): Promise<InputContent | undefined> {
    const file = content?.digest === undefined || !isTable ? undefined : this.#fileOf(content.digest);
    if (content === undefined || file === undefined) return content;
    try {
      return { ...content, rows: (await describeTable({ path: file })).rows };
    } catch {
      // Not readable as a table any more: its size is all that can be said.
      return content;
    }
  }

  #blobOf(digest: Digest): string | undefined {
    if (this.#absent.has(digest)) return undefined;
    const path = this.#project.store.pathOf(digest) ?? this.#project.archiveBlobs.pathOf(digest);
    if (path === undefined) this.#absent.add(digest);
    return path;
  }

  #fileOf(digest: Digest): string | undefined {
    return this.#blobOf(digest) ?? this.#placeOf(digest);
  }

  /** The source file that has the content today, or had it when the run read it. */
  #sourceOf(digest: Digest): { readonly size?: number; readonly file: string } | undefined {
    const today = this.#placeOf(digest);
    if (today !== undefined) return { file: relative(this.#project.paths.root, today) };
    const seen = this.#session.trace.sourceOf(digest);
    return seen === undefined ? undefined : { size: seen[1], file: seen[2] };
  }

  /** Of a copy: where the content was not before. */
  #newPathOf(digest: Digest): string | undefined {
    const was = this.#session.trace.sourceOf(digest)?.[2];
    const { root } = this.#project.paths;
    const path = this.#session.sources
      .pathsWith(digest)
      .find((path) => relative(root, path) !== was && this.#holds(path, digest));
    return path === undefined ? undefined : relative(root, path);
  }

  /** A source file of the project that holds the content today. */
  #placeOf(digest: Digest): string | undefined {
    return this.#session.sources.pathsWith(digest).find((path) => this.#holds(path, digest));
  }

  #holds(path: string, digest: Digest): boolean {
    return this.#session.digests.digestOf(path)?.digest === digest;
  }
}

/** By paths, not by places: what went from a path and what came to it are one change, and only they are. */
function inOneLine(files: readonly FileChange[]): readonly FileChange[] {
  const byPath = files.flatMap((one): FileChange[] => {
    const [from, to] = [one.before?.file, one.after?.file];
    if (from === undefined || to === undefined || from === to) return [one];
    return [
      { change: "removed", file: from, before: one.before! },
      { change: "added", file: to, after: one.after! },
    ];
  });
  const removed = new Map(byPath.flatMap((one) => (one.change === "removed" ? [[one.file, one] as const] : [])));
  const added = new Set(byPath.flatMap((one) => (one.change === "added" ? [one.file] : [])));
  const told = byPath.flatMap((one): FileChange[] => {
    if (one.change === "removed") return added.has(one.file) ? [] : [one];
    const was = one.change === "added" ? removed.get(one.file) : undefined;
    return was === undefined ? [one] : [{ ...one, change: "changed", ...(was.before && { before: was.before }) }];
  });
  return told.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
}

function changesOf(old: TreeListing, now: TreeListing): FileChange[] {
  const [was, is] = [old, now].map((listing) => new Map(listing.map(([file, ...content]) => [file, content])));
  return [...new Set([...was!.keys(), ...is!.keys()])].sort().flatMap((file): FileChange[] => {
    const [left, right] = [was!.get(file), is!.get(file)];
    if (left?.[0] === right?.[0]) return [];
    const before = left && { digest: left[0], size: left[1] };
    const after = right && { digest: right[0], size: right[1] };
    const change = before === undefined ? "added" : after === undefined ? "removed" : "changed";
    return [{ change, file, ...(before && { before }), ...(after && { after }) }];
  });
}

function sumOf(listing: TreeListing | undefined): { readonly files?: number; readonly size?: number } {
  if (listing === undefined) return {};
  return { files: listing.length, size: listing.reduce((sum, [, , size]) => sum + size, 0) };
}

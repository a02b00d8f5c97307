// What cannot be recomputed, by digest, for all runs: bundles with their closures, splits, handed-over files. Never collected while a run refers to it.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isDigest, type Digest } from "../model/digest.ts";
import { FailureError, newerFormat } from "../model/failure.ts";
import type { BlobStore } from "../backends/store/store.ts";
import type { BundleSource } from "../planning/bundle/bundler.ts";
import { closureFormat, type Closure } from "../planning/bundle/closure.ts";
import { isMissing, readTextIfThere, writeAtomic } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";

const bundleFormat = 1;

/** How a bundle lies in the archive: the print and the map as blobs, the closure as a blob in which each module's text is a blob of its own. */
interface ArchivedBundle {
  readonly format: typeof bundleFormat;
  readonly code: Digest;
  readonly closure: Digest;
  readonly map: Digest;
  readonly printer: string;
  /** The label of its first module and its export: where to look for a print of the same recipe. */
  readonly entry: string;
  readonly exportName: string;
}

/** Bytes. */
const largestFileKept = 64 * 2 ** 20;
const mostFilesKept = 4_096;

export class Archive {
  readonly blobs: BlobStore;
  /** Holds the records of bundles. */
  readonly codeFolder: string;

  constructor(folder: string, blobs: BlobStore) {
    this.codeFolder = join(folder, "code");
    this.blobs = blobs;
  }

  keepBundle(code: Digest, file: string, source: BundleSource): void {
    // While a collection is under way, all that belongs to it is put again, or the record would outlive its parts.
    if (this.hasBundle(code) && !this.blobs.heedsMark) return;
    const { closure } = source;
    // Hundreds of small texts of packages: synced one by one they would cost more than the bundling.
    const modules = closure.modules.map(({ text, ...rest }) => ({ ...rest, text: this.blobs.putBytes(text).digest }));
    this.blobs.putFile(file);
    const record: ArchivedBundle = {
      format: bundleFormat,
      code,
      closure: this.blobs.putBytes(JSON.stringify({ ...closure, modules }), { durable: true }).digest,
      map: this.blobs.putBytes(source.map, { durable: true }).digest,
      printer: source.printer,
      entry: closure.modules[0]?.label ?? "",
      exportName: closure.exportName,
    };
    writeAtomic(this.#recordFile(code), JSON.stringify(record), { durable: true });
  }

  /** Takes in the record of a bundle from elsewhere, whose blobs are here. One that is whole already stays, if no collection is under way. */
  adoptBundle(code: Digest, text: string): void {
    if (this.hasBundle(code) && !this.blobs.heedsMark) return;
    const record = parseRecord(text, this.#recordFile(code));
    if (record?.code === code) writeAtomic(this.#recordFile(code), text, { durable: true });
  }

  /**
   * Files of the project that an action read, so that it can be run again when they have changed or are gone. Large ones are left out, and all of
   * an action that reads very many: their digests are in the trace, and `runs export` takes them along.
   */
  keepFiles(files: readonly { readonly path: string; readonly digest: Digest }[]): void {
    if (files.length > mostFilesKept) return;
    for (const { path, digest } of files) {
      if (this.blobs.has(digest)) continue;
      const size = statOf(path)?.size;
      if (size === undefined || size > largestFileKept) continue;
      try {
        this.blobs.putFile(path, { durable: false });
      } catch (error) {
        if (!isMissing(error)) throw error; // Deleted this very moment: the next build sees to it.
      }
    }
  }

  /** One that was torn or damaged is not there: it is kept anew. */
  hasBundle(code: Digest): boolean {
    const record = readRecord(this.#recordFile(code));
    return record !== undefined && [code, record.closure, record.map].every((digest) => this.blobs.has(digest));
  }

  /** Prints of the recipe at `entry`, newest first. */
  bundlesOf(entry: string, exportName: string): readonly { readonly code: Digest; readonly printer: string }[] {
    let names: string[];
    try {
      names = readdirSync(this.codeFolder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    return names
      .map((name) => join(this.codeFolder, name))
      .flatMap((file) => {
        const record = readRecord(file);
        return record === undefined ? [] : [{ ...record, at: statOf(file)?.mtimeNs ?? 0n }];
      })
      .filter((record) => record.entry === entry && record.exportName === exportName)
      .sort((a, b) => (a.at > b.at ? -1 : 1));
  }

  /** Of all bundles of the archive. */
  codes(): readonly Digest[] {
    try {
      return readdirSync(this.codeFolder)
        .map((name) => name.replace(/\.json$/, ""))
        .filter(isDigest);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  bundleOf(code: Digest): (BundleSource & { readonly file: string }) | undefined {
    const record = readRecord(this.#recordFile(code));
    if (record === undefined) return undefined;
    const file = this.blobs.pathOf(code);
    const packed = this.blobs.read(record.closure)?.toString("utf8");
    const map = this.blobs.read(record.map)?.toString("utf8");
    if (file === undefined || packed === undefined || map === undefined) return undefined;
    const closure = JSON.parse(packed) as Closure;
    if (closure.format > closureFormat)
      throw new FailureError([newerFormat("the archived code", closure.format, closureFormat, this.#recordFile(code))]);
    const modules = closure.modules.flatMap((module) => {
      const source = this.blobs.read(module.text as Digest);
      return source === undefined ? [] : [{ ...module, text: source.toString("utf8") }];
    });
    // A part of a closure explains nothing.
    if (modules.length < closure.modules.length) return undefined;
    return { closure: { ...closure, modules }, map, printer: record.printer, file };
  }

  #recordFile(code: Digest): string {
    return join(this.codeFolder, `${code}.json`);
  }
}

/** Undefined: there is none, or it holds no record. */
function readRecord(file: string): ArchivedBundle | undefined {
  const text = readTextIfThere(file);
  return text === undefined ? undefined : parseRecord(text, file);
}

/** A newer exp's is refused: taken for damaged, it would be written over. */
function parseRecord(text: string, file: string): ArchivedBundle | undefined {
  let record: { readonly [field: string]: unknown } | null;
  try {
    record = JSON.parse(text) as { readonly [field: string]: unknown } | null;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof record?.format === "number" && record.format > bundleFormat)
    throw new FailureError([newerFormat("the archived code", record.format, bundleFormat, file)]);
  return isDigest(record?.closure) && isDigest(record.map) ? (record as unknown as ArchivedBundle) : undefined;
}

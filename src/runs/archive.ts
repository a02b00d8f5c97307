// What cannot be recomputed, by digest, for all runs: bundles with their closures, splits, handed-over files. Never collected while a run refers to it.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../model/digest.ts";
import type { BlobStore } from "../backends/store/store.ts";
import type { BundleSource } from "../planning/bundle/bundler.ts";
import type { Closure } from "../planning/bundle/closure.ts";
import { isMissing, readTextIfThere, writeAtomic } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";

/** How a bundle lies in the archive: the print and the map as blobs, the closure as a blob in which each module's text is a blob of its own. */
interface ArchivedBundle {
  readonly format: 1;
  readonly code: Digest;
  readonly closure: Digest;
  readonly map: Digest;
  readonly printer: string;
  /** The label of its first module and its export: where to look for a print of the same recipe. */
  readonly entry: string;
  readonly exportName: string;
}

export class Archive {
  readonly blobs: BlobStore;
  readonly #folder: string;

  constructor(folder: string, blobs: BlobStore) {
    this.#folder = folder;
    this.blobs = blobs;
  }

  keepBundle(code: Digest, file: string, source: BundleSource): void {
    // While a collection is under way, all that belongs to it is put again, or the record would outlive its parts.
    if (statOf(this.#recordFile(code)) !== undefined && !this.blobs.heedsMark) return;
    const { closure } = source;
    // Hundreds of small texts of packages: synced one by one they would cost more than the bundling.
    const modules = closure.modules.map(({ text, ...rest }) => ({ ...rest, text: this.blobs.putBytes(text).digest }));
    this.blobs.putFile(file);
    const record: ArchivedBundle = {
      format: 1,
      code,
      closure: this.blobs.putBytes(JSON.stringify({ ...closure, modules }), { durable: true }).digest,
      map: this.blobs.putBytes(source.map, { durable: true }).digest,
      printer: source.printer,
      entry: closure.modules[0]?.label ?? "",
      exportName: closure.exportName,
    };
    writeAtomic(this.#recordFile(code), JSON.stringify(record), { durable: true });
  }

  hasBundle(code: Digest): boolean {
    return statOf(this.#recordFile(code)) !== undefined;
  }

  /** Prints of the recipe at `entry`, newest first. */
  bundlesOf(entry: string, exportName: string): readonly { readonly code: Digest; readonly printer: string }[] {
    let names: string[];
    try {
      names = readdirSync(join(this.#folder, "code"));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    return names
      .map((name) => join(this.#folder, "code", name))
      .flatMap((file) => {
        const text = readTextIfThere(file);
        return text === undefined ? [] : [{ ...(JSON.parse(text) as ArchivedBundle), at: statOf(file)?.mtimeNs ?? 0n }];
      })
      .filter((record) => record.entry === entry && record.exportName === exportName)
      .sort((a, b) => (a.at > b.at ? -1 : 1));
  }

  bundleOf(code: Digest): (BundleSource & { readonly file: string }) | undefined {
    const text = readTextIfThere(this.#recordFile(code));
    if (text === undefined) return undefined;
    const record = JSON.parse(text) as ArchivedBundle;
    const file = this.blobs.pathOf(code);
    const packed = this.blobs.read(record.closure)?.toString("utf8");
    const map = this.blobs.read(record.map)?.toString("utf8");
    if (file === undefined || packed === undefined || map === undefined) return undefined;
    const closure = JSON.parse(packed) as Closure;
    const modules = closure.modules.flatMap((module) => {
      const source = this.blobs.read(module.text as Digest);
      return source === undefined ? [] : [{ ...module, text: source.toString("utf8") }];
    });
    // A part of a closure explains nothing.
    if (modules.length < closure.modules.length) return undefined;
    return { closure: { ...closure, modules }, map, printer: record.printer, file };
  }

  #recordFile(code: Digest): string {
    return join(this.#folder, "code", `${code}.json`);
  }
}

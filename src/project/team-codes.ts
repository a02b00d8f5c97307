// Code digests as others know them. A colleague's exp may bring another bundler, which prints the same sources otherwise: under what its results
// were recorded is published by the sources alone, with the print, so that this machine finds those results and can reproduce them.

import { readFileSync } from "node:fs";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import type { BlobStore } from "../backends/store/store.ts";
import type { ActionResult, Artifact } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Closure } from "../planning/bundle/closure.ts";
import type { Archive } from "../runs/archive.ts";
import { statOf } from "../util/stat.ts";
import { who } from "../util/who.ts";

export class TeamCodes {
  readonly #shared: SharedCache;
  readonly #archive: Archive;
  readonly #store: BlobStore;
  /** Codes that were found there, by their entries. */
  readonly #found = new Map<Digest, Digest>();
  readonly #kept = new Set<Digest>();

  constructor(shared: SharedCache, archive: Archive, store: BlobStore) {
    this.#shared = shared;
    this.#archive = archive;
    this.#store = store;
  }

  /** The code digest under which others have recorded results of these sources; if it is not `code`, its print is in the archive by then. */
  async find(closure: Closure, code: Digest): Promise<Digest | undefined> {
    const key = keyOf(closure);
    const result = (await this.#shared.lookUp([key])).get(key);
    const { print, map } = result?.outputs ?? {};
    if (result === undefined || print?.kind !== "file" || map?.kind !== "file") return undefined;
    this.#found.set(print.blob.digest, key);
    if (print.blob.digest === code) return code;
    if (!(await this.#shared.bring([print, map]))) return undefined;
    // What the archive had already was not brought.
    const [file, mapFile] = [print, map].map(
      ({ blob: { digest } }) => this.#archive.blobs.pathOf(digest) ?? this.#store.pathOf(digest),
    );
    if (file === undefined || mapFile === undefined) return undefined;
    const source = { closure, map: readFileSync(mapFile, "utf8"), printer: result.executor };
    this.#archive.keepBundle(print.blob.digest, file, source);
    return print.blob.digest;
  }

  /** A result rests on this code. The first who publishes it for its sources is who the others follow. */
  keep(code: Digest): void {
    if (this.#kept.has(code) || !this.#shared.mayWrite) return;
    this.#kept.add(code);
    const found = this.#found.get(code);
    if (found !== undefined) return this.#shared.noteUse(found, { isCounted: false });
    const source = this.#archive.bundleOf(code);
    const map = source === undefined ? undefined : digestOfBytes(source.map);
    const [print, mapped] = [code, map].map((digest) => this.#artifactOf(digest));
    if (source === undefined || print === undefined || mapped === undefined) return;
    const result: ActionResult = {
      outputs: { print, map: mapped },
      ...{ at: Date.now(), tookMs: 0, costUsd: 0, by: who(), executor: source.printer, attempts: 1 },
    };
    this.#shared.publish(keyOf(source.closure), result, { isCounted: false });
  }

  #artifactOf(digest: Digest | undefined): Artifact | undefined {
    const path = digest === undefined ? undefined : this.#archive.blobs.pathOf(digest);
    const stat = path === undefined ? undefined : statOf(path);
    return stat === undefined ? undefined : { kind: "file", blob: { digest: digest!, size: Number(stat.size) } };
  }
}

/** Of everything that decides what a printer makes of them; labels are for people. */
function keyOf({ format, exportName, tsconfig, externals, modules }: Closure): Digest {
  const parts = modules.map(({ loader, type, sideEffects, digest, edges }) => [
    loader,
    type,
    sideEffects,
    digest,
    edges,
  ]);
  return digestOfBytes(`code of ${JSON.stringify([format, exportName, tsconfig, externals, parts])}`);
}

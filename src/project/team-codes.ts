// Code digests as others know them. A colleague's exp may bring another bundler, which prints the same sources otherwise: under what its results
// were recorded is published by the sources alone, with the print, so that this machine finds those results and can reproduce them.

import { readFileSync } from "node:fs";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import type { BlobStore } from "../backends/store/store.ts";
import type { ActionResult, Artifact } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Closure } from "../planning/bundle/closure.ts";
import type { BundleSource } from "../planning/bundle/bundler.ts";
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
    const result = source === undefined ? undefined : resultOf(code, source, this.#archive);
    if (source !== undefined && result !== undefined)
      this.#shared.publish(keyOf(source.closure), result, { isCounted: false });
  }
}

/** The print of a code and its map, as if a printer were an action; undefined where the archive has lost one. */
function resultOf(code: Digest, { map, printer }: BundleSource, archive: Archive): ActionResult | undefined {
  const [print, mapped] = [code, digestOfBytes(map)].map((digest): Artifact | undefined => {
    const path = archive.blobs.pathOf(digest);
    const stat = path === undefined ? undefined : statOf(path);
    return stat === undefined ? undefined : { kind: "file", blob: { digest, size: Number(stat.size) } };
  });
  if (print === undefined || mapped === undefined) return undefined;
  const made = { at: Date.now(), tookMs: 0, costUsd: 0, by: who(), executor: printer, attempts: 1 };
  return { outputs: { print, map: mapped }, ...made };
}

/** By the keys under which they may lie with others: all codes that the archive holds, with their files. */
export function codesOf(
  archive: Archive,
): ReadonlyMap<Digest, { readonly result: ActionResult; readonly label: string }> {
  const codes = new Map<Digest, { readonly result: ActionResult; readonly label: string }>();
  for (const code of archive.codes()) {
    const source = archive.bundleOf(code);
    if (source === undefined) continue;
    const result = resultOf(code, source, archive);
    const label = `code of ${source.closure.modules[0]?.label ?? "a recipe"}`;
    if (result !== undefined) codes.set(keyOf(source.closure), { result, label });
  }
  return codes;
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

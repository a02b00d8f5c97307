// Where content of results lies on this machine, and what content a result names, also in its folders. Knows of no other machine.

import { readFileSync } from "node:fs";
import type { ActionResult, Artifact, TreeListing } from "../../model/action.ts";
import type { BlobRef, Digest } from "../../model/digest.ts";
import { namedBy, readListing } from "./shared-entry.ts";
import type { BlobStore } from "./store.ts";

export class LocalContent {
  /** Splits are in the archive, what else was made in the cache. */
  readonly #stores: readonly BlobStore[];

  constructor(stores: readonly BlobStore[]) {
    this.#stores = stores;
  }

  has(digest: Digest): boolean {
    return this.#stores.some((store) => store.has(digest));
  }

  pathOf(digest: Digest): string | undefined {
    for (const store of this.#stores) {
      const path = store.pathOf(digest);
      if (path !== undefined) return path;
    }
    return undefined;
  }

  read(digest: Digest): Buffer | undefined {
    const path = this.pathOf(digest);
    return path === undefined ? undefined : readFileSync(path);
  }

  /** All content that a result names and that is not written in it; undefined where a folder's listing is not here. */
  namedBy(result: ActionResult): readonly BlobRef[] | undefined {
    const blobs: BlobRef[] = [];
    for (const { blob, isTree } of namedBy(result)) {
      blobs.push(blob);
      if (!isTree) continue;
      const listing = this.#listingOf(blob.digest);
      if (listing === undefined) return undefined;
      for (const [, digest, size] of listing) blobs.push({ digest, size });
    }
    return blobs;
  }

  /** The content of all folders, whose listings are here; undefined where one makes no sense. */
  insideOf(artifacts: readonly Artifact[]): readonly BlobRef[] | undefined {
    const inside = new Map<Digest, BlobRef>();
    for (const artifact of artifacts) {
      if (artifact.kind !== "tree") continue;
      const listing = this.#listingOf(artifact.blob.digest);
      if (listing === undefined) return undefined;
      for (const [, digest, size] of listing) inside.set(digest, { digest, size });
    }
    return [...inside.values()];
  }

  #listingOf(tree: Digest): TreeListing | undefined {
    return readListing(this.read(tree)?.toString("utf8") ?? "");
  }
}

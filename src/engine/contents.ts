// Where the content of artifacts is: inline with the result, in a store, or with others, who are asked to bring it. Unaware of the run's folder.

import { readFileSync } from "node:fs";
import type { SlotFormat } from "../api/slot.ts";
import type { InputOrder } from "../backends/executors/executor.ts";
import type { BlobStore } from "../backends/store/store.ts";
import type { Artifact, TreeListing } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";

export interface SlotShape {
  readonly format: SlotFormat;
  readonly ext: string;
  readonly fileName?: string;
}

/** Content that others have, to be brought into the first store. */
export interface OtherContents {
  /** False: some of it cannot be had. */
  bring(artifacts: readonly Artifact[]): Promise<boolean>;
  /** Of folders only what lies in them. */
  bringListings(artifacts: readonly Artifact[]): Promise<boolean>;
  /** Where such content lies, in words. */
  placeOf(digest: Digest): string;
}

/** Content that is in no store and at no place any more. */
export class ContentLost extends Error {
  readonly slot: string;
  readonly digest: Digest | undefined;
  constructor(slot: string, digest?: Digest) {
    super(`the content of "${slot}" is lost`);
    this.slot = slot;
    this.digest = digest;
  }
}

export class Contents {
  readonly #stores: readonly BlobStore[];
  readonly #others: OtherContents | undefined;

  /** `others`: what they have. */
  constructor(stores: readonly BlobStore[], others: OtherContents | undefined) {
    this.#stores = stores;
    this.#others = others;
  }

  /** Whether an artifact's content can be had without its place in the run. */
  isStored(artifact: Artifact): boolean {
    switch (artifact.kind) {
      case "absent":
        return true;
      case "file":
        return textInside(artifact) !== undefined || this.#blobPath(artifact.blob.digest) !== undefined;
      case "tree":
        return this.listingOf(artifact)?.every(([, digest]) => this.#blobPath(digest) !== undefined) ?? false;
    }
  }

  /** Whether the content of artifacts can be had without their places in the run, be it from others: then it has come. */
  async bring(artifacts: readonly Artifact[]): Promise<boolean> {
    const missing = artifacts.filter((artifact) => !this.isStored(artifact));
    return missing.length === 0 || ((await this.#others?.bring(missing)) ?? false);
  }

  /** The same of the listings of folders alone: with them it is known what lies in there. */
  async bringListings(artifacts: readonly Artifact[]): Promise<boolean> {
    const missing = artifacts.filter((one) => one.kind === "tree" && this.#blobPath(one.blob.digest) === undefined);
    return missing.length === 0 || ((await this.#others?.bringListings(missing)) ?? false);
  }

  listingOf(artifact: Extract<Artifact, { kind: "tree" }>): TreeListing | undefined {
    const path = this.#blobPath(artifact.blob.digest);
    return path === undefined ? undefined : (JSON.parse(readFileSync(path, "utf8")) as TreeListing);
  }

  /** How a recipe is handed an artifact. Throws `ContentLost`. */
  orderOf(slot: string, { format, ext }: SlotShape, artifact: Artifact): InputOrder {
    switch (artifact.kind) {
      case "absent":
        return { kind: "absent" };
      case "file": {
        const text = textInside(artifact);
        if (text !== undefined) return { kind: "file", format, ext, text };
        return { kind: "file", format, ext, path: this.pathOf(slot, artifact.blob.digest) };
      }
      case "tree": {
        const listing = this.listingOf(artifact);
        if (listing === undefined) throw new ContentLost(slot);
        return { kind: "tree", files: listing.map(([name, digest]) => [name, this.pathOf(`${slot}/${name}`, digest)]) };
      }
    }
  }

  /** Where the content lies in a store. Throws `ContentLost`. */
  pathOf(slot: string, digest: Digest): string {
    const path = this.#blobPath(digest);
    if (path === undefined) throw new ContentLost(slot);
    return path;
  }

  /** The bytes of a file artifact, for checks and for gates. Throws `ContentLost`. */
  textOf(slot: string, artifact: Artifact): string {
    if (artifact.kind !== "file") throw new ContentLost(slot);
    const text = textInside(artifact);
    return text ?? readFileSync(this.pathOf(slot, artifact.blob.digest), "utf8");
  }

  #blobPath(digest: Digest): string | undefined {
    for (const store of this.#stores) {
      const path = store.pathOf(digest);
      if (path !== undefined) return path;
    }
    return undefined;
  }
}

/** Artifacts whose text is what their digest says: each is asked for a few times. */
const verified = new WeakSet<Artifact>();

/** Content that is kept with the result, if it is still what its digest says: logs can be damaged like any file. */
export function textInside(artifact: Extract<Artifact, { kind: "file" }>): string | undefined {
  const { text, blob } = artifact;
  if (text === undefined || verified.has(artifact)) return text;
  if (digestOfBytes(text) !== blob.digest) return undefined;
  verified.add(artifact);
  return text;
}

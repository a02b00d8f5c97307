// What an action made, and how it is remembered.

import type { BlobRef, Digest } from "./digest.ts";

/** Content up to this size may be kept inline with the result: one append instead of a file. */
export const inlineBytes = 2048;

/** The content of one output slot. Small ones are kept inline with the result, so that a thousand items need no thousand files. */
export type Artifact =
  | { readonly kind: "file"; readonly blob: BlobRef; readonly text?: string }
  /** `blob` is the tree's listing: canonical JSON of `[path, digest, size]`, sorted by path. */
  | { readonly kind: "tree"; readonly blob: BlobRef; readonly files: number; readonly size: number }
  | { readonly kind: "absent" };

export type Artifacts = Readonly<Record<string, Artifact>>;

export type TreeListing = readonly (readonly [path: string, digest: Digest, size: number])[];

/** What an action took of its machine, as far as that was seen. Memory and GPUs are looked at once in a while: what is quick shows none. */
export interface Usage {
  /** Milliseconds of processor time, of its programs too. */
  readonly cpuMs: number;
  /** The most that it and its programs held at once. */
  readonly peakMiB?: number;
  /** Mean use of its GPUs, in percent of all of them. */
  readonly gpuPercent?: number;
  /** The most memory that its GPUs held in use, together. */
  readonly gpuMiB?: number;
}

/** What is remembered of a finished action. Times in milliseconds, `at` since 1970. */
export interface ActionResult {
  readonly outputs: Artifacts;
  readonly at: number;
  readonly tookMs: number;
  readonly costUsd: number;
  /** `user@host`. */
  readonly by: string;
  readonly executor: string;
  readonly attempts: number;
  readonly usage?: Usage;
  /** Of a handoff: the paths that were asked for, as people were told them. What was taken from one stands in for it when it is gone. */
  readonly requested?: readonly string[];
  /**
   * Keys of the paid calls whose answers it rests on, sorted. Absent where nothing can ask: programs, what is given. Early exps did not write it
   * down, so an empty list says more than none.
   */
  readonly calls?: readonly Digest[];
}

export function digestOfArtifact(artifact: Artifact): Digest | "absent" {
  return artifact.kind === "absent" ? "absent" : artifact.blob.digest;
}

export function sameArtifacts(a: Artifacts, b: Artifacts): boolean {
  const slots = Object.keys(a);
  return (
    slots.length === Object.keys(b).length &&
    slots.every((slot) => b[slot] !== undefined && digestOfArtifact(a[slot]!) === digestOfArtifact(b[slot]))
  );
}

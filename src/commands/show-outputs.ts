// The outputs on which a target stands, and where their content is now: at its place in the run, in a store, or kept with the result.

import { ContentLost } from "../engine/contents.ts";
import type { SlotFormat } from "../api/slot.ts";
import type { Artifact } from "../model/action.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { DecidingSession } from "../project/project.ts";
import { fail, ok, type Result } from "../util/result.ts";

/** Something to show. `path` is where its bytes are; `text` is content that has no file. */
export type Content =
  | { readonly kind: "file"; readonly path: string | undefined; readonly text: string | undefined }
  | { readonly kind: "tree"; readonly files: readonly (readonly [name: string, size: number])[] }
  | { readonly kind: "absent" };

export interface Output {
  readonly slot: string;
  readonly format: SlotFormat;
  readonly artifact: Artifact;
  /** Where it belongs in the run's folder, with nothing or something else there perhaps. */
  readonly place: string;
}

/** What the target last came to, and the build that made it so. */
export interface Standing {
  readonly build: number;
  readonly at: number;
  readonly outputs: readonly Output[];
}

/** Undefined: it has not been built, or was cleaned since. */
export function standingOutputs(
  { trace, contents }: DecidingSession,
  { name, declaration }: GraphTarget,
): Standing | undefined {
  const standing = trace.standingOf(name).at(-1);
  const result = standing === undefined ? undefined : trace.find(standing.core)?.result;
  if (standing === undefined || result === undefined) return undefined;
  const outputs = Object.entries(declaration.contract.outputs).map(([slot, shape]): Output => ({
    slot,
    format: shape.format,
    artifact: result.outputs[slot] ?? { kind: "absent" },
    place: contents.placeOf(name, slot, shape),
  }));
  return { build: standing.build, at: standing.at, outputs };
}

/** The content that the artifact names, wherever it is, so that what somebody wrote over it in the run is never shown in its stead. */
export function contentOf(
  { contents, digests }: DecidingSession,
  { slot, format, artifact, place }: Output,
): Result<Content, Failure> {
  try {
    switch (artifact.kind) {
      case "absent":
        return ok({ kind: "absent" });
      case "tree": {
        const listing = contents.listingOf(artifact) ?? contents.listingAt(place, artifact);
        if (listing === undefined) throw new ContentLost(slot);
        return ok({ kind: "tree", files: listing.map(([name, , size]) => [name, size]) });
      }
      case "file": {
        if (digests.digestOf(place)?.digest === artifact.blob.digest)
          return ok({ kind: "file", path: place, text: undefined });
        const order = contents.orderOf(slot, { format, ext: "" }, artifact);
        if (order.kind !== "file") throw new ContentLost(slot);
        return ok({ kind: "file", path: order.path, text: order.text });
      }
    }
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
    return fail(inputFailure(`the content of "${slot}" is neither at its place nor in the cache`));
  }
}

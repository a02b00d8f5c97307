// The outputs on which a target stands, or one item of it, and where their content is now: at its place in the run, in a store, or kept with the result.

import type { KnownResult } from "../backends/store/trace-known.ts";
import { ContentLost } from "../engine/contents.ts";
import { formerItems } from "../engine/former-items.ts";
import { fileNameOf, type SlotFormat } from "../api/slot.ts";
import type { Artifact } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { KnownItems } from "./item-name.ts";
import { itemCoreKey } from "../planning/fingerprint/action-key.ts";
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
  /** Where it belongs in the run's folder, with nothing or something else there perhaps. Outputs of items have no place. */
  readonly place: string | undefined;
  /** Where it lies, if it was left in the cache that a team shares, with nothing at its place. */
  readonly left: string | undefined;
  /** By its extension the content of a plain file is known. */
  readonly fileName: string;
}

/** What the target or item last came to, and the build that made it so. */
export interface Standing {
  /** By which caches know it. */
  readonly key: Digest;
  readonly build: number;
  readonly at: number;
  readonly outputs: readonly Output[];
}

/** Undefined: it has not been built, or was cleaned since. */
export function standingOutputs(
  { trace, places }: DecidingSession,
  { name, declaration }: GraphTarget,
): Standing | undefined {
  const standing = trace.lastStandingOf(name);
  const known = standing === undefined ? undefined : trace.find(standing.core);
  if (standing === undefined || known === undefined) return undefined;
  const { key, result } = known;
  const left = places.leftOf(name, declaration.contract.outputs, result.outputs);
  const outputs = Object.entries(declaration.contract.outputs).map(([slot, shape]): Output => ({
    slot,
    format: shape.format,
    artifact: result.outputs[slot] ?? { kind: "absent" },
    place: places.placeOf(name, slot, shape),
    left: left.get(slot),
    fileName: fileNameOf(slot, shape),
  }));
  return { key, build: standing.build, at: standing.at, outputs };
}

export interface ItemWithResult {
  /** -1 where it is not known: then `label` is what it is called. */
  readonly index: number;
  readonly label: string | undefined;
  /** Undefined: it was cleaned since. */
  readonly standing: () => Standing | undefined;
}

export interface ItemsWithResults {
  readonly items: readonly ItemWithResult[];
  readonly are: KnownItems;
}

/** The items on which a fan-out stands; of one that has never come to its end, those that have. */
export function itemsWithResults(session: DecidingSession, target: GraphTarget): ItemsWithResults {
  const { trace } = session;
  const shapes = Object.entries(target.declaration.contract.items?.outputs ?? {});
  const standingOf = (known: KnownResult | undefined): Standing | undefined =>
    known && {
      key: known.key,
      build: known.build,
      at: known.result.at,
      outputs: shapes.map(([slot, shape]) => ({
        slot,
        format: shape.format,
        artifact: known.result.outputs[slot] ?? { kind: "absent" },
        place: undefined,
        left: undefined,
        fileName: fileNameOf(slot, shape),
      })),
    };
  const former = formerItems(session, target);
  const templates = trace.lastStandingOf(target.name)?.templates ?? [];
  if (former !== undefined) {
    const items = former.map(({ index, label, settings, item, inputs }) => ({
      index,
      label,
      standing: () => {
        // Of which recipe it is does not matter: under another one's template it has a key that nothing has.
        const cores = templates.map((template) => itemCoreKey(template, { settings, item, inputs: inputs() }));
        return standingOf(cores.map((core) => trace.find(core)).find((known) => known !== undefined));
      },
    }));
    return { items, are: "all" };
  }
  const ended = [...trace.results()].flatMap(([, known]) =>
    known.target === target.name && known.part === "item" && known.label !== undefined ? [known] : [],
  );
  // The last of a name counts.
  const byName = new Map(ended.sort((a, b) => a.result.at - b.result.at).map((known) => [known.label, known]));
  const items = [...byName].map(([label, known]) => ({ index: -1, label, standing: () => standingOf(known) }));
  return { items, are: "ended" };
}

/** The content that the artifact names, wherever it is, so that what somebody wrote over it in the run is never shown in its stead. */
export function contentOf(
  { contents, places, digests }: DecidingSession,
  { slot, format, artifact, place, left }: Output,
): Result<Content, Failure> {
  try {
    switch (artifact.kind) {
      case "absent":
        return ok({ kind: "absent" });
      case "tree": {
        const atPlace = () => (place === undefined ? undefined : places.listingAt(place, artifact));
        const listing = contents.listingOf(artifact) ?? atPlace();
        if (listing === undefined) throw new ContentLost(slot);
        return ok({ kind: "tree", files: listing.map(([name, , size]) => [name, size]) });
      }
      case "file": {
        if (place !== undefined && digests.digestOf(place)?.digest === artifact.blob.digest)
          return ok({ kind: "file", path: place, text: undefined });
        const order = contents.orderOf(slot, { format, ext: "" }, artifact);
        if (order.kind !== "file") throw new ContentLost(slot);
        return ok({ kind: "file", path: order.path, text: order.text });
      }
    }
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
    if (left !== undefined)
      return fail(
        inputFailure(`the content of "${slot}" was left in the shared cache: ${left}`, {
          fix: "exp fetch brings it.",
        }),
      );
    return fail(inputFailure(`the content of "${slot}" is neither at its place nor in the cache`));
  }
}

// Results of a fan-out's items as they lie in a shared cache together, beside the entry of each: ten thousand items are then found with some dozens of requests.
//
// A pack is named by the keys in it, and where one ends is decided by the keys themselves: after one that begins with 00, so after every 256th or so. Whoever has
// the same items in a row therefore asks for the same pack; of a fan-out that was extended all but the last packs are the same as before.

import type { ActionResult, Artifacts } from "../../model/action.ts";
import { digestOfBytes, isDigest, type BlobRef, type Digest } from "../../model/digest.ts";
import { namedBy, readEntry, writeEntry, type ReadEntry } from "./shared-entry.ts";

export interface Pack {
  readonly key: Digest;
  readonly items: readonly Digest[];
}

/** Fewer are asked for, and published, one by one. */
export const leastInPack = 8;
const mostInPack = 2048;
/** A pack has to fit into an entry, in which its text is escaped. */
const longestText = 3 << 20;
const slot = "entries";
const contentsSlot = "contents";
/** Larger content is asked for by itself. What is smaller than some kilobytes lies in the entries anyway. */
const smallBytes = 32 << 10;
const longestContents = 8 << 20;
const packExecutor = "pack";

/** `keys`: of all items, in the order of their split. */
export function packsOf(keys: readonly Digest[]): readonly Pack[] {
  const packs: Pack[] = [];
  let from = 0;
  for (const [i, key] of keys.entries()) {
    const count = i + 1 - from;
    if (!key.startsWith("00") && count < mostInPack && i + 1 < keys.length) continue;
    const items = keys.slice(from, i + 1);
    from = i + 1;
    if (count >= leastInPack) packs.push({ key: digestOfBytes(`pack of ${items.join()}`), items });
  }
  return packs;
}

/** As the result of a pack's key. Each entry is signed by itself, as it is where it lies alone. Undefined: it is too long. */
export function writePack(
  entries: Iterable<readonly [key: Digest, result: ActionResult]>,
  secret: string | undefined,
  { contents, ...made }: Pick<ActionResult, "at" | "by"> & { readonly contents: BlobRef | undefined },
): ActionResult | undefined {
  let text = "";
  for (const [key, result] of entries) {
    text += writeEntry(key, result, secret).toString("utf8");
    if (text.length > longestText) return undefined;
  }
  const blob = { digest: digestOfBytes(text), size: Buffer.byteLength(text) };
  const outputs: Artifacts = {
    [slot]: { kind: "file", blob, text },
    ...(contents !== undefined && { [contentsSlot]: { kind: "file", blob: contents } }),
  };
  return { outputs, ...made, tookMs: 0, costUsd: 0, executor: packExecutor, attempts: 1 };
}

/** The entries of a result that is a pack; undefined: it is none. */
export function entriesOfPack(
  { executor, outputs }: ActionResult,
  secret: string | undefined,
): ReadonlyMap<Digest, ReadEntry> | undefined {
  const artifact = outputs[slot];
  if (executor !== packExecutor || artifact?.kind !== "file" || artifact.text === undefined) return undefined;
  const entries = new Map<Digest, ReadEntry>();
  const lines = artifact.text.split("\n");
  for (const [i, line] of lines.entries()) {
    const key = /^\{"v":\d+,"k":"([0-9a-f]{64})"/.exec(line)?.[1];
    if (key === undefined || !isDigest(key)) continue;
    const signed = lines[i + 1]?.startsWith("{") === false ? lines[i + 1]! : "";
    entries.set(key, readEntry(key, Buffer.from(`${line}\n${signed}${signed === "" ? "" : "\n"}`, "utf8"), secret));
  }
  return entries;
}

/** Small content that results name, which travels with their pack. */
export function smallContentOf(results: Iterable<ActionResult>): readonly BlobRef[] {
  const small = new Map<Digest, BlobRef>();
  for (const result of results)
    for (const { blob, isTree } of namedBy(result))
      if (!isTree && blob.size <= smallBytes) small.set(blob.digest, blob);
  return [...small.values()];
}

/** A line that lists digests and sizes, then the bytes of each, as many as there is room for. Undefined: there are too few, or one is not here. */
export function packContents(
  small: readonly BlobRef[],
  read: (digest: Digest) => Buffer | undefined,
): Buffer | undefined {
  let room = longestContents;
  const blobs = small.filter(({ size }) => (room -= size) >= 0);
  if (blobs.length < leastInPack) return undefined;
  const bytes = blobs.map(({ digest }) => read(digest));
  if (bytes.some((one, i) => one?.length !== blobs[i]!.size)) return undefined;
  const list = JSON.stringify(blobs.map(({ digest, size }) => [digest, size]));
  return Buffer.concat([Buffer.from(`${list}\n`, "utf8"), ...(bytes as Buffer[])]);
}

export function contentsOfPack({ executor, outputs }: ActionResult): BlobRef | undefined {
  const artifact = outputs[contentsSlot];
  if (executor !== packExecutor || artifact?.kind !== "file") return undefined;
  return artifact.blob.size <= 2 * longestContents ? artifact.blob : undefined;
}

/** What it holds, as far as that is what it is said to be. */
export function* unpackContents(bytes: Buffer): Generator<readonly [digest: Digest, content: Buffer]> {
  const end = bytes.indexOf("\n");
  let list: unknown;
  try {
    list = JSON.parse(bytes.toString("utf8", 0, Math.max(0, end)));
  } catch {
    return;
  }
  let at = end + 1;
  for (const entry of Array.isArray(list) ? (list as unknown[]) : []) {
    if (!Array.isArray(entry) || !isDigest(entry[0]) || typeof entry[1] !== "number" || !(entry[1] >= 0)) return;
    const content = bytes.subarray(at, (at += entry[1]));
    if (digestOfBytes(content) === entry[0]) yield [entry[0], content];
  }
}

// Results of a fan-out's items as they lie in a shared cache together, beside the entry of each: ten thousand items are then found with some dozens of requests.
//
// A pack is named by the keys in it, and where one ends is decided by the keys themselves: after one that begins with 00, so after every 256th or so. Whoever has
// the same items in a row therefore asks for the same pack; of a fan-out that was extended all but the last packs are the same as before.

import type { ActionResult } from "../../model/action.ts";
import { digestOfBytes, isDigest, type Digest } from "../../model/digest.ts";
import { readEntry, writeEntry, type ReadEntry } from "./shared-entry.ts";

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
  made: Pick<ActionResult, "at" | "by">,
): ActionResult | undefined {
  let text = "";
  for (const [key, result] of entries) {
    text += writeEntry(key, result, secret).toString("utf8");
    if (text.length > longestText) return undefined;
  }
  const blob = { digest: digestOfBytes(text), size: Buffer.byteLength(text) };
  const outputs = { [slot]: { kind: "file", blob, text } } as const;
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

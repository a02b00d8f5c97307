// What runs in a thread that hashes. It is told paths and tells digests; whether a file rested meanwhile is for whoever asked to see.

import { parentPort } from "node:worker_threads";
import makeXxhash from "xxhash-wasm";
import type { Digest } from "../../model/digest.ts";
import { isRacyAt, statText } from "../../util/stat.ts";
import { hashFile, quickHash, type Xxhash } from "./hash-file.ts";
import type { HashAnswer, HashedFile, HashOrder } from "./hash-pool.ts";

const library = await makeXxhash();
const xxhash: Xxhash = { create: () => library.create64() };

function answer(order: HashOrder): HashAnswer {
  switch (order.kind) {
    case "files":
      return { kind: "files", files: order.paths.map((path) => hashed(path, order)) };
    case "digest":
      return { kind: "digest", digest: digestOf(order.path) };
    case "quick":
      return { kind: "quick", hash: quickHash(order.path, order.size, order.piece, xxhash) };
  }
}

function digestOf(path: string): Digest {
  const hashed = hashFile(path);
  if (hashed === undefined) throw new Error(`${path} is no file`);
  return hashed.digest;
}

/** Undefined where it cannot be read or did not rest. */
function hashed(path: string, { at, device }: Extract<HashOrder, { kind: "files" }>): HashedFile | undefined {
  try {
    const hashed = hashFile(path, xxhash);
    if (hashed?.rested !== true) return undefined;
    const { stat, digest, quick } = hashed;
    const isRacy = isRacyAt(stat, at, device);
    return { seen: statText(stat), size: Number(stat.size), digest, isRacy, ...(quick !== undefined && { quick }) };
  } catch {
    return undefined;
  }
}

parentPort!.on("message", (order: HashOrder) => {
  let made: HashAnswer | undefined;
  try {
    made = answer(order);
  } catch {
    // Whoever asked looks for itself, and finds what is wrong.
  }
  parentPort!.postMessage(made);
});

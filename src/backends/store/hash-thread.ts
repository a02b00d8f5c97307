// What runs in a thread that hashes. It is told paths and tells digests; whether a file rested meanwhile is for whoever asked to see.

import { parentPort } from "node:worker_threads";
import makeXxhash from "xxhash-wasm";
import { statOf, statText, isRacyAt } from "../../util/stat.ts";
import { hashFile, quickHash, type Xxhash } from "./hash-file.ts";
import type { HashAnswer, HashedFile, HashOrder } from "./hash-pool.ts";

const library = await makeXxhash();
const xxhash: Xxhash = { create: () => library.create64() };

function answer(order: HashOrder): HashAnswer {
  switch (order.kind) {
    case "files":
      return { kind: "files", files: order.paths.map((path) => hashed(path, order)) };
    case "digest":
      return { kind: "digest", digest: hashFile(order.path).digest };
    case "quick":
      return { kind: "quick", hash: quickHash(order.path, order.size, order.piece, xxhash) };
  }
}

/** Undefined where it cannot be read or did not rest. */
function hashed(path: string, { at, device }: Extract<HashOrder, { kind: "files" }>): HashedFile | undefined {
  try {
    const before = statOf(path);
    if (before?.isFile() !== true) return undefined;
    const { digest, quick } = hashFile(path, xxhash);
    const after = statOf(path);
    const seen = statText(before);
    if (after === undefined || statText(after) !== seen) return undefined;
    return { seen, size: Number(before.size), digest, quick, isRacy: isRacyAt(before, at, device) };
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

// What runs in a thread that hashes. It is told paths and tells digests; whether a file rested meanwhile is for whoever asked to see.

import { parentPort } from "node:worker_threads";
import makeXxhash from "xxhash-wasm";
import type { Digest } from "../../model/digest.ts";
import { hashFile, hashResting, quickHash, type Xxhash } from "./hash-file.ts";
import type { HashAnswer, HashOrder } from "./hash-pool.ts";

const library = await makeXxhash();
const xxhash: Xxhash = { create: () => library.create64() };

function answer(order: HashOrder): HashAnswer {
  switch (order.kind) {
    case "files":
      return { kind: "files", files: order.paths.map((path) => hashResting(path, order, xxhash)) };
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

parentPort!.on("message", (order: HashOrder) => {
  let made: HashAnswer | undefined;
  try {
    made = answer(order);
  } catch {
    // Whoever asked looks for itself, and finds what is wrong.
  }
  parentPort!.postMessage(made);
});

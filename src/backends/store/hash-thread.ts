// What runs in a thread that hashes. It is told paths and tells digests; whether a file rested meanwhile is for whoever asked to see.

import { parentPort } from "node:worker_threads";
import makeXxhash from "xxhash-wasm";
import type { Digest } from "../../model/digest.ts";
import { hashFile, hashResting, quickFromBytes, quickHash, type Xxhash } from "./hash-file.ts";
import type { FromHashThread, HashAnswer, HashOrder, ToHashThread } from "./hash-pool.ts";

let loading: Promise<Xxhash> | undefined;

/** Only large files need it. */
function loadXxhash(): Promise<Xxhash> {
  return (loading ??= makeXxhash().then((library) => ({ create: () => library.create64() })));
}

async function answerTo(order: HashOrder): Promise<HashAnswer> {
  switch (order.kind) {
    case "files": {
      const xxhash = order.most >= quickFromBytes ? await loadXxhash() : undefined;
      return { kind: "files", files: order.paths.map((path) => hashResting(path, order, xxhash)) };
    }
    case "digest":
      return { kind: "digest", digest: digestOf(order.path) };
    case "quick":
      return { kind: "quick", hash: quickHash(order.path, order.size, order.piece, await loadXxhash()) };
  }
}

function digestOf(path: string): Digest {
  const hashed = hashFile(path);
  if (hashed === undefined) throw new Error(`${path} is no file`);
  return hashed.digest;
}

parentPort!.on("message", ({ id, order }: ToHashThread) => {
  // Undefined: whoever asked looks for itself, and finds what is wrong.
  void answerTo(order)
    .catch(() => undefined)
    .then((answer) => parentPort!.postMessage({ id, answer } satisfies FromHashThread));
});

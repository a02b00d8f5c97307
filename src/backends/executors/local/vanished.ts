// Whether what an order needs was deleted under it: its worker's folder, the bundle, its inputs. `cache/` may be deleted at any time, also now.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { InputOrder, Order, Outcome } from "../executor.ts";
import { progressFile } from "../worker/protocol.ts";

/** Of a tree of a hundred thousand files, not each is looked for after each failure. */
const mostLooks = 1000;

/** A worker writes into this file as long as it lives, and never makes it anew. */
export function isFolderThere(scratch: string): boolean {
  return existsSync(join(scratch, progressFile));
}

/** The path that is gone, if any. What succeeded is doubted only where the worker's own folder went: its inputs were in there. */
export function whatVanished(scratch: string, order: Order, hasFailed: boolean): string | undefined {
  if (!isFolderThere(scratch)) return scratch;
  return hasFailed ? pathsOf(order).find((path) => !existsSync(path)) : undefined;
}

export function vanished(path: string, { tookMs, costUsd }: { tookMs: number; costUsd: number }): Outcome {
  return { kind: "vanished", path, tookMs, costUsd };
}

function pathsOf({ code, inputs, items = [], itemsFile }: Order): readonly string[] {
  const paths: string[] = [];
  if (code.kind === "module") paths.push(code.bundle);
  else paths.push(...code.files.map(([, path]) => path));
  if (itemsFile !== undefined) paths.push(itemsFile);
  const take = (input: InputOrder) => {
    if (paths.length >= mostLooks) return;
    if (input.kind === "list") input.members.forEach(take);
    else if (input.kind === "tree") for (const [, path] of input.files.slice(0, mostLooks)) paths.push(path);
    else if (input.kind === "file" && input.path !== undefined) paths.push(input.path);
  };
  for (const all of [inputs, ...items.map((item) => item.inputs)]) Object.values(all).forEach(take);
  return paths;
}

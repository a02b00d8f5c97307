// Looks at a run's outputs all the time, as a person or a program might that reads them while a build goes on: whatever is there must be whole.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { digestOfBytes } from "../../src/model/digest.ts";

type Contents = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Watcher {
  /** What the outputs may hold from now on, besides what they could before: by target, then by path, digests. */
  allow(contents: Contents): void;
  expectWhole(context: string): void;
  /** Ends the looking; how often it looked. */
  close(): Promise<number>;
}

/** `trees` are the folders that must appear and go as one. */
export function watchOutputs(runFolder: string, targets: readonly string[], trees: readonly string[]): Watcher {
  const files = new Map<string, Set<string>>();
  const wholes = new Map<string, Set<string>>();
  const wrong = new Set<string>();
  let looks = 0;
  let isOpen = true;
  const allowed = (map: Map<string, Set<string>>, name: string) => {
    if (!map.has(name)) map.set(name, new Set());
    return map.get(name)!;
  };
  const look = () => {
    for (const target of targets) {
      for (const [path, digest] of Object.entries(listingOf(join(runFolder, target))))
        if (digest !== undefined && !allowed(files, `${target}/${path}`).has(digest)) wrong.add(`${target}/${path}`);
    }
    for (const tree of trees) {
      const folder = join(runFolder, tree);
      const before = inodeOf(folder);
      const listing = listingOf(folder);
      // Replaced while it was listed: what was seen is of two trees.
      if (before === undefined || before !== inodeOf(folder)) continue;
      if (!allowed(wholes, tree).has(JSON.stringify(listing))) wrong.add(`${tree}/`);
    }
    looks++;
  };
  const looking = (async () => {
    while (isOpen) {
      look();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    allow: (contents) => {
      for (const [target, content] of Object.entries(contents)) {
        for (const [path, digest] of Object.entries(content)) allowed(files, `${target}/${path}`).add(digest);
        for (const tree of trees.filter((name) => name.startsWith(`${target}/`))) {
          const inside = `${tree.slice(target.length + 1)}/`;
          const own = Object.entries(content).filter(([path]) => path.startsWith(inside));
          const listing = own.map(([path, digest]) => [path.slice(inside.length), digest] as const);
          allowed(wholes, tree).add(JSON.stringify(Object.fromEntries(listing)));
        }
      }
    },
    expectWhole: (context) => expect([...wrong], context).toEqual([]),
    close: async () => {
      isOpen = false;
      await looking;
      return looks;
    },
  };
}

/** Digests by path, sorted; undefined for what went away in this moment. */
function listingOf(folder: string): Record<string, string | undefined> {
  let paths: string[];
  try {
    paths = readdirSync(folder, { recursive: true }).map(String).sort();
  } catch {
    return {}; // Not there, or just replaced.
  }
  const listing: Record<string, string | undefined> = {};
  for (const path of paths) {
    try {
      if (statSync(join(folder, path)).isFile()) listing[path] = digestOfBytes(readFileSync(join(folder, path)));
    } catch {
      listing[path] = undefined;
    }
  }
  return listing;
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

// What is to be built, for every tool alike: targets that copy one of the files they read. Shapes as numbers grow: a chain, a fan, layers.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface BenchTarget {
  readonly name: string;
  /** Numbers of the targets before it that it reads. */
  readonly reads: readonly number[];
  /** A source file, of targets that read no other. */
  readonly source: string | undefined;
}

export interface Workload {
  readonly shape: Shape;
  readonly size: number;
  readonly targets: readonly BenchTarget[];
}

export const shapes = ["chain", "fan", "layers"] as const;
export type Shape = (typeof shapes)[number];

/** So that an edit of one source concerns 1 + 3 + 5 + … + 21 = 121 targets, as soon as a layer is wide enough. */
const layers = 11;

export function makeWorkload(shape: Shape, size: number): Workload {
  const width = Math.ceil(size / layers);
  const target = (index: number): BenchTarget => {
    const name = `t${index}`;
    const source = (number: number) => ({ name, reads: [], source: `src/${number}.txt` });
    switch (shape) {
      case "chain":
        return index === 0 ? source(0) : { name, reads: [index - 1], source: undefined };
      case "fan":
        return source(index);
      case "layers": {
        const layer = Math.floor(index / width);
        if (layer === 0) return source(index);
        const reads = [0, 1, 2].map((k) => (layer - 1) * width + (((index % width) + k) % width));
        return { name, reads: [...new Set(reads)], source: undefined };
      }
    }
  };
  return { shape, size, targets: Array.from({ length: size }, (_, index) => target(index)) };
}

export function writeSources(folder: string, { targets }: Workload): void {
  mkdirSync(join(folder, "src"), { recursive: true });
  for (const { source } of targets) if (source !== undefined) writeFileSync(join(folder, source), `of ${source}\n`);
}

/** The last source: what reads it is small in every shape but the chain, where it is all. */
export function leafOf({ targets }: Workload): string {
  return targets.findLast(({ source }) => source !== undefined)!.source!;
}

/** Where the tools that have one folder for all put what they make. */
export function inputsOf({ source, reads }: BenchTarget): readonly string[] {
  return source === undefined ? reads.map((index) => `out/t${index}`) : [source];
}

export function firstInput(target: BenchTarget): string {
  return inputsOf(target)[0]!;
}

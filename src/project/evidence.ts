// Paths with the stats that prove them untouched, a range of longer arrays: of ten thousand targets each has its own, and none of them is copied.

export class Evidence {
  readonly paths: readonly string[];
  /** Four numbers a path; see the stamp. */
  readonly stats: Float64Array;
  readonly begin: number;
  readonly end: number;

  constructor(paths: readonly string[], stats: Float64Array, begin = 0, end = paths.length) {
    this.paths = paths;
    this.stats = stats;
    this.begin = begin;
    this.end = end;
  }

  get size(): number {
    return this.end - this.begin;
  }
}

/** All paths in turn, with repeats. */
export function joined(all: readonly Evidence[]): Evidence {
  const paths: string[] = [];
  const stats = new Float64Array(4 * sizeOf(all));
  for (const evidence of all)
    for (let i = evidence.begin; i < evidence.end; i++) {
      for (let k = 0; k < 4; k++) stats[paths.length * 4 + k] = evidence.stats[i * 4 + k]!;
      paths.push(evidence.paths[i]!);
    }
  return new Evidence(paths, stats);
}

/** Each path once. Undefined: one was seen in two states, as when it was edited after a target that reads it was recalled, and before another read it. */
export function together(all: readonly Evidence[]): Evidence | undefined {
  const paths: string[] = [];
  const stats = new Float64Array(4 * sizeOf(all));
  const places = new Map<string, number>();
  for (const evidence of all)
    for (let i = evidence.begin; i < evidence.end; i++) {
      const path = evidence.paths[i]!;
      const known = places.get(path);
      const place = known ?? paths.length;
      if (known === undefined) {
        places.set(path, place);
        paths.push(path);
      }
      for (let k = 0; k < 4; k++) {
        const number = evidence.stats[i * 4 + k]!;
        if (known === undefined) stats[place * 4 + k] = number;
        else if (stats[place * 4 + k] !== number) return undefined;
      }
    }
  return new Evidence(paths, stats.subarray(0, paths.length * 4));
}

function sizeOf(all: readonly Evidence[]): number {
  let size = 0;
  for (const evidence of all) size += evidence.size;
  return size;
}

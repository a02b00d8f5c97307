// The figures that exp is held to: each a ratio of two medians of one run, and what it should be at most or at least.

import type { Times } from "./data.ts";
import { median } from "./measure.ts";
import type { Measured, Peak, Phase } from "./phases.ts";
import type { Shape } from "./workload.ts";

export interface Results {
  readonly measured: readonly Measured[];
  readonly peaks: readonly Peak[];
  readonly large: Times;
  readonly largeMib: number;
  readonly files: Times;
  readonly items: Times;
  readonly itemCount: number;
}

export interface Figure {
  readonly what: string;
  readonly value: number | undefined;
  readonly limit: number;
  readonly kind: "at most" | "at least";
  /** How the value is written: `1.3 ×`, `412 MiB`. */
  readonly unit: string;
}

export const names = { exp: "exp", programs: "exp, programs", node: "node -e 0" } as const;

export function figuresOf(results: Results): Figure[] {
  const at = (shape: Shape, size: number, tool: string, phase: Phase) => {
    const found = results.measured.find(
      (one) => one.shape === shape && one.size === size && one.tool === tool && one.phase === phase,
    );
    return found === undefined || found.seconds.length === 0 ? undefined : median(found.seconds);
  };
  const layers = (size: number, tool: string, phase: Phase) => at("layers", size, tool, phase);
  const ratio = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined || b === 0 ? undefined : a / b;
  const atMost = (what: string, value: number | undefined, limit: number, unit = "×"): Figure => ({
    ...{ what, value, limit, kind: "at most", unit },
  });
  const atLeast = (what: string, value: number | undefined, limit: number, unit = "×"): Figure => ({
    ...{ what, value, limit, kind: "at least", unit },
  });
  const idle = (size: number, limit: number) =>
    atMost(
      `nothing to do, ${size.toLocaleString("en")} targets, to bare Node`,
      ratio(layers(size, names.exp, "nothing to do"), layers(size, names.node, "nothing to do")),
      limit,
    );
  const { large, files, items } = results;
  const of = (times: Times, name: string) => (times[name] === undefined ? undefined : median(times[name]));
  const peak = (size: number, phase: Phase) =>
    results.peaks.find((one) => one.size === size && one.phase === phase)?.mib;
  const bare = layers(100, names.node, "nothing to do") ?? 0;
  const less = (a: number | undefined, b: number) => (a === undefined ? undefined : a - b);
  return [
    idle(100, 1.3),
    idle(1000, 1.5),
    idle(10_000, 2.5),
    idle(100_000, 12),
    ...[10_000, 100_000].map((size) =>
      atMost(
        `nothing to do, ${size.toLocaleString("en")} targets, to ninja`,
        ratio(layers(size, names.exp, "nothing to do"), layers(size, "ninja", "nothing to do")),
        size === 10_000 ? 2 : 1,
      ),
    ),
    atMost(
      "one leaf changed, 121 of 10,000 targets, to ninja",
      ratio(layers(10_000, names.exp, "one leaf changed"), layers(10_000, "ninja", "one leaf changed")),
      3,
    ),
    atMost(
      "cold, 10,000 targets with recipes in TypeScript, to ninja running cp",
      ratio(layers(10_000, names.exp, "cold"), layers(10_000, "ninja", "cold")),
      1,
    ),
    atMost(
      "cold, 10,000 targets that run cp, to ninja",
      ratio(layers(10_000, names.programs, "cold"), layers(10_000, "ninja", "cold")),
      2.5,
    ),
    atLeast(
      "restoring 10,000 targets, times faster than building them",
      ratio(layers(10_000, names.exp, "cold"), layers(10_000, names.exp, "restored")),
      5,
    ),
    atMost("plan of 100,000 targets", layers(100_000, names.exp, "plan"), 2, "s"),
    atMost("memory of that plan", peak(100_000, "plan"), 600, "MiB"),
    atLeast(
      `${results.itemCount.toLocaleString("en")} items, a second`,
      ratio(results.itemCount, of(items, "first build")),
      2000,
      "",
    ),
    atMost(
      `${results.largeMib} MiB of input, the first time, to openssl`,
      ratio(of(large, "first build"), of(large, "openssl dgst -sha256")),
      1.25,
    ),
    atLeast(
      "the same touched, times faster than openssl",
      ratio(of(large, "openssl dgst -sha256"), of(large, "touched")),
      3,
    ),
    atMost(
      "10,000 files of 4 KiB, the first time, to reading them (both less Node's start)",
      ratio(less(of(files, "first build"), bare), less(of(files, "reading them (Node)"), bare) ?? 0),
      2,
    ),
    atMost(
      "growth of a cold build from 1,000 to 10,000 targets, per target",
      ratio(layers(10_000, names.exp, "cold"), (layers(1000, names.exp, "cold") ?? 0) * 10),
      1.1,
    ),
    atMost(
      "growth of a cold build from 10,000 to 100,000 targets, per target",
      ratio(layers(100_000, names.exp, "cold"), (layers(10_000, names.exp, "cold") ?? 0) * 10),
      1.1,
    ),
  ];
}

export function isReached({ value, limit, kind }: Figure): boolean | undefined {
  if (value === undefined) return undefined;
  return kind === "at most" ? value <= limit : value >= limit;
}

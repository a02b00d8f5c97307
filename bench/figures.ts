// The figures that exp is held to: each a ratio of two medians of one run, and what it should be at most or at least.

import type { Crash } from "./crash.ts";
import type { Times } from "./data.ts";
import type { Elsewhere } from "./elsewhere.ts";
import { median } from "./measure.ts";
import type { AtModal } from "./modal.ts";
import { names } from "./names.ts";
import type { Measured, Peak, Phase } from "./phases.ts";
import type { Shared } from "./team.ts";
import type { Shape } from "./workload.ts";

/** What was measured in one go, and when: figures are ratios within one part. */
export interface Part {
  readonly name: string;
  /** Processors, memory and kernel. Parts of one page may have been measured on several: no figure mixes them. */
  readonly machine: string;
  readonly date: string;
  readonly commit: string;
  /** Load of the machine over the last minute when it began. */
  readonly load: number;
  readonly minutes: number;
  readonly measured?: readonly Measured[];
  readonly times?: Times;
  readonly peaks?: readonly Peak[];
  readonly elsewhere?: Elsewhere;
  readonly crashes?: readonly Crash[];
  readonly team?: readonly Shared[];
  readonly modal?: AtModal;
}

export interface Results {
  /** The sizes of the parts about data. */
  readonly largeMib: number;
  readonly fileCount: number;
  readonly itemCount: number;
  readonly parts: readonly Part[];
}

export const parts = {
  large: "one large file",
  files: "many small files",
  items: "a fan-out",
  first: "the first run",
  memory: "memory",
  elsewhere: "elsewhere",
  crash: "a crash",
  team: "a team",
  modal: "containers of Modal",
} as const;

export function measuredOf({ parts }: Results): readonly Measured[] {
  return parts.flatMap(({ measured = [] }) => measured);
}

export function timesOf({ parts }: Results, name: string): Times {
  return parts.find((part) => part.name === name)?.times ?? {};
}

export function peaksIn({ parts }: Results): readonly Peak[] {
  return parts.flatMap(({ peaks = [] }) => peaks);
}

function crashesIn({ parts }: Results): readonly Crash[] {
  return parts.flatMap(({ crashes = [] }) => crashes);
}

export interface Figure {
  readonly what: string;
  readonly value: number | undefined;
  readonly limit: number;
  readonly kind: "at most" | "at least";
  /** How the value is written: `1.3 ×`, `412 MiB`. */
  readonly unit: string;
}

export function figuresOf(results: Results): Figure[] {
  const measured = measuredOf(results);
  const at = (shape: Shape, size: number, tool: string, phase: Phase) => {
    const found = measured.find(
      (one) => one.shape === shape && one.size === size && one.tool === tool && one.phase === phase,
    );
    return found === undefined || found.seconds.length === 0 ? undefined : median(found.seconds);
  };
  const layers = (size: number, tool: string, phase: Phase) => at("layers", size, tool, phase);
  const machineOf = (size: number) =>
    results.parts.find(({ measured: own = [] }) => own.some((one) => one.shape === "layers" && one.size === size))
      ?.machine;
  /** Per target, of a graph ten times as large. */
  const growth = (size: number) => {
    const [small, large] = [layers(size, names.exp, "cold"), layers(size * 10, names.exp, "cold")];
    if (small === undefined || machineOf(size) !== machineOf(size * 10)) return undefined;
    return ratio(large, small * 10);
  };
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
  const [large, files, items, first] = [parts.large, parts.files, parts.items, parts.first].map((name) =>
    timesOf(results, name),
  ) as [Times, Times, Times, Times];
  const of = (times: Times, name: string) => (times[name] === undefined ? undefined : median(times[name]));
  const peak = (size: number, phase: Phase) =>
    peaksIn(results).find((one) => one.size === size && one.phase === phase)?.mib;
  const less = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a - b;
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
      `hashing ${results.fileCount.toLocaleString("en")} files of 4 KiB (a first plan, less one of a single file), to reading them`,
      ratio(
        less(of(files, "first plan"), of(files, "first plan, one file")),
        less(of(files, "reading them (Node)"), of(files, "node -e 0")),
      ),
      2,
    ),
    atMost(
      `memory of the driver of ${results.itemCount.toLocaleString("en")} items`,
      peaksIn(results).find(({ phase }) => phase === "items")?.mib,
      200,
      "MiB",
    ),
    atMost(
      "a clone's npm ci and first build, npm's cache being warm",
      sum(of(first, "npm ci"), of(first, "first build")),
      30,
      "s",
    ),
    atMost("the experiment on peptides, without npx", of(first, "without npx"), 5, "s"),
    atMost("growth of a cold build from 1,000 to 10,000 targets, per target", growth(1000), 1.1),
    atMost("growth of a cold build from 10,000 to 100,000 targets, per target", growth(10_000), 1.1),
    ...(["here", "slurm"] as const).map((place) =>
      atMost(
        `items finished and computed twice after the driver was killed, ${place === "here" ? "here" : "on Slurm"}`,
        crashesIn(results).find((crash) => crash.place === place)?.twice,
        0,
        "",
      ),
    ),
    ...modalFigures(results.parts.find(({ modal }) => modal !== undefined)?.modal),
  ];
}

function modalFigures(modal: AtModal | undefined): readonly Figure[] {
  const { twice } = modal?.crash ?? {};
  const atMost = (what: string, value: number | undefined, limit: number, unit: string): Figure => ({
    ...{ what, value, limit, kind: "at most", unit },
  });
  const again = atMost(
    "items finished and computed twice at Modal, the driver killed and containers taken back",
    ...([twice, 0, ""] as const),
  );
  const { limited } = modal ?? {};
  if (limited === undefined) return [again];
  const spent = atMost("dollars paid at Modal by a build with --max-usd", limited.paid.usd, limited.maxUsd, "$");
  return [again, spent];
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

export function isReached({ value, limit, kind }: Figure): boolean | undefined {
  if (value === undefined) return undefined;
  return kind === "at most" ? value <= limit : value >= limit;
}

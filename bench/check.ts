// `npm run bench -- --check`: a few ratios to bare Node, held to what they were. For CI: a change that makes exp half as slow again fails, a busy
// machine does not, because time of the processor is compared, what is slowed alike cancels out, and the best of three tries counts. `--record` writes down what they are now.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { median, processorTime } from "./measure.ts";
import { names } from "./names.ts";
import { phases, runJob, type Phase } from "./phases.ts";
import type { Tool } from "./tool.ts";

/** Ratios of medians by phase, for each major version of Node: they start at very different speeds. */
type Ratios = Readonly<Record<string, number>>;

const allowed = 1.5;
const tries = 3;

export function check(file: string, tools: readonly Tool[], scratch: string, isRecording: boolean): boolean {
  const major = `node ${process.versions.node.split(".")[0]}`;
  const recorded = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, Ratios>) : {};
  const before = recorded[major];
  if (before === undefined && !isRecording) {
    console.log(`no ratios are recorded for ${major}: nothing to hold this build to`);
    return true;
  }
  const best: Record<string, number> = {};
  for (let i = 0; i < tries; i++) {
    for (const [phase, ratio] of Object.entries(measure(tools, scratch)))
      best[phase] = Math.min(ratio, best[phase] ?? ratio);
    if (!isRecording && slower(before!, best).length === 0) break;
  }
  if (isRecording) {
    const rounded = Object.fromEntries(
      Object.entries(best).map(([phase, ratio]) => [phase, Number(ratio.toPrecision(3))]),
    );
    writeFileSync(file, `${JSON.stringify({ ...recorded, [major]: rounded }, undefined, 2)}\n`);
    return true;
  }
  for (const [phase, ratio] of Object.entries(best))
    console.log(`${phase}: ${ratio.toFixed(2)} × bare Node, recorded ${before![phase] ?? "never"}`);
  const failed = slower(before!, best);
  for (const phase of failed) console.log(`"${phase}" takes more than ${allowed} times what it did`);
  return failed.length === 0;
}

function slower(before: Ratios, now: Ratios): string[] {
  return Object.keys(now).filter((phase) => before[phase] !== undefined && now[phase]! > allowed * before[phase]);
}

function measure(tools: readonly Tool[], scratch: string): Ratios {
  const job = { shape: "layers", size: 1000, repetitions: 3, coldOnce: false, phases } as const;
  const measured = runJob(job, tools, { scratch, tell: () => undefined, clock: processorTime });
  const of = (tool: string, phase: Phase) => {
    const one = measured.find((each) => each.tool === tool && each.phase === phase)!;
    if (one.failed) throw new Error(`${tool}: "${phase}" ended with an error`);
    return median(one.seconds);
  };
  const bare = of(names.node, "nothing to do");
  return Object.fromEntries(phases.map((phase) => [phase, of(names.exp, phase) / bare]));
}

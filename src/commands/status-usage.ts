// `exp status --usage`: what the actions behind each target took, from the run's trace.

import type { Usage } from "../model/action.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { UsageRow } from "../report/usage.ts";

/** Targets of which nothing was measured are left out. */
export function usageOf(trace: Trace, targets: readonly string[]): readonly UsageRow[] {
  return targets.flatMap((target) => {
    const sum = { actions: 0, tookMs: 0, cpuMs: 0, peakMiB: 0, gpuMs: 0, gpuPercentMs: 0, gpuMiB: 0 };
    let asked: UsageRow["asked"] = {};
    for (const [core, { part, result, template }] of trace.resultsBehind(target)) {
      const usage = measured(result.usage);
      if (usage === undefined || (part !== "recipe" && part !== "item")) continue;
      asked = trace.optionsOf(template ?? core).resources ?? asked;
      sum.actions += 1;
      sum.tookMs += result.tookMs;
      sum.cpuMs += usage.cpuMs;
      sum.peakMiB = Math.max(sum.peakMiB, usage.peakMiB ?? 0);
      sum.gpuMiB = Math.max(sum.gpuMiB, usage.gpuMiB ?? 0);
      if (usage.gpuPercent === undefined) continue;
      sum.gpuMs += result.tookMs;
      sum.gpuPercentMs += usage.gpuPercent * result.tookMs;
    }
    const { actions, tookMs, cpuMs, peakMiB, gpuMs, gpuPercentMs, gpuMiB } = sum;
    if (actions === 0) return [];
    return [
      {
        ...{ target, actions, tookMs, cpuMs, asked },
        peakMiB: peakMiB > 0 ? peakMiB : null,
        gpuPercent: gpuMs > 0 ? gpuPercentMs / gpuMs : null,
        gpuMiB: gpuMiB > 0 ? gpuMiB : null,
      },
    ];
  });
}

/** Results come from caches that others write, too: what is no number is none. */
function measured(usage: Usage | undefined): Usage | undefined {
  const numbers = Object.values(usage ?? {}) as readonly unknown[];
  return usage !== undefined && numbers.every((one) => typeof one === "number") ? usage : undefined;
}

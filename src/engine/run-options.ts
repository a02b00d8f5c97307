// How the parts of a target run: a target's options over its rule's. Nothing of it decides what they make.

import type { Resources, RunOptions, Work } from "../api/rule.ts";
import type { GraphTarget } from "../planning/graph.ts";

/** How the parts of a target run that may run elsewhere: its recipe or program, or what makes its items. */
export function optionsElsewhere({ declaration }: GraphTarget): readonly RunOptions[] {
  const { work, options } = declaration;
  return partsElsewhere(work)
    .map((part) => mergeOptions(part, options))
    .filter(({ executor }) => executor !== "local");
}

function partsElsewhere(work: Work): readonly RunOptions[] {
  switch (work.kind) {
    case "recipe":
      return [work.part];
    case "command":
      return [work.command];
    case "fan-out":
      return Object.values(work.recipes);
    case "gate":
    case "handoff":
      return [];
  }
}

/** A target's options over the rule's. */
export function mergeOptions(rule: RunOptions, target: RunOptions): RunOptions {
  const resources: Resources = { ...rule.resources, ...target.resources };
  const { timeoutMs, retries, tools, env, secrets, externals, varies, executor, slurm, modal } = target;
  return {
    ...rule,
    resources,
    ...(executor !== undefined && { executor }),
    ...(slurm !== undefined && { slurm: { ...rule.slurm, ...slurm } }),
    ...(modal !== undefined && { modal: { ...rule.modal, ...modal } }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(retries !== undefined && { retries }),
    ...(varies !== undefined && { varies }),
    ...(tools !== undefined && { tools: { ...rule.tools, ...tools } }),
    ...(env !== undefined && { env: [...(rule.env ?? []), ...env] }),
    ...(secrets !== undefined && { secrets: [...(rule.secrets ?? []), ...secrets] }),
    ...(externals !== undefined && { externals: [...(rule.externals ?? []), ...externals] }),
  };
}

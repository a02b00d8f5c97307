// Handoffs: a target that waits for a file or folder that people provide, then goes on. The answer is content-addressed like any input.

import type { z } from "zod";
import { contract } from "./contract.ts";
import { aFunction, aText, aZodObject, checkFields } from "./declared.ts";
import { makeRule, type HandoffRequest, type Rule } from "./rule.ts";
import { tree, type Slot, type Tree } from "./slot.ts";

/**
 * A rule that asks people for files. Its output `files` is a tree: each request's file by its base name, a folder by its own name.
 * With no request it is done at once.
 */
export function handoff<const Name extends string, Z extends z.ZodObject>(spec: {
  readonly name: Name;
  readonly config: Z;
  readonly requests: (config: z.output<Z>) => readonly HandoffRequest[];
}): Rule<{ readonly name: Name; readonly config: Z; readonly outputs: { readonly files: Slot<Tree, false> } }> {
  checkFields("a handoff", spec, { name: aText, requests: aFunction }, { config: aZodObject });
  const whole = contract({ name: spec.name, config: spec.config, outputs: { files: tree() } });
  return makeRule(whole, {
    kind: "handoff",
    handoff: { requests: spec.requests as (config: unknown) => readonly HandoffRequest[] },
  });
}

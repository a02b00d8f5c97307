// The targets of a trace in an order in which they can be made again: who reads what, told by digests alone.

import type { Trace } from "../backends/store/trace.ts";
import { digestOfArtifact } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { contentsOf } from "./recorded.ts";

/** The targets of the trace, each after those whose outputs it reads. */
export function inOrderOfUse(trace: Trace): readonly string[] {
  const madeBy = new Map<Digest, string[]>();
  const standing = trace.targets().map((target) => ({ target, last: trace.lastStandingOf(target)! }));
  for (const { target, last } of standing)
    for (const artifact of Object.values(trace.known(last.core)?.result.outputs ?? {})) {
      const digest = digestOfArtifact(artifact);
      if (digest !== "absent") madeBy.set(digest, [...(madeBy.get(digest) ?? []), target]);
    }
  const readBy = new Map(
    standing.map(({ target, last }) => {
      const records = [last.core, last.split].flatMap((core) =>
        core === undefined ? [] : (trace.recordOf(core) ?? []),
      );
      const digests = records.flatMap(({ inputs }) =>
        Object.values(inputs)
          .flatMap(contentsOf)
          .map(({ digest }) => digest),
      );
      return [target, new Set(digests.flatMap((digest) => madeBy.get(digest) ?? []))] as const;
    }),
  );
  const ordered: string[] = [];
  const seen = new Set<string>();
  const visit = (target: string) => {
    if (seen.has(target)) return;
    seen.add(target);
    for (const upstream of readBy.get(target) ?? []) visit(upstream);
    ordered.push(target);
  };
  for (const { target } of standing) visit(target);
  return ordered;
}

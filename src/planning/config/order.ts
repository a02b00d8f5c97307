// Failures in the order in which somebody reads the files. Unaware of what failed.

import type { Failure } from "../../model/failure.ts";

/** By place, files in the order of their first failure. The same message at the same place is said once: several checks may find it. */
export function inOrder(failures: readonly Failure[]): Failure[] {
  const once = new Map<string, Failure>();
  for (const failure of failures) {
    const { file, line, column } = failure.where ?? {};
    const key = JSON.stringify([file, line, column, failure.what]);
    if (!once.has(key)) once.set(key, failure);
  }
  const fileOrder = [...new Set([...once.values()].map((failure) => failure.where?.file))];
  const rank = ({ where }: Failure) => [fileOrder.indexOf(where?.file), where?.line ?? 0, where?.column ?? 0] as const;
  return [...once.values()].sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
  });
}

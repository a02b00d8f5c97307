// Comparing numbers, and structures of numbers, with known ones.
import { expect } from "vitest";

/** Expects `actual` to equal the number (or the list) within a relative tolerance; zero is met absolutely. */
export function expectClose(
  actual: number | readonly number[],
  known: number | readonly number[],
  relative = 1e-10,
): void {
  const [ours, theirs] = [[actual].flat(), [known].flat()] as [number[], number[]];
  expect(ours).toHaveLength(theirs.length);
  ours.forEach((value, i) => {
    const allowed = relative * Math.max(Math.abs(theirs[i]!), theirs[i] === 0 ? 1 : 0);
    expect(Math.abs(value - theirs[i]!), `${value} against ${theirs[i]!}`).toBeLessThanOrEqual(allowed);
  });
}

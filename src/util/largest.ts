// The largest of many numbers: `Math.max(...numbers)` puts them on the stack, which a hundred thousand overflow.

/** `least` if there is none larger. */
export function largest(numbers: Iterable<number>, least: number): number {
  let most = least;
  for (const number of numbers) if (number > most) most = number;
  return most;
}

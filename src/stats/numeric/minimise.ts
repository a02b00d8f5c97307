// Minimising a smooth function of a few variables without its derivatives.

/**
 * The minimum near `start` by the simplex of J. Nelder and R. Mead (1965), begun anew from each result until a new start
 * no longer helps.
 *
 * @param size the edge of the first simplex
 */
export function minimise(f: (x: readonly number[]) => number, start: readonly number[], size = 0.5): number[] {
  let best = [...start];
  let value = f(best);
  for (let restart = 0; restart < 12; restart++) {
    const found = descend(f, best, restart === 0 ? size : size / 10);
    const gain = value - found.value;
    [best, value] = [found.point, found.value];
    if (restart > 1 && gain <= 1e-13 * (1 + Math.abs(value))) break;
  }
  return best;
}

interface Vertex {
  readonly point: number[];
  readonly value: number;
}

function descend(f: (x: readonly number[]) => number, start: readonly number[], size: number): Vertex {
  const vertex = (point: number[]): Vertex => ({ point, value: f(point) });
  const simplex = [vertex([...start]), ...start.map((_, i) => vertex(start.map((x, k) => (k === i ? x + size : x))))];
  for (let round = 0; round < 2000 * start.length; round++) {
    simplex.sort((a, b) => a.value - b.value);
    const [best, worst, second] = [simplex[0]!, simplex.at(-1)!, simplex.at(-2)!];
    const spread = Math.max(
      ...simplex.map(({ point }) => Math.max(...point.map((x, k) => Math.abs(x - best.point[k]!)))),
    );
    if (spread < 1e-10 || (spread < 1e-7 && worst.value - best.value <= 0)) break;
    const others = simplex.slice(0, -1);
    const centre = start.map((_, k) => others.reduce((total, { point }) => total + point[k]!, 0) / others.length);
    const along = (t: number): Vertex => vertex(centre.map((c, k) => c + t * (c - worst.point[k]!)));
    const reflected = along(1);
    let next: Vertex | null = reflected.value < second.value ? reflected : null;
    if (reflected.value < best.value) {
      const expanded = along(2);
      if (expanded.value < reflected.value) next = expanded;
    } else if (next === null) {
      const contracted = along(reflected.value < worst.value ? 0.5 : -0.5);
      if (contracted.value < Math.min(worst.value, reflected.value)) next = contracted;
    }
    if (next !== null) simplex[simplex.length - 1] = next;
    else {
      for (let i = 1; i < simplex.length; i++) {
        simplex[i] = vertex(simplex[i]!.point.map((x, k) => (x + best.point[k]!) / 2));
      }
    }
  }
  return simplex.reduce((a, b) => (b.value < a.value ? b : a));
}

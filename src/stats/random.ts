// Seeded random numbers for resampling: the same seed gives the same stream on every machine, for only 32-bit integer
// arithmetic is used. Not for secrets.
// Source: sfc32 by C. Doty-Humphrey (PractRand, public domain), seeded through splitmix32 (G. Steele et al. 2014, in the
// 32-bit form with the mixing constants of MurmurHash3).

/** A stream of random numbers. */
export interface Random {
  /** A number in [0, 1) with 53 random bits. */
  readonly uniform: () => number;
  /** A whole number in [0, bound), for bound up to 2³². Its bias is below bound / 2³². */
  readonly below: (bound: number) => number;
  /** A standard normal number. */
  readonly normal: () => number;
}

/**
 * A stream that depends only on `seed`.
 *
 * @param seed any finite number or any text
 */
export function createRandom(seed: number | string): Random {
  if (typeof seed === "number" && !Number.isFinite(seed)) {
    throw new RangeError(
      `createRandom: the seed is ${seed}; give a finite number or a text, so that a run can be repeated.`,
    );
  }
  const next = sfc32(hashSeed(String(seed)));
  const uniform = (): number => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  return {
    uniform,
    below: (bound) => Math.floor((next() / 4294967296) * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** FNV-1a over the UTF-16 units. */
function hashSeed(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function sfc32(seed: number): () => number {
  const mix = splitmix32(seed);
  let [a, b, c, counter] = [mix(), mix(), mix(), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}

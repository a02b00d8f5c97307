/**
 * Seeded random numbers, the same on every platform: only integer operations and exact divisions.
 * Generator: xoshiro128** 1.1 of Blackman & Vigna (https://prng.di.unimi.it/xoshiro128starstar.c, public domain).
 * Its four words come from splitmix64 (https://prng.di.unimi.it/splitmix64.c, public domain), so that seeds that
 * differ in one bit give unrelated streams. Not for secrets.
 */

export interface Random {
  /** 0 to 2³²-1. */
  nextUint32(): number;
  /** 0 ≤ x < 1, a multiple of 2⁻⁵³. */
  nextFloat(): number;
  /** 0 ≤ n < bound, every n equally likely; bound is a whole number from 1 to 2³². */
  nextBelow(bound: number): number;
}

/** `seed` is 1 to 32 hexadecimal digits (up to 128 bits), upper or lower case; leading zeros change nothing. */
export function createRandom(seed: string): Random {
  return fromWords(expandSeed(seed));
}

/** xoshiro128** from a given state of four words, not all 0. */
export function fromWords(words: readonly [number, number, number, number]): Random {
  let [s0, s1, s2, s3] = words;
  const nextUint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = rotateLeft(s3, 11);
    return result;
  };
  return {
    nextUint32,
    nextFloat: () => ((nextUint32() >>> 5) * 67108864 + (nextUint32() >>> 6)) / 9007199254740992,
    nextBelow: (bound) => {
      // Numbers above the last full multiple of the bound would favour small results: draw again.
      const limit = 4294967296 - (4294967296 % bound);
      for (;;) {
        const drawn = nextUint32();
        if (drawn < limit) return drawn % bound;
      }
    },
  };
}

/** Fisher-Yates, in place. */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.nextBelow(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

const MASK_64 = 0xffffffffffffffffn;

function expandSeed(seed: string): [number, number, number, number] {
  if (!/^[0-9a-f]{1,32}$/i.test(seed)) throw new RangeError(`a seed is 1 to 32 hexadecimal digits, not "${seed}"`);
  const bits = BigInt(`0x${seed}`);
  const high = bits >> 64n;
  // Both halves reach every word, and no two seeds give the same four words.
  const first = splitmix64((bits & MASK_64) ^ splitmix64(high).output);
  const second = splitmix64(first.state ^ high);
  const words = [first.output >> 32n, first.output, second.output >> 32n, second.output];
  const [a, b, c, d] = words.map((word) => Number(word & 0xffffffffn)) as [number, number, number, number];
  return (a | b | c | d) === 0 ? [1, 0, 0, 0] : [a, b, c, d];
}

/** One step: the state moved on, and the number drawn. */
export function splitmix64(state: bigint): { state: bigint; output: bigint } {
  const next = (state + 0x9e3779b97f4a7c15n) & MASK_64;
  let z = next;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return { state: next, output: z ^ (z >> 31n) };
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

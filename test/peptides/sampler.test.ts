import { describe, expect, test } from "vitest";

import {
  logProbability,
  nextSymbol,
  perplexity,
  startContext,
  trainNgram,
} from "../../rules/peptides/science/ngram.ts";
import { createRandom, fromWords, shuffle, splitmix64 } from "../../rules/peptides/science/random.ts";
import { sampleSequences } from "../../rules/peptides/science/sample.ts";
import { firstSlice, randomSlice, shuffledResidues } from "../../rules/peptides/science/slices.ts";

const TRAINING = ["KLAKLAK", "KLAKLAKKLAKLAK", "GIGKFLHSAKKFGKAFVGEIMNS", "KWKLFKKIEKVGQNIRDGI", "KLAK"];

describe("random numbers", () => {
  test("xoshiro128** gives the numbers of its authors' code", () => {
    const random = fromWords([1, 2, 3, 4]);
    expect(Array.from({ length: 6 }, () => random.nextUint32())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492,
    ]);
  });

  test("splitmix64 gives the numbers of its author's code", () => {
    expect(splitmix64(0n).output).toBe(0xe220a8397b1dcdafn);
    expect(splitmix64(1234567n).output).toBe(6457827717110365317n);
  });

  test("a seed is hexadecimal, whatever its case and leading zeros", () => {
    const first = (seed: string): number => createRandom(seed).nextUint32();
    expect(first("00ff")).toBe(first("FF"));
    expect(first("ff")).not.toBe(first("fe"));
    expect(first("10000000000000000")).not.toBe(first("0"));
    expect(() => createRandom("seven")).toThrow('a seed is 1 to 32 hexadecimal digits, not "seven"');
    expect(() => createRandom("")).toThrow("hexadecimal");
  });

  test("every number below a bound comes up", () => {
    const random = createRandom("5");
    const counts = new Int32Array(5);
    for (let i = 0; i < 5000; i++) counts[random.nextBelow(5)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(880);
  });

  test("shuffling keeps the items", () => {
    expect(shuffle([1, 2, 3, 4, 5], createRandom("9")).sort()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("slices", () => {
  const letters = [..."ABCDEFGHIJ"];

  test("the first n, and n at random in their original order", () => {
    expect(firstSlice(letters, 3)).toEqual(["A", "B", "C"]);
    const drawn = randomSlice(letters, 4, "c0ffee");
    expect(new Set(drawn).size).toBe(4);
    expect(drawn).toEqual([...drawn].sort());
    expect(randomSlice(letters, 4, "c0ffee")).toEqual(drawn);
    expect(randomSlice(letters, 99, "1")).toEqual(letters);
  });

  test("the shuffled control keeps each sequence's residues", () => {
    const control = shuffledResidues(TRAINING, "7");
    const sorted = (sequence: string): string => [...sequence].sort().join("");
    expect(control.map(sorted)).toEqual(TRAINING.map(sorted));
    expect(control).not.toEqual(TRAINING);
    expect(shuffledResidues(TRAINING, "7")).toEqual(control);
  });
});

describe("the n-gram model", () => {
  test("order 0 is the discounted composition", () => {
    // K K end: 3 symbols of 2 kinds. P(K) = (2 - .75)/3 + .75·2/3/21.
    const next = nextSymbol(trainNgram(["KK"], { order: 0 }));
    expect(next(startContext(0))[8]).toBeCloseTo(1.25 / 3 + 0.5 / 21, 12);
    expect(next(startContext(0))[0]).toBeCloseTo(0.5 / 21, 12);
  });

  test("order 1 backs off to how many symbols a residue follows", () => {
    // "AC" "GC": C follows A and G, so its continuation count is 2; A and G only begin chains; the end follows C.
    const model = trainNgram(["AC", "GC"], { order: 1 });
    expect(model.counts[0]!.get(0)![1]).toBe(2);
    expect(model.counts[0]!.get(0)![0]).toBe(1);
    expect(model.counts[0]!.get(0)![20]).toBe(1);
    const lower = (2 - 0.75) / 5 + (0.75 * 4) / 5 / 21;
    expect(nextSymbol(model)(0)[1]).toBeCloseTo(0.25 + 0.75 * lower, 12);
  });

  test.each([0, 1, 2, 3, 5])("probabilities of order %i sum to 1 in seen and unseen contexts", (order) => {
    const next = nextSymbol(trainNgram(TRAINING, { order }));
    for (const context of [startContext(order), 0, 7]) {
      const probabilities = next(context % 21 ** order);
      expect(probabilities.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 12);
      expect(Math.min(...probabilities)).toBeGreaterThan(0);
    }
  });

  test("a longer context fits its training set better", () => {
    const fits = [0, 1, 2, 3].map((order) => perplexity(trainNgram(TRAINING, { order }), TRAINING));
    expect([...fits].sort((a, b) => b - a)).toEqual(fits);
    expect(fits[0]!).toBeLessThan(21);
  });

  test("it refuses what it cannot learn from", () => {
    expect(() => trainNgram([])).toThrow("there are no sequences to train on");
    expect(() => trainNgram(["KL", ""])).toThrow("a training sequence is empty");
    expect(() => trainNgram(["KXL"])).toThrow("not a canonical residue: X");
    expect(() => trainNgram(["KL"], { discount: 1 })).toThrow("between 0 and 1");
  });
});

describe("sampling", () => {
  const model = trainNgram(TRAINING);
  const free = { kind: "model", min: 5, max: 30 } as const;

  test("the same seed gives the same sequences, another seed others", () => {
    const draw = (seed: string): string[] =>
      sampleSequences(model, { count: 20, seed, length: free }).map(({ sequence }) => sequence);
    expect(draw("2a")).toEqual(draw("2a"));
    expect(draw("2a")).not.toEqual(draw("2b"));
    // Frozen: a change here changes every cached sample.
    expect(draw("2a").slice(0, 3)).toMatchInlineSnapshot(`
      [
        "KLAKLAKLAIANSAK",
        "KLAKLHYMGVGKAK",
        "KILLAKN",
      ]
    `);
  });

  test("the first samples do not depend on how many are drawn", () => {
    const few = sampleSequences(model, { count: 3, seed: "1", length: free });
    expect(sampleSequences(model, { count: 9, seed: "1", length: free }).slice(0, 3)).toEqual(few);
  });

  test("a sample's log probability is the model's", () => {
    for (const sample of sampleSequences(model, { count: 20, seed: "3", length: free, temperature: 0.8 })) {
      expect(sample.logProbability).toBeCloseTo(logProbability(model, sample.sequence), 9);
    }
  });

  test("length priors hold", () => {
    const lengthsOf = (length: Parameters<typeof sampleSequences>[1]["length"]): number[] =>
      sampleSequences(model, { count: 200, seed: "4", length }).map(({ sequence }) => sequence.length);
    expect(lengthsOf({ kind: "uniform", min: 8, max: 10 }).every((each) => each >= 8 && each <= 10)).toBe(true);
    expect(new Set(lengthsOf({ kind: "training" }))).toEqual(new Set(TRAINING.map(({ length }) => length)));
    expect(lengthsOf(free).every((each) => each >= 5 && each <= 30)).toBe(true);
  });

  test("a chain cut at the longest length says so", () => {
    const samples = sampleSequences(model, { count: 50, seed: "6", length: { kind: "model", min: 5, max: 6 } });
    expect(samples.filter(({ truncated }) => truncated).every(({ sequence }) => sequence.length === 6)).toBe(true);
    expect(samples.some(({ truncated }) => truncated)).toBe(true);
  });

  test("a low temperature repeats what is likely", () => {
    const kinds = (temperature: number): number =>
      new Set(
        sampleSequences(model, { count: 100, seed: "8", length: { kind: "uniform", min: 6, max: 6 }, temperature }).map(
          ({ sequence }) => sequence,
        ),
      ).size;
    expect(kinds(0.5)).toBeLessThan(kinds(1));
    expect(kinds(1)).toBeLessThanOrEqual(kinds(2));
    expect(() => kinds(0)).toThrow("the temperature lies above 0");
  });
});

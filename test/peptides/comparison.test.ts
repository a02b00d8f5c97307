import { describe, expect, test } from "vitest";

import { encode, RESIDUES } from "../../rules/peptides/science/alphabet.ts";
import { BLAST_GAPS, EMBOSS_GAPS, needlemanWunsch, smithWaterman } from "../../rules/peptides/science/align.ts";
import { overlapIdentities, smithWatermanScore } from "../../rules/peptides/science/align-score.ts";
import { BLOSUM62 } from "../../rules/peptides/science/blosum62.ts";
import { cluster } from "../../rules/peptides/science/cluster.ts";
import {
  composition,
  compositionOfTable,
  jensenShannon,
  kullbackLeibler,
} from "../../rules/peptides/science/composition.ts";
import { valueOrNull } from "../../rules/peptides/science/descriptor.ts";
import {
  meanPairwiseJaccard,
  meanPairwiseLevenshtein,
  uniqueRatio,
  vendiScore,
} from "../../rules/peptides/science/diversity.ts";
import { symmetricEigenvalues } from "../../rules/peptides/science/eigenvalues.ts";
import { kmerJaccard } from "../../rules/peptides/science/kmer.ts";
import { levenshtein, levenshteinSimilarity } from "../../rules/peptides/science/levenshtein.ts";
import { bestLevenshteinSimilarity, bestSmithWaterman, encodeReference } from "../../rules/peptides/science/novelty.ts";
import { createRandom } from "../../rules/peptides/science/random.ts";
import type { Random } from "../../rules/peptides/science/random.ts";
import { numberOf } from "./number-of.ts";

function randomPeptide(random: Random, length: number): string {
  return Array.from({ length }, () => RESIDUES[random.nextBelow(20)]).join("");
}

describe("edit distance", () => {
  test("known distances", () => {
    expect(levenshtein("KITTEN", "SITTING")).toBe(3);
    expect(levenshtein("", "KLAK")).toBe(4);
    expect(levenshtein("KLAK", "KLAK")).toBe(0);
    expect(levenshtein("KLAKLAKKLAKLAK", "KLALKLALKALKAALKLA")).toBe(7);
  });

  test("short and long strings are measured alike", () => {
    // A common tail makes both strings too long for one machine word without changing their distance.
    const random = createRandom("1e");
    const tail = "W".repeat(40);
    for (let round = 0; round < 200; round++) {
      const a = randomPeptide(random, random.nextBelow(33));
      const b = randomPeptide(random, random.nextBelow(33));
      expect(levenshtein(a + tail, b + tail)).toBe(levenshtein(a, b));
      expect(levenshtein(a, b)).toBe(levenshtein(b, a));
    }
  });

  test("similarity is 1 for equal strings and 0 for strangers", () => {
    expect(levenshteinSimilarity("AAAA", "AAAA")).toBe(1);
    expect(levenshteinSimilarity("AAAA", "CC")).toBe(0);
    expect(levenshteinSimilarity("", "")).toBe(1);
  });
});

describe("alignment", () => {
  test("BLOSUM62 is symmetric and prefers a residue to any other", () => {
    for (let a = 0; a < 20; a++) {
      for (let b = 0; b < 20; b++) {
        expect(BLOSUM62[a * 20 + b]).toBe(BLOSUM62[b * 20 + a]);
        expect(BLOSUM62[a * 20 + b]! <= BLOSUM62[a * 20 + a]!).toBe(true);
      }
    }
  });

  test("EMBOSS water's example comes out as EMBOSS gives it", () => {
    expect(smithWaterman("KLAKLAKKLAKLAK", "KLALKLALKALKAALKLA", EMBOSS_GAPS)).toEqual({
      score: 25,
      identical: 9,
      length: 14,
    });
  });

  test("a gap costs its first residue and each further one", () => {
    expect(needlemanWunsch("WWWWW", "WWW", BLAST_GAPS)).toEqual({ score: 33 - 12, identical: 3, length: 5 });
    expect(needlemanWunsch("WWWWW", "WWW", EMBOSS_GAPS).score).toBe(33 - 10.5);
    expect(needlemanWunsch("", "AAA", BLAST_GAPS)).toEqual({ score: -13, identical: 0, length: 3 });
  });

  test("nothing in common aligns to nothing", () => {
    expect(smithWaterman("W", "P")).toEqual({ score: 0, identical: 0, length: 0 });
    expect(smithWaterman("", "KLAK").score).toBe(0);
  });

  test("the score without an alignment is the alignment's score", () => {
    const random = createRandom("2f");
    for (let round = 0; round < 200; round++) {
      const a = randomPeptide(random, 1 + random.nextBelow(40));
      const b = a.slice(random.nextBelow(a.length)) + randomPeptide(random, random.nextBelow(20));
      expect(smithWatermanScore(encode(a), encode(b), BLAST_GAPS)).toBe(smithWaterman(a, b).score);
    }
  });

  test("overhanging ends are free in an overlap", () => {
    expect(overlapIdentities(encode("GGGKLAKLAK"), encode("KLAKLAK"), BLAST_GAPS)).toBe(7);
    expect(overlapIdentities(encode("GGGKLAK"), encode("KLAKPPP"), BLAST_GAPS)).toBe(4);
  });
});

describe("words and composition", () => {
  test("Jaccard similarity counts distinct words", () => {
    // KLA LAK | KLA LAL: one of three.
    expect(numberOf(kmerJaccard("KLAK", "KLAL"))).toBeCloseTo(1 / 3, 12);
    expect(numberOf(kmerJaccard("AAAAAA", "AAA"))).toBe(1);
    expect(numberOf(kmerJaccard("KLAK", "KL"))).toBe(0);
    expect(kmerJaccard("KL", "KL").kind).toBe("not-applicable");
  });

  test("a composition equal to its reference diverges by nothing, a missing residue does no harm", () => {
    const half = valueOrNull(composition(["AC", "CA"]))!;
    const onlyA = valueOrNull(composition(["AAA"]))!;
    expect(numberOf(kullbackLeibler(half, half))).toBe(0);
    expect(numberOf(kullbackLeibler(onlyA, half))).toBeCloseTo(Math.LN2, 12);
    expect(kullbackLeibler(half, onlyA)).toEqual({ kind: "not-applicable", reason: "the reference has no C" });
  });

  test("compositions without a common residue are ln 2 apart", () => {
    const a = valueOrNull(composition(["AA"]))!;
    const c = valueOrNull(composition(["CC"]))!;
    expect(numberOf(jensenShannon(a, c))).toBeCloseTo(Math.LN2, 12);
    expect(numberOf(jensenShannon(a, a))).toBe(0);
  });

  test("a table of percentages is rescaled", () => {
    const table = Object.fromEntries([...RESIDUES].map((residue) => [residue, 5])) as never;
    expect([...compositionOfTable(table)].every((fraction) => fraction === 0.05)).toBe(true);
    expect(composition([]).kind).toBe("not-applicable");
    expect(composition(["AX"]).kind).toBe("not-applicable");
  });
});

describe("diversity", () => {
  test("equal sequences are one, strangers are all of them", () => {
    expect(numberOf(vendiScore(["KLAK", "KLAK", "KLAK"]))).toBeCloseTo(1, 6);
    expect(numberOf(vendiScore(["KLAK", "WWWW", "DEDE"]))).toBeCloseTo(3, 9);
    expect(numberOf(uniqueRatio(["A", "A", "C", "D"]))).toBe(0.75);
  });

  test("means run over pairs", () => {
    expect(numberOf(meanPairwiseLevenshtein(["AAAA", "AAAC", "CCCC"]))).toBeCloseTo((0.75 + 0 + 0.25) / 3, 12);
    expect(numberOf(meanPairwiseJaccard(["KLAK", "KLAL", "WWWW"]))).toBeCloseTo(1 / 9, 12);
    expect(meanPairwiseLevenshtein(["AAAA"]).kind).toBe("not-applicable");
  });

  test("eigenvalues of small matrices are the known ones", () => {
    const sorted = (values: Float64Array): number[] => [...values].sort((a, b) => a - b);
    expect(sorted(symmetricEigenvalues(Float64Array.of(2, 1, 1, 2), 2))).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(3, 12),
    ]);
    // The path of four vertices: 2 cos(kπ/5).
    const path = Float64Array.of(0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0);
    const golden = [1.618033988749895, 0.6180339887498949];
    expect(sorted(symmetricEigenvalues(path, 4))).toEqual(
      [-golden[0]!, -golden[1]!, golden[1]!, golden[0]!].map((value) => expect.closeTo(value, 12) as number),
    );
    expect([...symmetricEigenvalues(Float64Array.of(7), 1)]).toEqual([7]);
  });

  test("eigenvalues keep the trace and the sum of squares of a random matrix", () => {
    const random = createRandom("abc");
    const n = 60;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = random.nextFloat() - 0.5;
    }
    const eigenvalues = symmetricEigenvalues(matrix, n);
    const sum = (values: Float64Array): number => values.reduce((total, each) => total + each, 0);
    const trace = sum(Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!));
    expect(sum(eigenvalues)).toBeCloseTo(trace, 10);
    expect(sum(eigenvalues.map((each) => each * each))).toBeCloseTo(sum(matrix.map((each) => each * each)), 9);
  });
});

describe("clusters", () => {
  const family = ["KWKLFKKIGIGKFLHLAKKF", "KWKLFKKIGIGKFLHLAKKW", "GIGAVLKVLTTGLPALISWIKRKRQQ", "KWKLFKKIGI"];

  test("the longest sequence founds the first cluster, a part of it joins", () => {
    const clusters = valueOrNull(cluster(family, { identity: 0.9 }))!;
    expect(clusters.count).toBe(2);
    expect([...clusters.clusterOf]).toEqual([1, 1, 0, 1]);
    expect(clusters.representatives).toEqual([2, 0]);
  });

  test("short sequences can be left out", () => {
    const clusters = valueOrNull(cluster(family, { identity: 1, dropUpToLength: 10 }))!;
    expect([...clusters.clusterOf]).toEqual([1, 2, 0, -1]);
  });

  test("sequences must share words when a word length is given", () => {
    const apart = ["KAKAKAKAKA", "KAKWKAKWKA"];
    expect(valueOrNull(cluster(apart, { identity: 0.8 }))!.count).toBe(1);
    expect(valueOrNull(cluster(apart, { identity: 0.8, wordLength: 5 }))!.count).toBe(2);
  });
});

describe("novelty", () => {
  const known = ["KLAKLAK", "GIGKFLHSAKKFGKAFVGEIMNS", "KLAKLAKW"];

  test("a known sequence is as similar as can be", () => {
    expect(numberOf(bestLevenshteinSimilarity("KLAKLAK", known))).toBe(1);
    expect(numberOf(bestLevenshteinSimilarity("KLAKLA", known))).toBeCloseTo(6 / 7, 12);
    expect(bestLevenshteinSimilarity("KLAKLA", []).kind).toBe("not-applicable");
  });

  test("the first of equally good references is named", () => {
    expect(valueOrNull(bestSmithWaterman("KLAKLAK", encodeReference(known)))).toEqual({
      bestScore: 31,
      selfScore: 31,
      normalised: 1,
      index: 0,
    });
  });

  test("nothing similar is index -1", () => {
    expect(valueOrNull(bestSmithWaterman("W", encodeReference(["P"])))).toMatchObject({ bestScore: 0, index: -1 });
  });
});

import { describe, expect, test } from "vitest";

import { aggrescan } from "../../rules/peptides/science/aggrescan.ts";
import { classifyLetter, classifySequence, countResidues, encode } from "../../rules/peptides/science/alphabet.ts";
import { bomanIndex } from "../../rules/peptides/science/boman.ts";
import { isoelectricPoint, netCharge } from "../../rules/peptides/science/charge.ts";
import { longestRun, shannonEntropy } from "../../rules/peptides/science/complexity.ts";
import { valueOrNull } from "../../rules/peptides/science/descriptor.ts";
import type { Descriptor } from "../../rules/peptides/science/descriptor.ts";
import { extinctionCoefficient } from "../../rules/peptides/science/extinction.ts";
import { formula } from "../../rules/peptides/science/formula.ts";
import { halfLife } from "../../rules/peptides/science/half-life.ts";
import { hydrophobicMoment } from "../../rules/peptides/science/hydrophobic-moment.ts";
import { gravy } from "../../rules/peptides/science/hydropathy.ts";
import { instabilityIndex } from "../../rules/peptides/science/instability.ts";
import { molecularWeight, mz } from "../../rules/peptides/science/masses.ts";
import { proteaseFragments } from "../../rules/peptides/science/protease.ts";
import {
  aliphaticIndex,
  aromaticity,
  chainLength,
  classCount,
  hydrophobicRatio,
  negativeCount,
  positiveCount,
} from "../../rules/peptides/science/residue-classes.ts";
import { numberOf } from "./number-of.ts";

const MAGAININ_2 = "GIGKFLHSAKKFGKAFVGEIMNS";

describe("letters", () => {
  test("each letter has one of four classes", () => {
    expect([..."AXUO*a"].map(classifyLetter)).toEqual([
      "canonical",
      "ambiguous",
      "noncanonical",
      "noncanonical",
      "invalid",
      "invalid",
    ]);
  });

  test("a sequence is as bad as its worst letter", () => {
    expect(classifySequence("KLAK").worst).toBe("canonical");
    expect(classifySequence("KLAX").worst).toBe("ambiguous");
    expect(classifySequence("KLXU")).toEqual({
      worst: "noncanonical",
      counts: { canonical: 2, ambiguous: 1, noncanonical: 1, invalid: 0 },
    });
    expect(classifySequence("KL-AK").worst).toBe("invalid");
  });

  test("residues are numbered in alphabetical order of their letters", () => {
    expect([...encode("ACYW")]).toEqual([0, 1, 19, 18]);
    expect(countResidues("AACY")[0]).toBe(2);
    expect(() => encode("AXA")).toThrow("not a canonical residue: X");
  });
});

describe("no score where there is none", () => {
  const calls: Record<string, (sequence: string) => Descriptor<unknown>> = {
    gravy,
    bomanIndex,
    instabilityIndex,
    aliphaticIndex,
    aromaticity,
    hydrophobicRatio,
    hydrophobicMoment,
    shannonEntropy,
    longestRun,
    negativeCount,
    positiveCount,
    formula,
    aggrescan,
    isoelectricPoint,
    extinctionCoefficient,
    molecularWeight,
    charge: (sequence) => netCharge(sequence, 7),
    halfLife: (sequence) => halfLife(sequence, "yeast_in_vivo"),
    fragments: (sequence) => proteaseFragments(sequence, "trypsin"),
    mz: (sequence) => mz(sequence, { charge: 2 }),
  };

  test.each(Object.entries(calls))("%s does not apply to an unknown residue or to nothing", (_name, call) => {
    expect(call("KLXAK")).toEqual({ kind: "not-applicable", reason: "unknown residue X" });
    expect(call("")).toEqual({ kind: "not-applicable", reason: "the sequence is empty" });
  });

  test("one residue has no instability, for it has no dipeptide", () => {
    expect(instabilityIndex("K")).toEqual({ kind: "not-applicable", reason: "needs at least 2 residues, has 1" });
  });

  test("aggrescan needs three residues", () => {
    expect(aggrescan("KK").kind).toBe("not-applicable");
    expect(aggrescan("KKK").kind).toBe("value");
  });

  test("a chain with an unknown residue still has a length", () => {
    expect(numberOf(chainLength("KLXAK"))).toBe(5);
    expect(chainLength("KL-AK").kind).toBe("not-applicable");
  });
});

describe("masses", () => {
  test("glycine weighs what the periodic table says", () => {
    expect(valueOrNull(formula("G"))).toBe("C2 H5 N1 O2");
    expect(numberOf(molecularWeight("G", "monoisotopic"))).toBeCloseTo(75.032028, 5);
    expect(numberOf(molecularWeight("G", "average"))).toBeCloseTo(75.0666, 3);
    expect(numberOf(molecularWeight("G", "expasy"))).toBeCloseTo(57.0519 + 18.01524, 9);
  });

  test("caps change the mass by C2H2O and by NH minus O", () => {
    const free = numberOf(molecularWeight("PEPTIDE", "monoisotopic"));
    expect(numberOf(molecularWeight("PEPTIDE", "monoisotopic", { nTerm: "acetyl" })) - free).toBeCloseTo(42.010565, 6);
    expect(numberOf(molecularWeight("PEPTIDE", "monoisotopic", { cTerm: "amide" })) - free).toBeCloseTo(-0.984016, 6);
    const expasy = numberOf(molecularWeight("PEPTIDE", "expasy"));
    expect(numberOf(molecularWeight("PEPTIDE", "expasy", { cTerm: "amide" })) - expasy).toBeCloseTo(-0.9847, 3);
  });

  test("the formula names sulfur only when there is some", () => {
    expect(valueOrNull(formula("GLFDIVKKVVGALG", { cTerm: "amide" }))).toBe("C67 H115 N17 O16");
    expect(valueOrNull(formula("MC"))).toBe("C8 H16 N2 O3 S2");
  });

  test("m/z adds a proton a charge and a shift a cysteine", () => {
    const neutral = numberOf(molecularWeight("CC", "monoisotopic"));
    expect(numberOf(mz("CC", { charge: 2 }))).toBeCloseTo((neutral + 2 * 1.00727646677) / 2, 9);
    expect(numberOf(mz("CC", { charge: 1, cysteineShift: 57.021464 }))).toBeCloseTo(neutral + 115.05020447, 6);
    expect(mz("CC", { charge: 0 }).kind).toBe("not-applicable");
  });
});

describe("charge", () => {
  test("at its pK a group is half charged", () => {
    // Glycine at the pK of its carboxyl: the amine is fully charged, the carboxyl half.
    expect(numberOf(netCharge("G", 2.34, { pka: "Lehninger" }))).toBeCloseTo(0.5, 6);
  });

  test("an amide has no acidic end, an acetyl no basic one", () => {
    const free = numberOf(netCharge("G", 7, { pka: "EMBOSS" }));
    expect(numberOf(netCharge("G", 7, { pka: "EMBOSS", cTerm: "amide" })) - free).toBeCloseTo(1, 3);
    expect(numberOf(netCharge("G", 7, { pka: "EMBOSS", nTerm: "acetyl" })) - free).toBeCloseTo(-0.975, 2);
    expect(numberOf(netCharge("G", 7, { cTerm: "amide", nTerm: "acetyl" }))).toBe(0);
  });

  test("Bjellqvist means two things", () => {
    const humanin = "MAPRGFSCLLLLTSEIDLPVKRRA";
    expect(numberOf(netCharge(humanin, 7, { pka: "Bjellqvist" }))).toBeCloseTo(1.753, 3);
    expect(numberOf(netCharge(humanin, 7, { pka: "Bjellqvist terminal-specific" }))).toBeCloseTo(1.493, 3);
  });

  test("the isoelectric point of an acidic peptide is the root, not where a search began", () => {
    expect(numberOf(isoelectricPoint("AEDG", { pka: "Bjellqvist terminal-specific" }))).toBeCloseTo(3.666, 2);
    expect(numberOf(isoelectricPoint("INGAR", { pka: "Bjellqvist terminal-specific" }))).toBeCloseTo(9.75, 2);
  });

  test("a peptide that is never neutral has no isoelectric point", () => {
    expect(isoelectricPoint("KK", { cTerm: "amide" })).toEqual({
      kind: "not-applicable",
      reason: "the charge is positive up to pH 14",
    });
    expect(isoelectricPoint("DD", { nTerm: "acetyl" }).kind).toBe("not-applicable");
  });
});

describe("hydrophobicity", () => {
  test("gravy is a mean of the scale", () => {
    expect(numberOf(gravy("IR"))).toBeCloseTo(0, 12);
    expect(numberOf(gravy("AG", "Eisenberg"))).toBeCloseTo(0.55, 12);
  });

  test("the moment of magainin 2 depends on which Eisenberg scale is meant", () => {
    const whole = { window: "whole", angle: 100 } as const;
    expect(numberOf(hydrophobicMoment("K", whole))).toBeCloseTo(1.5, 12);
    const published = numberOf(hydrophobicMoment(MAGAININ_2, { scale: "Eisenberg" }));
    const rounded = numberOf(hydrophobicMoment(MAGAININ_2, { scale: "modlAMP eisenberg" }));
    expect(published).toBeCloseTo(0.6862, 4);
    expect(rounded).toBeCloseTo(0.6888, 4);
  });

  test("a window longer than the peptide is the peptide", () => {
    expect(hydrophobicMoment("KTTKS", { window: 11 })).toEqual(hydrophobicMoment("KTTKS", { window: "whole" }));
    expect(hydrophobicMoment("KTTKS", { window: 0 }).kind).toBe("not-applicable");
  });

  test("proline does not count in the Boman index", () => {
    expect(numberOf(bomanIndex("P"))).toBeCloseTo(0, 12);
    expect(numberOf(bomanIndex("RP"))).toBeCloseTo(7.46, 12);
  });
});

describe("counts and fractions", () => {
  test("classes overlap, and histidine is basic but not counted positive", () => {
    expect(numberOf(classCount("HKRDE", "basic"))).toBe(3);
    expect(numberOf(classCount("HKRDE", "charged"))).toBe(5);
    expect(numberOf(positiveCount("HKRDE"))).toBe(2);
    expect(numberOf(negativeCount("HKRDE"))).toBe(2);
  });

  test("the aliphatic index of pure leucine is 390", () => {
    expect(numberOf(aliphaticIndex("LLL"))).toBeCloseTo(390, 9);
    expect(numberOf(aliphaticIndex("AV"))).toBeCloseTo(195, 9);
  });

  test("ratios are parts of the length", () => {
    expect(numberOf(aromaticity("FWYH"))).toBe(0.75);
    expect(numberOf(hydrophobicRatio("KLAK"))).toBe(0.5);
    expect(numberOf(hydrophobicRatio("KLAK", "K"))).toBe(0.5);
  });

  test("an odd cysteine absorbs nothing", () => {
    expect(numberOf(extinctionCoefficient("WYCCC"))).toBe(6990);
    expect(numberOf(extinctionCoefficient("WYCCC", { cystines: true }))).toBe(7115);
  });

  test("entropy counts kinds, runs count neighbours", () => {
    expect(numberOf(shannonEntropy("KKKK"))).toBe(0);
    expect(numberOf(shannonEntropy("KLAG"))).toBe(2);
    expect(numberOf(longestRun("AKKKAK"))).toBe(3);
    expect(numberOf(longestRun("A"))).toBe(1);
  });

  test("instability sums dipeptide weights", () => {
    // KT, TT, TK, KS each weigh 1: 10/5 · 4.
    expect(numberOf(instabilityIndex("KTTKS"))).toBeCloseTo(8, 12);
    expect(numberOf(instabilityIndex("CH"))).toBeCloseTo(168, 9);
  });

  test("the N-end rule reads the first residue only", () => {
    expect(valueOrNull(halfLife("VKKKK", "mammalian_reticulocytes_in_vitro"))).toBe("100 hour");
    expect(valueOrNull(halfLife("RV", "ecoli_in_vivo"))).toBe("2 min");
    expect(valueOrNull(halfLife("PV", "ecoli_in_vivo"))).toBe("?");
  });
});

describe("proteases", () => {
  test("trypsin cuts before proline only after WK and MR", () => {
    expect(valueOrNull(proteaseFragments("AKPA", "trypsin"))).toEqual(["AKPA"]);
    expect(valueOrNull(proteaseFragments("WKPA", "trypsin"))).toEqual(["WK", "PA"]);
    expect(valueOrNull(proteaseFragments("MRPA", "trypsin"))).toEqual(["MR", "PA"]);
  });

  test("the last residue is no cut", () => {
    expect(valueOrNull(proteaseFragments("AEGE", "glutamyl endopeptidase"))).toEqual(["AE", "GE"]);
  });

  test("missed cleavages add the longer fragments", () => {
    expect(valueOrNull(proteaseFragments("AKCKD", "lysc", 1))).toEqual(["AK", "AKCK", "CK", "CKD", "D"]);
  });

  test("DPP-IV takes two residues off when the second is proline or alanine", () => {
    expect(valueOrNull(proteaseFragments("HAEGT", "dpp-iv"))).toEqual(["HA", "EGT"]);
    expect(valueOrNull(proteaseFragments("HGEGT", "dpp-iv"))).toEqual(["HGEGT"]);
  });
});

describe("aggregation", () => {
  test("three lysines are averaged with both termini", () => {
    const scores = valueOrNull(aggrescan("KKK"))!;
    const termini = (-1.836 - 1.412 - 0.931 - 1.24) / 2;
    expect(scores.a3vSA).toBeCloseTo(-0.931, 12);
    expect(scores.a4vSS).toBeCloseTo((3 * (3 * -0.931 + termini)) / 5, 12);
    expect(scores.nHS).toBe(0);
    expect(scores.AAT).toBe(0);
  });

  test("proline breaks a hot spot", () => {
    expect(valueOrNull(aggrescan("VVVVVVVVV"))!.nHS).toBe(1);
    expect(valueOrNull(aggrescan("VVVVPVVVV"))!.nHS).toBe(0);
  });
});

import { describe, expect, test } from "vitest";

import { valueOrNull } from "../../rules/peptides/science/descriptor.ts";
import { convertNotation, parseCapped } from "../../rules/peptides/science/notation.ts";

/** The table of pyPept's README. FASTA is null where it cannot say it. */
const TABLE: [biln: string, helm: string, fasta: string | null][] = [
  ["P-E-P-T-I-D-E", "PEPTIDE1{P.E.P.T.I.D.E}$$$$V2.0", "PEPTIDE"],
  ["ac-D-T-H-F-E-I-A-am", "PEPTIDE1{[ac].D.T.H.F.E.I.A.[am]}$$$$V2.0", null],
  ["C(1,3)-A-A-A-C(1,3)", "PEPTIDE1{C.A.A.A.C}$PEPTIDE1,PEPTIDE1,1:R3-5:R3$$$V2.0", "CAAAC"],
  [
    "A-G-Q-A-A-K(1,3)-E-F-I-A-A.G-L-E-E(1,3)",
    "PEPTIDE1{A.G.Q.A.A.K.E.F.I.A.A}|PEPTIDE2{G.L.E.E}$PEPTIDE1,PEPTIDE2,6:R3-4:R3$$$V2.0",
    null,
  ],
  ["N-Iva-F-D-I-meT-N-A-L-W-Y-Aib-K", "PEPTIDE1{N.[Iva].F.D.I.[meT].N.A.L.W.Y.[Aib].K}$$$$V2.0", null],
];

describe("notations", () => {
  test.each(TABLE)("%s is one molecule in three notations", (biln, helm, fasta) => {
    expect(valueOrNull(convertNotation(biln, "BILN", "HELM"))).toBe(helm);
    expect(valueOrNull(convertNotation(helm, "HELM", "BILN"))).toBe(biln);
    expect(valueOrNull(convertNotation(biln, "BILN", "FASTA"))).toBe(fasta);
  });

  test("FASTA may have a header and lines", () => {
    expect(valueOrNull(convertNotation(">x\nPEP\nTIDE\n", "FASTA", "BILN"))).toBe("P-E-P-T-I-D-E");
  });

  test("what is not read is refused with its reason", () => {
    expect(convertNotation("A-C(1,3)-A", "BILN", "HELM")).toEqual({
      kind: "not-applicable",
      reason: "bond 1 does not have two ends",
    });
    expect(convertNotation("A--C", "BILN", "HELM").kind).toBe("not-applicable");
    expect(convertNotation("CHEM1{[X]}$$$$V2.0", "HELM", "BILN").kind).toBe("not-applicable");
    expect(convertNotation("PEPTIDE1{A.C}", "HELM", "BILN").kind).toBe("not-applicable");
    expect(convertNotation("PEXTIDE", "FASTA", "BILN")).toEqual({
      kind: "not-applicable",
      reason: "unknown residue X",
    });
  });

  test("caps are read off a plain sequence", () => {
    expect(parseCapped("Ac-KLAK-NH2")).toEqual({ sequence: "KLAK", nTerm: "acetyl", cTerm: "amide" });
    expect(parseCapped("H-KLAK-OH")).toEqual({ sequence: "KLAK", nTerm: "free", cTerm: "free" });
    expect(parseCapped("KLAK")).toEqual({ sequence: "KLAK", nTerm: "free", cTerm: "free" });
  });
});

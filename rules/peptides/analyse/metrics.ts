/** What metrics are called in the report, and one sentence for a reader who does not know them. */
import type { Metric } from "../report/summary.ts";

type About = Pick<Metric, "label" | "better" | "description">;

const METRICS: Readonly<Record<string, About>> = {
  length: describe("Length", "Residues in the chain."),
  "molecular-weight": describe("Molecular weight", "Mass of the neutral peptide."),
  "net-charge": describe(
    "Net charge",
    "Charges of side chains and ends at the pH of the config, every cysteine taken as free. It follows from the composition alone, so the order of residues cannot change it.",
  ),
  "isoelectric-point": describe("Isoelectric point", "The pH at which the net charge is 0."),
  gravy: describe(
    "Hydropathy (GRAVY)",
    "Mean Kyte–Doolittle hydropathy of the residues; above 0 is oily. It follows from the composition alone.",
  ),
  "hydrophobic-moment": describe(
    "Hydrophobic moment",
    "How strongly a helix of this sequence would part its oily side from its polar side: the largest moment of any window, in units of the hydropathy scale. It depends on the order of residues.",
  ),
  "boman-index": describe(
    "Boman index",
    "Mean free energy of transfer of the side chains; above 2.48 kcal/mol is read as a tendency to bind proteins. It follows from the composition alone.",
  ),
  "aliphatic-index": describe(
    "Aliphatic index",
    "Share of the volume taken by aliphatic side chains (Ala, Val, Ile, Leu). It follows from the composition alone.",
  ),
  "instability-index": describe(
    "Instability index",
    "Sum of dipeptide weights, scaled by the length; above 40 is called unstable. It was fitted on proteins: below about 20 residues it is a curiosity.",
  ),
  aromaticity: describe("Aromaticity", "Share of Phe, Trp and Tyr. It follows from the composition alone."),
  "closest-edit": describe(
    "Closeness to known peptides by edits",
    "1 less the smallest edit distance to a known peptide as a share of the longer of the two: 1 is a copy. Unrelated peptides of this size come to about 0.3.",
  ),
  "closest-alignment": describe(
    "Closeness to known peptides",
    "The best local alignment with a known peptide (Smith–Waterman, BLOSUM62) as a share of the peptide's score with itself: 1 is a part of a known peptide.",
  ),
};

/** A metric that is not described goes by its own name. */
export function aboutMetric(id: string): About {
  return METRICS[id] ?? describe(id, "Not described.");
}

// No direction is wanted of any of them: the arms are baselines, and nothing is designed.
function describe(label: string, description: string): About {
  return { label, better: "neither", description };
}

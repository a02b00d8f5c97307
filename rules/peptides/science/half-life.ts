/**
 * Half-life of a protein by its first residue (the N-end rule), as ProtParam prints it. Context, never a score:
 * measured on proteins with that residue engineered first; it says nothing of acetylated or of plasma peptides.
 * Bachmair, Finley & Varshavsky, Science 234:179-186 (1986); Gonda et al. 1989; Tobias et al. 1991. Text as in
 * ExPASy ProtParam's table (compared with ProtParam.jl src/acidparam.jl, 20 rows).
 */
import { whyUnscorable } from "./alphabet.ts";
import type { Residue } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

export type HalfLifeSystem = "mammalian_reticulocytes_in_vitro" | "yeast_in_vivo" | "ecoli_in_vivo";

/** First residue: mammalian reticulocytes, yeast, E. coli. "?" is ProtParam's own. */
const HALF_LIVES: Readonly<Record<Residue, readonly [string, string, string]>> = {
  A: ["4.4 hour", ">20 hour", ">10 hour"],
  C: ["1.2 hour", ">20 hour", ">10 hour"],
  D: ["1.1 hour", "3 min", ">10 hour"],
  E: ["1 hour", "30 min", ">10 hour"],
  F: ["1.1 hour", "3 min", "2 min"],
  G: ["30 hour", ">20 hour", ">10 hour"],
  H: ["3.5 hour", "10 min", ">10 hour"],
  I: ["20 hour", "30 min", ">10 hour"],
  K: ["1.3 hour", "3 min", "2 min"],
  L: ["5.5 hour", "3 min", "2 min"],
  M: ["30 hour", ">20 hour", ">10 hour"],
  N: ["1.4 hour", "3 min", ">10 hour"],
  P: [">20 hour", ">20 hour", "?"],
  Q: ["0.8 hour", "10 min", ">10 hour"],
  R: ["1 hour", "2 min", "2 min"],
  S: ["1.9 hour", ">20 hour", ">10 hour"],
  T: ["7.2 hour", ">20 hour", ">10 hour"],
  V: ["100 hour", ">20 hour", ">10 hour"],
  W: ["2.8 hour", "3 min", "2 min"],
  Y: ["2.8 hour", "10 min", "2 min"],
};

const SYSTEM_COLUMN = { mammalian_reticulocytes_in_vitro: 0, yeast_in_vivo: 1, ecoli_in_vivo: 2 } as const;

export function halfLife(sequence: string, system: HalfLifeSystem): Descriptor<string> {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  return value(HALF_LIVES[sequence[0] as Residue][SYSTEM_COLUMN[system]]);
}

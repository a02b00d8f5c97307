/** The two ends of a peptide chain: free, or capped as synthesis and nature often do. */
export interface Termini {
  /** "acetyl" replaces the amine's H by CH3CO: one basic group less. */
  readonly nTerm?: "free" | "acetyl";
  /** "amide" replaces the carboxyl's OH by NH2: one acidic group less. */
  readonly cTerm?: "free" | "amide";
}

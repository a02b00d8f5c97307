/**
 * Where proteases cut, and the fragments they leave. A rule is a pattern that matches the residue whose C-terminal
 * bond is cut. Patterns: pyteomics parser.expasy_rules (Apache-2.0), after ExPASy PeptideCutter, in their current
 * form; older pyteomics had the two pepsin rules swapped (PeptideCutter: F L at pH 1.3, F L W Y above pH 2).
 */
import { whyUnscorable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

// prettier-ignore
export const PROTEASE_RULES = {
  "arg-c": "R",
  "asp-n": "\\w(?=D)",
  "bnps-skatole": "W",
  "caspase 1": "(?<=[FWYL]\\w[HAT])D(?=[^PEDQKR])",
  "caspase 2": "(?<=DVA)D(?=[^PEDQKR])",
  "caspase 3": "(?<=DMQ)D(?=[^PEDQKR])",
  "caspase 4": "(?<=LEV)D(?=[^PEDQKR])",
  "caspase 5": "(?<=[LW]EH)D",
  "caspase 6": "(?<=VE[HI])D(?=[^PEDQKR])",
  "caspase 7": "(?<=DEV)D(?=[^PEDQKR])",
  "caspase 8": "(?<=[IL]ET)D(?=[^PEDQKR])",
  "caspase 9": "(?<=LEH)D",
  "caspase 10": "(?<=IEA)D",
  "chymotrypsin high specificity": "([FY](?=[^P]))|(W(?=[^MP]))",
  "chymotrypsin low specificity": "([FLY](?=[^P]))|(W(?=[^MP]))|(M(?=[^PY]))|(H(?=[^DMPW]))",
  "clostripain": "R",
  "cnbr": "M",
  "enterokinase": "(?<=[DE]{3})K",
  "factor xa": "(?<=[AFGILTVM][DE]G)R",
  "formic acid": "D",
  "glutamyl endopeptidase": "E",
  "granzyme b": "(?<=IEP)D",
  "hydroxylamine": "N(?=G)",
  "iodosobenzoic acid": "W",
  "lysc": "K",
  "ntcb": "\\w(?=C)",
  "pepsin ph1.3": "((?<=[^HKR][^P])[^R](?=[FL][^P]))|((?<=[^HKR][^P])[FL](?=\\w[^P]))",
  "pepsin ph2.0": "((?<=[^HKR][^P])[^R](?=[FLWY][^P]))|((?<=[^HKR][^P])[FLWY](?=\\w[^P]))",
  "proline endopeptidase": "(?<=[HKR])P(?=[^P])",
  "proteinase k": "[AEFILTVWY]",
  "staphylococcal peptidase i": "(?<=[^E])E",
  "thermolysin": "[^DE](?=[AFILMV][^P])",
  "thrombin": "((?<=G)R(?=G))|((?<=[AFGILTVM][AFGILTVWA]P)R(?=[^DE][^DE]))",
  "trypsin": "([KR](?=[^P]))|((?<=W)K(?=P))|((?<=M)R(?=P))",
  /** Bonds that trypsin is known to leave although the trypsin rule matches them; not a protease of its own. */
  "trypsin_exception": "((?<=[CD])K(?=D))|((?<=C)K(?=[HY]))|((?<=C)R(?=K))|((?<=R)R(?=[HR]))",
  /**
   * Dipeptidyl peptidase IV takes the first two residues off when the second is P or A. General knowledge
   * (Mentlein, Regul. Pept. 85:9-24, 1999); no reference implementation was compared. One cut, not repeated.
   */
  "dpp-iv": "(?<=^\\w)[PA](?=\\w)",
} as const;

export type ProteaseRule = keyof typeof PROTEASE_RULES;

/** How many residues stand before each cut bond, ascending; [] when the rule cuts nowhere. */
export function cleavageSites(sequence: string, rule: ProteaseRule): number[] {
  const pattern = new RegExp(PROTEASE_RULES[rule], "g");
  const sites: number[] = [];
  for (const match of sequence.matchAll(pattern)) {
    const site = match.index + 1;
    if (site < sequence.length) sites.push(site);
  }
  return sites;
}

/**
 * Fragments in the order pyteomics gives them: by the cut that ends them, and the longest first among those.
 * Repeats are kept. With `missedCleavages` m, also the fragments that span up to m uncut sites.
 */
export function proteaseFragments(sequence: string, rule: ProteaseRule, missedCleavages = 0): Descriptor<string[]> {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  const ends = [0, ...cleavageSites(sequence, rule), sequence.length];
  const fragments: string[] = [];
  for (let end = 1; end < ends.length; end++) {
    for (let start = Math.max(0, end - 1 - missedCleavages); start < end; start++) {
      fragments.push(sequence.slice(ends[start], ends[end]));
    }
  }
  return value(fragments, "fragments");
}

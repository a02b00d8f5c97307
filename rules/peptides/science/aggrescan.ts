/**
 * AGGRESCAN: aggregation propensity from a residue scale (a3v) smoothed over a window (a4v), and the "hot spots"
 * that stay above a threshold. Conchillo-Solé et al., BMC Bioinformatics 8:65 (2007); scale of Sánchez de Groot et
 * al., BMC Struct. Biol. 5:18 (2005). Follows pymol-psico psico/aggrescanning.py (BSD-2-Clause), which departs from
 * the paper where the web tool does: the two terminus values are swapped, and a hot spot that starts at the first
 * residue gains half that residue's area. Seven of ten public copies of the scale looked at hold other numbers.
 */
import { whyUnscorable } from "./alphabet.ts";
import type { Residue, ResidueTable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

// prettier-ignore
const A3V: ResidueTable = {
  A: -0.036, C: 0.604, D: -1.836, E: -1.412, F: 1.754, G: -0.535, H: -1.033, I: 1.822, K: -0.931, L: 1.38,
  M: 0.91, N: -1.302, P: -0.334, Q: -1.231, R: -1.24, S: -0.294, T: -0.159, V: 1.594, W: 1.037, Y: 1.159,
};
/** Means of D E and of K R: the paper gives them to the C- and N-terminus, the web tool the other way round. */
const N_TERMINUS = (A3V.D + A3V.E) / 2;
const C_TERMINUS = (A3V.K + A3V.R) / 2;
const HOT_SPOT_THRESHOLD = -0.02;
const HOT_SPOT_RESIDUES = 5;

export interface Aggrescan {
  /** Mean a3v. */
  readonly a3vSA: number;
  /** Hot spots, and hot spots per 100 residues. */
  readonly nHS: number;
  readonly NnHS: number;
  /** Area of the profile above the threshold; the part of it inside hot spots; the whole signed area. */
  readonly AAT: number;
  readonly THSA: number;
  readonly TA: number;
  /** The two areas per residue. */
  readonly AATr: number;
  readonly THSAr: number;
  /** Σ a4v, and that per 100 residues. */
  readonly a4vSS: number;
  readonly Na4vSS: number;
}

/** Needs 3 residues (a window of 5 takes in both termini). The window is 5 to 75 residues, 7 to 175, 9 to 300, then 11. */
export function aggrescan(sequence: string): Descriptor<Aggrescan> {
  const length = sequence.length;
  const window = length <= 75 ? 5 : length <= 175 ? 7 : length <= 300 ? 9 : 11;
  const unscorable = whyUnscorable(sequence, window - 2);
  if (unscorable !== null) return notApplicable(unscorable);

  const a3v = Float64Array.from(sequence, (letter) => A3V[letter as Residue]);
  const a4v = windowMeans(a3v, window);
  const above = a4v.map((mean) => mean - HOT_SPOT_THRESHOLD);
  const { count, area } = hotSpots(sequence, above);
  const aat = sum(above.map((excess) => Math.max(0, excess)));
  const a4vSS = sum(a4v);
  return value({
    a3vSA: sum(a3v) / length,
    nHS: count,
    NnHS: (count / length) * 100,
    AAT: aat,
    THSA: area,
    TA: sum(above) - (above[0]! + above[length - 1]!) / 2,
    AATr: aat / length,
    THSAr: area / length,
    a4vSS,
    Na4vSS: (a4vSS / length) * 100,
  });
}

/** Means over windows of the chain with both termini added; the ends repeat the first and the last mean. */
function windowMeans(a3v: Float64Array, window: number): Float64Array {
  const length = a3v.length;
  const chain = Float64Array.of(N_TERMINUS, ...a3v, C_TERMINUS);
  const offCentre = (window - 1) / 2 - 1;
  const last = length - window + 2;
  return Float64Array.from({ length }, (_, position) => {
    const start = Math.min(Math.max(position - offCentre, 0), last);
    return sum(chain.subarray(start, start + window)) / window;
  });
}

/** Runs of 5 or more residues above the threshold; proline ends a run and is in none. */
function hotSpots(sequence: string, above: Float64Array): { count: number; area: number } {
  let count = 0;
  let area = 0;
  let start = 0;
  for (let end = 0; end <= sequence.length; end++) {
    if (end < sequence.length && sequence[end] !== "P" && above[end]! > 0) continue;
    if (end - start >= HOT_SPOT_RESIDUES) {
      count++;
      area += sum(above.subarray(start, end)) + (start === 0 ? above[0]! / 2 : 0);
    }
    start = end + 1;
  }
  return { count, area };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const each of values) total += each;
  return total;
}

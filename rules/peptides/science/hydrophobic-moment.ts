/**
 * Hydrophobic moment of Eisenberg, Weiss & Terwilliger, PNAS 81:140-144 (1984): the length of the vector sum of
 * hydropathies placed around a helix (100 degrees a residue) or a strand (160), divided by the window's length.
 *
 *   moment(window) = sqrt( (Σ H_i sin(i·angle))² + (Σ H_i cos(i·angle))² ) / window length
 *
 * The reported number is the largest over all windows. A window longer than the sequence is cut to the sequence.
 */
import { whyUnscorable } from "./alphabet.ts";
import type { Residue } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { HYDROPATHY_SCALES } from "./hydropathy.ts";
import type { HydropathyScale } from "./hydropathy.ts";

export interface MomentOptions {
  readonly scale?: HydropathyScale;
  /** Degrees between neighbouring side chains: 100 for a helix, 160 for a strand. */
  readonly angle?: number;
  /** Residues in a window, or the whole sequence (modlAMP's default). */
  readonly window?: number | "whole";
}

/** In units of the scale, per residue. Needs one residue. Last bits depend on the platform's sine and cosine. */
export function hydrophobicMoment(sequence: string, options: MomentOptions = {}): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  const { scale = "Eisenberg", angle = 100, window = 11 } = options;
  const length = window === "whole" ? sequence.length : Math.min(window, sequence.length);
  if (!(length >= 1)) return notApplicable("the window must hold at least one residue");

  const table = HYDROPATHY_SCALES[scale];
  const sines = new Float64Array(length);
  const cosines = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    sines[i] = Math.sin((i * angle * Math.PI) / 180);
    cosines[i] = Math.cos((i * angle * Math.PI) / 180);
  }
  let largest = 0;
  for (let start = 0; start + length <= sequence.length; start++) {
    let sine = 0;
    let cosine = 0;
    for (let i = 0; i < length; i++) {
      const hydropathy = table[sequence[start + i] as Residue];
      sine += hydropathy * sines[i]!;
      cosine += hydropathy * cosines[i]!;
    }
    largest = Math.max(largest, Math.sqrt(sine * sine + cosine * cosine) / length);
  }
  return value(largest);
}

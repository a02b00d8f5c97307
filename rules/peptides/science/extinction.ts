/**
 * Molar extinction coefficient at 280 nm in water, in 1/(M·cm): 5500 W + 1490 Y + 125 per cystine.
 * Pace et al., Protein Sci. 4:2411-2423 (1995), as ProtParam and Biopython calculate it.
 */
import { countAmong, whyUnscorable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

export interface ExtinctionOptions {
  /** All cysteines paired to cystines (one pair absorbs, an odd one does not), or all reduced. */
  readonly cystines?: boolean;
}

export function extinctionCoefficient(sequence: string, options: ExtinctionOptions = {}): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  const pairs = options.cystines === true ? Math.floor(countAmong(sequence, "C") / 2) : 0;
  return value(5500 * countAmong(sequence, "W") + 1490 * countAmong(sequence, "Y") + 125 * pairs, "1/(M cm)");
}

/** How repetitive a sequence is: Shannon entropy of its composition, and its longest run of one residue. */
import { countResidues, whyUnscorable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

/** -Σ f log2 f over the residues: 0 (one residue) to log2(20) = 4.32 bits. Last bits depend on the platform's log2. */
export function shannonEntropy(sequence: string): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  let bits = 0;
  for (const count of countResidues(sequence)) {
    const fraction = count / sequence.length;
    if (fraction > 0) bits -= fraction * Math.log2(fraction);
  }
  return value(bits, "bits");
}

/** Length of the longest stretch of one residue, e.g. 3 for AKKKA. */
export function longestRun(sequence: string): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  let longest = 1;
  let run = 1;
  for (let i = 1; i < sequence.length; i++) {
    run = sequence[i] === sequence[i - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return value(longest, "residues");
}

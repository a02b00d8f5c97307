/**
 * Net charge of a peptide at a pH, and its isoelectric point.
 *
 *   charge(pH) = Σ basic 1/(1+10^(pH-pK)) - Σ acidic 1/(1+10^(pK-pH))    basic: K R H amine; acidic: D E C Y carboxyl
 *
 * Every cysteine counts as a free thiol: for a disulfide peptide the charge above pH 8 comes out too low.
 */
import { countAmong, whyUnscorable } from "./alphabet.ts";
import type { Residue } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { PKA_SETS } from "./pka.ts";
import type { PkaName, PkaSet } from "./pka.ts";
import type { Termini } from "./termini.ts";

export interface ChargeOptions extends Termini {
  readonly pka?: PkaName;
}

/** In elementary charges. */
export function netCharge(sequence: string, pH: number, options: ChargeOptions = {}): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  return value(chargeAt(pH, ionisableGroups(sequence, options)), "e");
}

/**
 * The pH where the net charge is 0, by bisection on [0, 14] down to the last bit that matters (1e-9).
 * Not applicable when the charge has one sign on the whole interval, as for an amide without an acidic group.
 * Biopython starts its bisection at 4.05, so its pI of AEDG is 4.05; the root is 3.67.
 */
export function isoelectricPoint(sequence: string, options: ChargeOptions = {}): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  const groups = ionisableGroups(sequence, options);
  let [low, high] = [0, 14];
  if (chargeAt(low, groups) < 0) return notApplicable("the charge is negative down to pH 0");
  if (chargeAt(high, groups) > 0) return notApplicable("the charge is positive up to pH 14");
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (chargeAt(middle, groups) > 0) low = middle;
    else high = middle;
  }
  return value((low + high) / 2, "pH");
}

interface IonisableGroup {
  readonly count: number;
  readonly pk: number;
  readonly sign: 1 | -1;
}

function chargeAt(pH: number, groups: readonly IonisableGroup[]): number {
  let charge = 0;
  for (const { count, pk, sign } of groups) charge += (count * sign) / (1 + Math.pow(10, sign * (pH - pk)));
  return charge;
}

function ionisableGroups(sequence: string, options: ChargeOptions): IonisableGroup[] {
  const pka: PkaSet = PKA_SETS[options.pka ?? "Lehninger"];
  const groups: IonisableGroup[] = [];
  const add = (count: number, pk: number, sign: 1 | -1): void => {
    if (count > 0) groups.push({ count, pk, sign });
  };
  for (const basic of ["K", "R", "H"] as const) add(countAmong(sequence, basic), pka[basic], 1);
  for (const acidic of ["D", "E", "C", "Y"] as const) add(countAmong(sequence, acidic), pka[acidic], -1);
  if (options.nTerm !== "acetyl") {
    add(1, pka.nTermByResidue?.[sequence[0] as Residue] ?? pka.nTerm, 1);
  }
  if (options.cTerm !== "amide") {
    add(1, pka.cTermByResidue?.[sequence.at(-1) as Residue] ?? pka.cTerm, -1);
  } else if (pka.amide !== undefined) {
    add(1, pka.amide, -1);
  }
  return groups;
}

/**
 * What computing a descriptor gives: a number (or string, list…) with its unit, or the reason there is none.
 * A residue we cannot score never becomes 0: means over a set must leave it out, and say how many they left out.
 */
export type Descriptor<T = number> =
  | { readonly kind: "value"; readonly value: T; readonly unit: string }
  | { readonly kind: "not-applicable"; readonly reason: string };

/** `unit` is "" for a plain number (a ratio, an index), else a short name: "Da", "residues", "kcal/mol". */
export function value<T>(value: T, unit = ""): Descriptor<T> {
  return { kind: "value", value, unit };
}

export function notApplicable<T>(reason: string): Descriptor<T> {
  return { kind: "not-applicable", reason };
}

/** The value, or null where the descriptor does not apply. */
export function valueOrNull<T>(descriptor: Descriptor<T>): T | null {
  return descriptor.kind === "value" ? descriptor.value : null;
}

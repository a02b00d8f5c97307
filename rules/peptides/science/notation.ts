/**
 * Peptide notations: FASTA letters (with optional Ac- and -NH2), BILN and HELM. Linear chains of monomers, several
 * chains, and bonds between side chains are read; SMILES inside HELM, CHEM polymers and annotations are not.
 * HELM needs a monomer library to mean a molecule, and one molecule has many HELM texts: keep the original string.
 * Conventions: pyPept (Boehringer Ingelheim, MIT) README and converter; BILN: Fox et al., J. Chem. Inf. Model.
 * 62:3942-3947 (2022). Like pyPept, FASTA output drops a bond inside one chain: C(1,3)-A-A-A-C(1,3) is CAAAC.
 */
import { classifyLetter } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Termini } from "./termini.ts";

export type Notation = "BILN" | "HELM" | "FASTA";

/** A bond end: which chain and monomer (from 0), and the attachment point R1, R2 or R3. */
export interface BondEnd {
  readonly chain: number;
  readonly monomer: number;
  readonly point: number;
}

export interface Peptide {
  /** Monomer names of each chain: "A", "ac", "meT". */
  readonly chains: readonly (readonly string[])[];
  readonly bonds: readonly (readonly [BondEnd, BondEnd])[];
}

export function convertNotation(text: string, from: Notation, to: Notation): Descriptor<string> {
  const peptide = parseNotation(text, from);
  return peptide.kind === "value" ? writeNotation(peptide.value, to) : peptide;
}

export function parseNotation(text: string, notation: Notation): Descriptor<Peptide> {
  switch (notation) {
    case "BILN":
      return parseBiln(text.trim());
    case "HELM":
      return parseHelm(text.trim());
    case "FASTA":
      return parseFasta(text);
  }
}

export function writeNotation(peptide: Peptide, notation: Notation): Descriptor<string> {
  switch (notation) {
    case "BILN":
      return value(writeBiln(peptide));
    case "HELM":
      return value(writeHelm(peptide));
    case "FASTA":
      return writeFasta(peptide);
  }
}

/** A plain sequence with the caps it may carry: "Ac-DTHFEIA-NH2", "DTHFEIA". */
export interface CappedSequence extends Required<Termini> {
  readonly sequence: string;
}

export function parseCapped(text: string): CappedSequence {
  const match = /^(Ac-|H-)?(.*?)(-NH2|-OH)?$/i.exec(text.trim())!;
  return {
    sequence: match[2]!,
    nTerm: match[1]?.toLowerCase() === "ac-" ? "acetyl" : "free",
    cTerm: match[3]?.toLowerCase() === "-nh2" ? "amide" : "free",
  };
}

const BOND_MARK = /\((\d+),(\d+)\)/g;

function parseBiln(text: string): Descriptor<Peptide> {
  const ends = new Map<string, BondEnd[]>();
  const chains: string[][] = [];
  for (const [chain, part] of text.split(".").entries()) {
    const names: string[] = [];
    for (const [monomer, token] of part.split("-").entries()) {
      const name = token.replace(BOND_MARK, "");
      if (!/^[A-Za-z0-9_]+$/.test(name)) return notApplicable(`not a BILN monomer: "${token}"`);
      names.push(name);
      for (const [, bond, point] of token.matchAll(BOND_MARK)) {
        const known = ends.get(bond!) ?? [];
        ends.set(bond!, [...known, { chain, monomer, point: Number(point) }]);
      }
    }
    chains.push(names);
  }
  const bonds: [BondEnd, BondEnd][] = [];
  for (const [bond, [first, second, ...more]] of ends) {
    if (first === undefined || second === undefined || more.length > 0) {
      return notApplicable(`bond ${bond} does not have two ends`);
    }
    bonds.push([first, second]);
  }
  return value({ chains, bonds });
}

function parseHelm(text: string): Descriptor<Peptide> {
  const sections = text.split("$");
  if (sections.length < 4) return notApplicable("HELM needs four $ sections");
  const chains: string[][] = [];
  const chainIds: string[] = [];
  for (const polymer of sections[0]!.split("|")) {
    const match = /^(PEPTIDE\d+)\{(.+)\}$/.exec(polymer.trim());
    if (match === null) return notApplicable(`not a HELM peptide: "${polymer}"`);
    const names = match[2]!.split(".").map((token) => token.replace(/^\[(.*)\]$/, "$1"));
    const strange = names.find((name) => !/^[A-Za-z0-9_]+$/.test(name));
    if (strange !== undefined) return notApplicable(`not a HELM monomer we read: "${strange}"`);
    chainIds.push(match[1]!);
    chains.push(names);
  }
  const bonds: [BondEnd, BondEnd][] = [];
  for (const connection of sections[1]!.split("|").filter((part) => part !== "")) {
    const match = /^(PEPTIDE\d+),(PEPTIDE\d+),(\d+):R(\d)-(\d+):R(\d)$/.exec(connection.trim());
    const [first, second] = [chainIds.indexOf(match?.[1] ?? ""), chainIds.indexOf(match?.[2] ?? "")];
    if (match === null || first < 0 || second < 0) return notApplicable(`not a HELM bond: "${connection}"`);
    bonds.push([
      { chain: first, monomer: Number(match[3]) - 1, point: Number(match[4]) },
      { chain: second, monomer: Number(match[5]) - 1, point: Number(match[6]) },
    ]);
  }
  return value({ chains, bonds });
}

function parseFasta(text: string): Descriptor<Peptide> {
  const letters = text
    .split("\n")
    .filter((line) => !line.startsWith(">"))
    .join("")
    .replace(/\s/g, "");
  const strange = [...letters].find((letter) => classifyLetter(letter) !== "canonical");
  if (letters === "") return notApplicable("the sequence is empty");
  if (strange !== undefined) return notApplicable(`unknown residue ${strange}`);
  return value({ chains: [[...letters]], bonds: [] });
}

function writeBiln(peptide: Peptide): string {
  const chains = peptide.chains.map((chain) => [...chain]);
  for (const [index, bond] of peptide.bonds.entries()) {
    for (const { chain, monomer, point } of bond) chains[chain]![monomer] += `(${index + 1},${point})`;
  }
  return chains.map((chain) => chain.join("-")).join(".");
}

function writeHelm(peptide: Peptide): string {
  const polymers = peptide.chains.map((chain, index) => {
    const monomers = chain.map((name) => (name.length > 1 ? `[${name}]` : name));
    return `PEPTIDE${index + 1}{${monomers.join(".")}}`;
  });
  const connections = peptide.bonds.map(([first, second]) => {
    const ends = [first, second].map(({ monomer, point }) => `${monomer + 1}:R${point}`).join("-");
    return `PEPTIDE${first.chain + 1},PEPTIDE${second.chain + 1},${ends}`;
  });
  return `${polymers.join("|")}$${connections.join("|")}$$$V2.0`;
}

function writeFasta(peptide: Peptide): Descriptor<string> {
  const [chain, ...others] = peptide.chains;
  if (chain === undefined || others.length > 0) return notApplicable("FASTA holds one chain");
  const strange = chain.find((name) => classifyLetter(name) !== "canonical");
  return strange === undefined ? value(chain.join("")) : notApplicable(`FASTA has no letter for "${strange}"`);
}

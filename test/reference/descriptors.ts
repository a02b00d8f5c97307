/**
 * Every descriptor of the reference vocabulary, answered in the vocabulary's own shape: null where a descriptor does
 * not apply, NotOffered thrown for parameters the project does not have.
 */
import {
  aliphaticIndex,
  aromaticity,
  chainLength,
  classCount,
  hydrophobicRatio,
  negativeCount,
  positiveCount,
  RESIDUE_CLASSES,
} from "../../rules/peptides/science/residue-classes.ts";
import { aggrescan } from "../../rules/peptides/science/aggrescan.ts";
import type { Aggrescan } from "../../rules/peptides/science/aggrescan.ts";
import { BLAST_GAPS, EMBOSS_GAPS, needlemanWunsch, smithWaterman } from "../../rules/peptides/science/align.ts";
import type { ResidueTable } from "../../rules/peptides/science/alphabet.ts";
import { isCanonical } from "../../rules/peptides/science/alphabet.ts";
import { bomanIndex } from "../../rules/peptides/science/boman.ts";
import { isoelectricPoint, netCharge } from "../../rules/peptides/science/charge.ts";
import type { ChargeOptions } from "../../rules/peptides/science/charge.ts";
import { cluster } from "../../rules/peptides/science/cluster.ts";
import { longestRun, shannonEntropy } from "../../rules/peptides/science/complexity.ts";
import {
  composition,
  compositionOfTable,
  jensenShannon,
  kullbackLeibler,
} from "../../rules/peptides/science/composition.ts";
import { valueOrNull } from "../../rules/peptides/science/descriptor.ts";
import type { Descriptor } from "../../rules/peptides/science/descriptor.ts";
import {
  meanPairwiseJaccard,
  meanPairwiseLevenshtein,
  uniqueRatio,
  vendiScore,
} from "../../rules/peptides/science/diversity.ts";
import { extinctionCoefficient } from "../../rules/peptides/science/extinction.ts";
import { formula } from "../../rules/peptides/science/formula.ts";
import { halfLife } from "../../rules/peptides/science/half-life.ts";
import type { HalfLifeSystem } from "../../rules/peptides/science/half-life.ts";
import { hydrophobicMoment } from "../../rules/peptides/science/hydrophobic-moment.ts";
import { gravy, HYDROPATHY_SCALES } from "../../rules/peptides/science/hydropathy.ts";
import type { HydropathyScale } from "../../rules/peptides/science/hydropathy.ts";
import { instabilityIndex } from "../../rules/peptides/science/instability.ts";
import { kmerJaccard } from "../../rules/peptides/science/kmer.ts";
import { levenshtein } from "../../rules/peptides/science/levenshtein.ts";
import { molecularWeight, mz } from "../../rules/peptides/science/masses.ts";
import type { MassKind } from "../../rules/peptides/science/masses.ts";
import { convertNotation } from "../../rules/peptides/science/notation.ts";
import type { Notation } from "../../rules/peptides/science/notation.ts";
import { bestLevenshteinSimilarity, bestSmithWaterman, encodeReference } from "../../rules/peptides/science/novelty.ts";
import { PKA_SETS } from "../../rules/peptides/science/pka.ts";
import type { PkaName } from "../../rules/peptides/science/pka.ts";
import { PROTEASE_RULES, proteaseFragments } from "../../rules/peptides/science/protease.ts";
import type { Termini } from "../../rules/peptides/science/termini.ts";
import { loadDataset } from "./datasets.ts";
import { NotOffered } from "./not-offered.ts";

export type Parameters = Record<string, unknown>;
export type Call = (sequence: string | string[], parameters: Parameters) => unknown;

const MODLAMP_EISENBERG = "modlAMP eisenberg (1-decimal R,I,L,F,V)";

export const descriptors: Record<string, Call> = {
  length: ofOne(chainLength),
  aliphatic_index: ofOne(aliphaticIndex),
  boman: ofOne(bomanIndex),
  instability_index: ofOne(instabilityIndex),
  aromaticity: ofOne(aromaticity),
  count_negative: ofOne(negativeCount),
  count_positive: ofOne(positiveCount),
  shannon_entropy_bits: ofOne(shannonEntropy),
  longest_run: ofOne(longestRun),

  net_charge: ofOne((sequence, parameters) =>
    netCharge(sequence, numberOf(parameters, "pH", 7), chargeOptions(parameters)),
  ),
  isoelectric_point: ofOne((sequence, parameters) => isoelectricPoint(sequence, chargeOptions(parameters))),
  molecular_weight: ofOne((sequence, parameters) =>
    molecularWeight(
      sequence,
      oneOf<MassKind>(parameters, "average", ["expasy", "monoisotopic", "average"], "average"),
      termini(parameters),
    ),
  ),
  mz: ofOne((sequence, parameters) =>
    mz(sequence, {
      ...termini(parameters),
      charge: numberOf(parameters, "charge", 1),
      cysteineShift: numberOf(parameters, "cysteine_shift", 0),
    }),
  ),
  formula: ofOne((sequence, parameters) => formula(sequence, termini(parameters))),
  extinction_coefficient: ofOne((sequence, parameters) =>
    extinctionCoefficient(sequence, { cystines: parameters["cystines"] === true }),
  ),
  hydrophobic_ratio: ofOne((sequence, parameters) =>
    hydrophobicRatio(sequence, textOf(parameters, "residues", "ACFILMV")),
  ),
  gravy: ofOne((sequence, parameters) => gravy(sequence, scaleOf(parameters, "KyteDoolittle"))),
  hydrophobic_moment: ofOne((sequence, parameters) => {
    requireIs(parameters, "reduce", "max");
    const window = parameters["window"] === "whole" ? "whole" : numberOf(parameters, "window", 11);
    const scale = scaleOf(parameters, "Eisenberg");
    return hydrophobicMoment(sequence, { scale, window, angle: numberOf(parameters, "angle", 100) });
  }),
  aa_class_count: ofOne((sequence, parameters) =>
    classCount(sequence, keyOf(RESIDUE_CLASSES, parameters, "class", undefined)),
  ),
  half_life_n_end_rule: ofOne((sequence, parameters) => {
    const systems: HalfLifeSystem[] = ["mammalian_reticulocytes_in_vitro", "yeast_in_vivo", "ecoli_in_vivo"];
    return halfLife(sequence, oneOf(parameters, "system", systems, undefined));
  }),
  protease_fragments: ofOne((sequence, parameters) =>
    proteaseFragments(
      sequence,
      keyOf(PROTEASE_RULES, parameters, "rule", undefined),
      numberOf(parameters, "missed_cleavages", 0),
    ),
  ),
  notation_convert: ofOne((text, parameters) => {
    const notations: Notation[] = ["BILN", "HELM", "FASTA"];
    return convertNotation(
      text,
      oneOf(parameters, "from", notations, undefined),
      oneOf(parameters, "to", notations, undefined),
    );
  }),
  aggrescan: (sequence, parameters) => {
    requireIs(parameters, "window", "auto (5 when N<=75)");
    requireIs(parameters, "termini", "psico convention");
    const scores = valueOrNull(aggrescan(one(sequence)));
    if (scores === null) return null;
    const metric = textOf(parameters, "metric", "a3vSA");
    if (!(metric in scores)) throw new NotOffered(`aggrescan metric ${metric}`);
    return scores[metric as keyof Aggrescan];
  },

  levenshtein: ofPair(levenshtein),
  kmer_jaccard: ofPair((a, b, parameters) => valueOrNull(kmerJaccard(a, b, numberOf(parameters, "k", 3)))),
  smith_waterman: ofPair((a, b, parameters) => {
    requireIs(parameters, "matrix", "BLOSUM62");
    const gapFirst = numberOf(parameters, "gap_open", EMBOSS_GAPS.gapFirst);
    const gapNext = numberOf(parameters, "gap_extend", EMBOSS_GAPS.gapNext);
    if (!isCanonical(a + b)) return null;
    const { score, identical, length } = smithWaterman(a, b, { gapFirst, gapNext });
    return { score, identical, alignment_length: length };
  }),
  smith_waterman_score: ofPair((a, b, parameters) =>
    isCanonical(a + b) ? smithWaterman(a, b, biopythonGaps(parameters)).score : null,
  ),
  needleman_wunsch_score: ofPair((a, b, parameters) => {
    requireIs(parameters, "end_gaps", "penalised");
    return isCanonical(a + b) ? needlemanWunsch(a, b, biopythonGaps(parameters)).score : null;
  }),

  unique_ratio: ofSet(uniqueRatio),
  vendi_score: ofSet((sequences, parameters) => {
    requireIs(parameters, "kernel", "3-mer Jaccard");
    if (numberOf(parameters, "q", 1) !== 1) throw new NotOffered("a Vendi score of an order other than 1");
    return vendiScore(sequences);
  }),
  mean_pairwise_3mer_jaccard: ofSet((sequences) => meanPairwiseJaccard(sequences)),
  mean_pairwise_normalised_levenshtein_similarity: ofSet(meanPairwiseLevenshtein),
  cluster_count: (sequence, parameters) => {
    const clusters = cluster(set(sequence), {
      identity: numberOf(parameters, "c", 0.9),
      wordLength: numberOf(parameters, "n", 5),
      dropUpToLength: numberOf(parameters, "l", 0),
    });
    return valueOrNull(clusters)?.count ?? null;
  },
  aa_kl_to_reference_nats: (sequence, parameters) => {
    requireIs(parameters, "direction", "KL(set//reference)");
    const table = parameters["table"] as ResidueTable | undefined;
    if (table === undefined) throw new NotOffered("a reference composition without its table");
    const own = composition(set(sequence));
    return own.kind === "value" ? valueOrNull(kullbackLeibler(own.value, compositionOfTable(table))) : null;
  },
  aa_jsd_nats: (_sequence, parameters) => {
    const a = composition(loadDataset(textOf(parameters, "a", "")));
    const b = composition(loadDataset(textOf(parameters, "b", "")));
    return a.kind === "value" && b.kind === "value" ? valueOrNull(jensenShannon(a.value, b.value)) : null;
  },
  novelty_best_levenshtein_similarity: ofOne((sequence, parameters) =>
    bestLevenshteinSimilarity(sequence, loadDataset(textOf(parameters, "reference", ""))),
  ),
  novelty_best_smith_waterman_score: (sequence, parameters) => {
    requireIs(parameters, "matrix", "BLOSUM62");
    requireIs(parameters, "gap", "11 first,1 next");
    const reference = encodeReference(loadDataset(textOf(parameters, "reference", "")));
    const best = valueOrNull(bestSmithWaterman(one(sequence), reference, BLAST_GAPS));
    if (best === null) return null;
    const { bestScore, selfScore, normalised, index } = best;
    return { best_score: bestScore, self_score: selfScore, normalised, index0: index };
  },
};

function ofOne<T>(call: (sequence: string, parameters: Parameters) => Descriptor<T>): Call {
  return (sequence, parameters) => valueOrNull(call(one(sequence), parameters));
}

function ofPair(call: (a: string, b: string, parameters: Parameters) => unknown): Call {
  return (sequences, parameters) => {
    const [a, b] = sequences;
    if (!Array.isArray(sequences) || a === undefined || b === undefined) throw new NotOffered("needs two sequences");
    return call(a, b, parameters);
  };
}

function ofSet<T>(call: (sequences: string[], parameters: Parameters) => Descriptor<T>): Call {
  return (sequences, parameters) => valueOrNull(call(set(sequences), parameters));
}

function one(sequence: string | string[]): string {
  if (typeof sequence !== "string") throw new NotOffered("needs one sequence");
  return sequence;
}

/** A list of sequences, or the words that name a data set. */
function set(sequences: string | string[]): string[] {
  return typeof sequences === "string" ? loadDataset(sequences) : sequences;
}

function termini(parameters: Parameters): Termini {
  return {
    nTerm: oneOf<"free" | "acetyl">(parameters, "n_term", ["free", "acetyl"], "free"),
    cTerm: oneOf<"free" | "amide">(parameters, "c_term", ["free", "amide"], "free"),
  };
}

function chargeOptions(parameters: Parameters): ChargeOptions {
  const isTerminalSpecific = parameters["terminal_specific"] === true;
  const name: PkaName = keyOf(PKA_SETS, parameters, "pka", "Lehninger");
  if (isTerminalSpecific && name !== "Bjellqvist") throw new NotOffered(`terminal-specific values of ${name}`);
  return { ...termini(parameters), pka: isTerminalSpecific ? "Bjellqvist terminal-specific" : name };
}

function biopythonGaps(parameters: Parameters): typeof BLAST_GAPS {
  requireIs(parameters, "matrix", "BLOSUM62");
  return {
    gapFirst: -numberOf(parameters, "gap_open_total_first", -BLAST_GAPS.gapFirst),
    gapNext: -numberOf(parameters, "gap_extend", -BLAST_GAPS.gapNext),
  };
}

function scaleOf(parameters: Parameters, fallback: HydropathyScale): HydropathyScale {
  if (parameters["scale"] === MODLAMP_EISENBERG) return "modlAMP eisenberg";
  return keyOf(HYDROPATHY_SCALES, parameters, "scale", fallback);
}

function numberOf(parameters: Parameters, name: string, fallback: number): number {
  const given = parameters[name] ?? fallback;
  if (typeof given !== "number") throw new NotOffered(`${name} ${JSON.stringify(given)}`);
  return given;
}

function textOf(parameters: Parameters, name: string, fallback: string): string {
  const given = parameters[name] ?? fallback;
  if (typeof given !== "string") throw new NotOffered(`${name} ${JSON.stringify(given)}`);
  return given;
}

function oneOf<T extends string>(
  parameters: Parameters,
  name: string,
  offered: readonly T[],
  fallback: T | undefined,
): T {
  const given = parameters[name] ?? fallback;
  const found = offered.find((each) => each === given);
  if (found === undefined) throw new NotOffered(`${name} ${JSON.stringify(given)}`);
  return found;
}

function keyOf<T extends object>(
  table: T,
  parameters: Parameters,
  name: string,
  fallback: (keyof T & string) | undefined,
): keyof T & string {
  return oneOf(parameters, name, Object.keys(table) as (keyof T & string)[], fallback);
}

/** A parameter that the project offers in one form only; leaving it out means that form. */
function requireIs(parameters: Parameters, name: string, offered: string): void {
  const given = parameters[name] ?? offered;
  if (given !== offered) throw new NotOffered(`${name} ${JSON.stringify(given)}`);
}

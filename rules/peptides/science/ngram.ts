/**
 * A language model over residues: interpolated Kneser-Ney with one discount, context of k residues, and an end symbol.
 * A baseline to compare designers with, not a designer. k = 0 knows only the composition.
 *
 *   P(w | context) = max(c(context w) - D, 0)/c(context ·) + D · types(context ·)/c(context ·) · P(w | shorter context)
 *
 * The longest context uses counts; shorter ones use the number of different symbols seen before (continuation
 * counts), except those that begin at the start of the chain, which nothing can precede. The last resort is uniform.
 * Kneser & Ney, ICASSP 1995; Chen & Goodman, Comput. Speech Lang. 13:359-394 (1999), section 2.7.
 * Probabilities are made of sums, products and quotients only: the same bits on every platform. See sample.ts for what
 * temperature does to that, and logProbability below for Math.log.
 */
import { encode, RESIDUE_COUNT } from "./alphabet.ts";

/** 20 residues, then the end of the chain. */
export const SYMBOL_COUNT = RESIDUE_COUNT + 1;
export const END = RESIDUE_COUNT;
/** Stands before the first residue in a context; never predicted, so it may share its number with END. */
const START = RESIDUE_COUNT;

export interface NgramModel {
  /** Residues of context, k. */
  readonly order: number;
  readonly discount: number;
  /** Training sequences of each length: lengths[12] had 12 residues. The empirical length prior. */
  readonly lengths: readonly number[];
  /** Per context length 0..k: context number (base 21, nearest symbol last) to 21 counts. */
  readonly counts: readonly ReadonlyMap<number, Float64Array>[];
}

export interface NgramOptions {
  readonly order?: number;
  readonly discount?: number;
}

/** Sequences must be canonical and not empty: encode() throws otherwise. Cost: one pass per context length. */
export function trainNgram(sequences: readonly string[], options: NgramOptions = {}): NgramModel {
  const { order = 2, discount = 0.75 } = options;
  if (!Number.isInteger(order) || order < 0 || order > 8) throw new RangeError("the order is a whole number, 0 to 8");
  if (!(discount > 0 && discount < 1)) throw new RangeError("the discount lies between 0 and 1");
  if (sequences.length === 0) throw new RangeError("there are no sequences to train on");
  const lengths: number[] = [];
  const longest = new Map<number, Float64Array>();
  const contexts = SYMBOL_COUNT ** order;
  for (const sequence of sequences) {
    if (sequence.length === 0) throw new RangeError("a training sequence is empty");
    const residues = encode(sequence);
    while (lengths.length <= residues.length) lengths.push(0);
    lengths[residues.length]!++;
    let context = startContext(order);
    for (let i = 0; i <= residues.length; i++) {
      const symbol = i < residues.length ? residues[i]! : END;
      rowOf(longest, context)[symbol]!++;
      context = (context * SYMBOL_COUNT + symbol) % contexts;
    }
  }
  const counts = [longest];
  for (let length = order - 1; length >= 0; length--) counts.unshift(continuationCounts(counts[0]!, length));
  return { order, discount, lengths, counts };
}

/**
 * P(next symbol | the residues so far), 21 numbers that sum to 1, for the context number of the model's order.
 * Contexts are computed once and kept by the returned function.
 */
export function nextSymbol(model: NgramModel): (context: number) => Float64Array {
  const known = new Map<number, Float64Array>();
  return (context) => {
    let probabilities = known.get(context);
    if (probabilities === undefined) {
      probabilities = interpolate(model, context);
      known.set(context, probabilities);
    }
    return probabilities;
  };
}

/** The context before the first residue. */
export function startContext(order: number): number {
  let context = 0;
  for (let i = 0; i < order; i++) context = context * SYMBOL_COUNT + START;
  return context;
}

/** The context after one more residue. */
export function shiftContext(order: number, context: number, residue: number): number {
  return order === 0 ? 0 : (context * SYMBOL_COUNT + residue) % SYMBOL_COUNT ** order;
}

/** ln P of the whole chain, end included, in nats. Math.log may differ between platforms in the last bit. */
export function logProbability(model: NgramModel, sequence: string, next = nextSymbol(model)): number {
  let context = startContext(model.order);
  let nats = 0;
  for (const residue of encode(sequence)) {
    nats += Math.log(next(context)[residue]!);
    context = shiftContext(model.order, context, residue);
  }
  return nats + Math.log(next(context)[END]!);
}

/** exp of minus the mean ln P per symbol (residues and ends): 1 (certain) to 21 (no idea) or worse. */
export function perplexity(model: NgramModel, sequences: readonly string[]): number {
  const next = nextSymbol(model);
  let nats = 0;
  let symbols = 0;
  for (const sequence of sequences) {
    nats += logProbability(model, sequence, next);
    symbols += sequence.length + 1;
  }
  return Math.exp(-nats / symbols);
}

/** Counts for contexts of `length` symbols from those of one symbol more. */
function continuationCounts(longer: ReadonlyMap<number, Float64Array>, length: number): Map<number, Float64Array> {
  const counts = new Map<number, Float64Array>();
  const contexts = SYMBOL_COUNT ** length;
  const firstDigit = SYMBOL_COUNT ** (length - 1);
  for (const [context, row] of longer) {
    const shorter = context % contexts;
    const beginsChain = length > 0 && Math.floor(shorter / firstDigit) === START;
    const target = rowOf(counts, shorter);
    for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) {
      if (row[symbol]! > 0) target[symbol]! += beginsChain ? row[symbol]! : 1;
    }
  }
  return counts;
}

function interpolate(model: NgramModel, context: number): Float64Array {
  const probabilities = new Float64Array(SYMBOL_COUNT).fill(1 / SYMBOL_COUNT);
  for (let length = 0; length <= model.order; length++) {
    const row = model.counts[length]!.get(context % SYMBOL_COUNT ** length);
    if (row === undefined) break;
    let total = 0;
    let types = 0;
    for (const count of row) {
      total += count;
      if (count > 0) types++;
    }
    const backoff = (model.discount * types) / total;
    for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) {
      const own = Math.max(row[symbol]! - model.discount, 0) / total;
      probabilities[symbol] = own + backoff * probabilities[symbol]!;
    }
  }
  return probabilities;
}

function rowOf(rows: Map<number, Float64Array>, context: number): Float64Array {
  let row = rows.get(context);
  if (row === undefined) {
    row = new Float64Array(SYMBOL_COUNT);
    rows.set(context, row);
  }
  return row;
}

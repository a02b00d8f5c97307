/**
 * Drawing sequences from an n-gram model: seeded, with a temperature and a prior on the length.
 * The same model, options and seed give the same sequences on every platform at temperatures 0.5, 1 and 2 (products
 * and square roots are exact); at others Math.pow may differ in the last bit, which can change a residue.
 */
import { RESIDUE_COUNT, RESIDUES } from "./alphabet.ts";
import { END, nextSymbol, shiftContext, startContext, SYMBOL_COUNT } from "./ngram.ts";
import type { NgramModel } from "./ngram.ts";
import { createRandom } from "./random.ts";
import type { Random } from "./random.ts";

export type LengthPrior =
  /** The model ends a chain by its end symbol, not before `min` and cut at `max` residues. */
  | { readonly kind: "model"; readonly min: number; readonly max: number }
  /** A length drawn like the training sequences' lengths; the model only chooses residues. */
  | { readonly kind: "training" }
  /** Every length from `min` to `max` equally likely. */
  | { readonly kind: "uniform"; readonly min: number; readonly max: number };

export interface SampleOptions {
  readonly count: number;
  /** 1 to 32 hexadecimal digits. */
  readonly seed: string;
  readonly length: LengthPrior;
  /** Above 0. Below 1 likely residues become likelier, above 1 less so; 1 is the model. */
  readonly temperature?: number;
}

export interface Sample {
  readonly sequence: string;
  /** ln P of the chain with its end under the model itself (temperature 1, no length prior), in nats. */
  readonly logProbability: number;
  /** Reached the longest length allowed without an end symbol (length prior "model" only). */
  readonly truncated: boolean;
}

export function sampleSequences(model: NgramModel, options: SampleOptions): Sample[] {
  const { count, seed, length, temperature = 1 } = options;
  if (!(temperature > 0)) throw new RangeError("the temperature lies above 0");
  if (length.kind !== "training" && !(length.min >= 1 && length.max >= length.min)) {
    throw new RangeError("lengths run from at least 1 to at least as much");
  }
  const random = createRandom(seed);
  const next = nextSymbol(model);
  const logs = remember((context) => next(context).map(Math.log));
  const withEnd = remember((context) => cumulate(next(context), temperature, SYMBOL_COUNT));
  const withoutEnd = remember((context) => cumulate(next(context), temperature, RESIDUE_COUNT));
  const drawLength = lengthDrawer(model, length, random);

  return Array.from({ length: count }, () => {
    const { min, max } = drawLength();
    let context = startContext(model.order);
    let sequence = "";
    let logProbability = 0;
    let ended = false;
    while (sequence.length < max) {
      const mayEnd = sequence.length >= min;
      const symbol = draw(mayEnd ? withEnd(context) : withoutEnd(context), random);
      if (symbol === END) {
        ended = true;
        break;
      }
      logProbability += logs(context)[symbol]!;
      sequence += RESIDUES[symbol]!;
      context = shiftContext(model.order, context, symbol);
    }
    logProbability += logs(context)[END]!;
    return { sequence, logProbability, truncated: length.kind === "model" && !ended };
  });
}

function lengthDrawer(model: NgramModel, prior: LengthPrior, random: Random): () => { min: number; max: number } {
  switch (prior.kind) {
    case "model":
      return () => prior;
    case "uniform":
      return () => fixed(prior.min + random.nextBelow(prior.max - prior.min + 1));
    case "training": {
      const cumulative = Float64Array.from(model.lengths);
      for (let i = 1; i < cumulative.length; i++) cumulative[i]! += cumulative[i - 1]!;
      return () => fixed(draw(cumulative, random));
    }
  }
}

function fixed(length: number): { min: number; max: number } {
  return { min: length, max: length };
}

/** Running sums of the first `symbols` weights at a temperature; not scaled to 1, draw() does that. */
function cumulate(probabilities: Float64Array, temperature: number, symbols: number): Float64Array {
  const cumulative = new Float64Array(symbols);
  let sum = 0;
  for (let symbol = 0; symbol < symbols; symbol++) {
    sum += warm(probabilities[symbol]!, temperature);
    cumulative[symbol] = sum;
  }
  return cumulative;
}

/** p^(1/T). */
function warm(probability: number, temperature: number): number {
  if (temperature === 1) return probability;
  if (temperature === 0.5) return probability * probability;
  if (temperature === 2) return Math.sqrt(probability);
  return Math.pow(probability, 1 / temperature);
}

/** Position of the first running sum above a random fraction of the total. */
function draw(cumulative: Float64Array, random: Random): number {
  const last = cumulative.length - 1;
  const target = random.nextFloat() * cumulative[last]!;
  let position = 0;
  while (position < last && cumulative[position]! <= target) position++;
  return position;
}

function remember(compute: (context: number) => Float64Array): (context: number) => Float64Array {
  const known = new Map<number, Float64Array>();
  return (context) => {
    let result = known.get(context);
    if (result === undefined) {
      result = compute(context);
      known.set(context, result);
    }
    return result;
  };
}

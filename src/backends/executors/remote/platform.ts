// What a driver asks of a platform, a cluster or a cloud, on which batches run. The one interface between how work is sent, adopted and given back, and
// where it runs.

import type { Result } from "../../../util/result.ts";
import type { Outcome } from "../executor.ts";
import type { Batch, Submission } from "./batches.ts";
import type { Start } from "./carrier.ts";
import type { Parcel, Setback } from "./request.ts";

/** What a batch is to be given there. */
export interface Lot {
  /** Equal for parcels that may be batches of one submission. */
  readonly likeness: string;
  /** What all of its time costs there. */
  readonly timeUsd: number;
}

/** What a batch is of, and what it is to be given. */
export interface Allotted<L extends Lot = Lot> {
  readonly parcel: Parcel;
  readonly lot: L;
}

/** A submission as it is handed over: its intent is written, and what its batches need has been carried. */
export interface Handover<L extends Lot> {
  readonly submission: Submission;
  readonly parcels: readonly Parcel[];
  /** Of each parcel. */
  readonly lots: readonly L[];
  readonly start: Start;
}

export type Handed =
  /** `job`: the platform's own name for it. */
  | { readonly kind: "accepted"; readonly job: string }
  /** A user may have fewer batches at once than it has. */
  | { readonly kind: "in-parts" }
  | { readonly kind: "ended"; readonly outcome: Outcome };

/** What to do about a batch that is gone without having finished. `why` opens with who it was. */
export type Verdict =
  | { readonly kind: "again"; readonly setback: Setback; readonly why: string }
  | { readonly kind: "failed"; readonly outcome: Outcome };

/** `lastWords`: the last lines that it printed. */
export type Judge = (lastWords: string) => Verdict;

export interface Platform<L extends Lot> {
  readonly name: string;
  /** How often what batches have written is looked at, and the platform is asked what they are at. Milliseconds. */
  readonly lookMs: number;
  readonly pollMs: number;
  readonly words: {
    /** "Slurm does not answer; …" */
    readonly name: string;
    /** That so many which nobody asks for any more wait or run. */
    readonly left: (count: number) => string;
  };

  /** Or what a person has to say before it can be had. */
  lotFor(parcel: Parcel): Result<L, string>;
  /** How many batches one submission may have. */
  mostBatches(): Promise<number>;
  /** By it the platform, and people, know a submission. */
  jobNameFor(id: string, target: string): string;
  /** Until it is taken or refused. What is accepted need not have begun. Gives up, with `not-begun`, when `signal` is aborted. */
  hand(handover: Handover<L>, signal: AbortSignal): Promise<Handed>;
  /** Of what earlier drivers have submitted: finds what waits or runs. False: that cannot be told now, nor before `signal` was aborted. */
  takeOver(submissions: readonly Submission[], signal: AbortSignal): Promise<boolean>;
  /** Asks of all of them what waits, runs, and is gone. False: there is no answer, and everything is as it was. */
  poll(submissions: readonly Submission[]): Promise<boolean>;
  /** Something is under way that is to be watched also when nobody waits for its actions. */
  readonly isBusy: boolean;
  /** Whether it has ended, and what it has written must have come. */
  isGone(batch: Batch): boolean;
  /** How one that is gone ended. Undefined: it goes on after all. */
  judgeOf(batch: Batch): Promise<Judge | undefined>;
  /** Of batches that nobody wants begun any more: takes back those that have not; returns them, or sees to them itself. */
  withdraw(batches: readonly Batch[]): Promise<readonly Batch[]>;
  /** Whether it goes on when this process ends. */
  outlives(batch: Batch): boolean;
  /** Ends all of them. False: there is no answer. */
  end(submissions: readonly Submission[]): Promise<boolean>;
  /** Returns when nothing of this process depends on what runs there. */
  leave(): Promise<void>;
  close(): void;
}

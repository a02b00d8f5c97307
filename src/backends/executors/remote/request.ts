// Orders as they are cut up for the cluster: a ticket for each action, parcels of tickets that travel as one batch. Knows no Slurm.

import type { Digest } from "../../../model/digest.ts";
import type { Order, Outcome } from "../executor.ts";

/** What happened to earlier batches of the same actions. */
export interface Setback {
  /** How often a batch was lost without anything having ended in it. */
  readonly losses: number;
  /** Times what was asked for first. */
  readonly moreTime: number;
  readonly moreMemory: number;
  /** MiB and minutes that the cluster gave the last one, where nothing was asked for. */
  readonly gave: { readonly memoryMiB?: number; readonly minutes?: number };
  readonly exclude: readonly string[];
  /** Its calls may cost more than the part of the money that it was given first. */
  readonly isShort?: true;
}

export const noSetback: Setback = { losses: 0, moreTime: 1, moreMemory: 1, gave: {}, exclude: [] };

/** One order, until each of its actions has been settled. */
export class Request {
  readonly order: Order;
  /** Rejects when whoever was to settle it cannot. */
  readonly finished: Promise<void>;
  readonly #settle: (index: number, outcome: Outcome) => void;
  readonly #open: Set<number>;
  readonly #hold: AbortSignal | undefined;
  #finish!: () => void;
  #fail!: (error: Error) => void;

  constructor(order: Order, settle: (index: number, outcome: Outcome) => void, hold: AbortSignal | undefined) {
    this.order = order;
    this.#hold = hold;
    this.#settle = settle;
    this.#open = new Set(order.items === undefined ? [0] : order.items.keys());
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  /** Nothing more of it is to be started. */
  get isHeld(): boolean {
    return this.#hold?.aborted === true;
  }

  tickets(): readonly Ticket[] {
    return [...this.#open].map((place) => ({ request: this, place }));
  }

  /** Once for each place; what comes later is of an action that has ended otherwise. */
  settle(place: number, outcome: Outcome): void {
    if (!this.#open.delete(place)) return;
    this.#settle(place, outcome);
    if (this.#open.size === 0) this.#finish();
  }

  settleRest(outcome: Outcome): void {
    for (const place of [...this.#open]) this.settle(place, outcome);
  }

  /** What is open stays so: nobody is told of it any more. */
  fail(error: Error): void {
    this.#open.clear();
    this.#fail(error);
  }
}

/** One action that somebody waits for. */
export interface Ticket {
  readonly request: Request;
  readonly place: number;
}

export function identityOf({ request: { order }, place }: Ticket): {
  readonly key: Digest;
  readonly notBefore?: number;
} {
  return order.items?.[place] ?? order;
}

/** Tickets of one request that travel together. */
export interface Parcel {
  readonly tickets: readonly Ticket[];
  readonly setback: Setback;
}

/** The order of a parcel: of its actions only. */
export function orderOf({ tickets }: Parcel): Order {
  const [{ request }] = tickets as readonly [Ticket];
  const { order } = request;
  return order.items === undefined ? order : { ...order, items: tickets.map(({ place }) => order.items![place]!) };
}

/** What a person has to change before it can run. */
export function refused(message: string): Outcome {
  return { kind: "failed", why: "refused", message, retryable: false, tookMs: 0, costUsd: 0 };
}

export function settleAll(tickets: readonly Ticket[], outcome: Outcome): void {
  for (const { request, place } of tickets) request.settle(place, outcome);
}

export function byRequest(tickets: readonly Ticket[], setback: Setback): readonly Parcel[] {
  const requests = new Map<Request, Ticket[]>();
  for (const ticket of tickets) requests.set(ticket.request, [...(requests.get(ticket.request) ?? []), ticket]);
  return [...requests.values()].map((own) => ({ tickets: own, setback }));
}

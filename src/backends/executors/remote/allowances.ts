// What the paid calls of batches may cost. Nobody can be asked where they run, so a part of the build's money is set aside for each before it is sent.

import { sleep } from "../../../util/clock.ts";
import type { Budget, Reservation } from "../budget.ts";
import type { Allotted } from "./platform.ts";

export interface AllowancesOptions {
  readonly budget: Budget;
  readonly mayPay: boolean;
}

export interface Grant {
  /** Of each batch; undefined: there is no limit. */
  readonly maxUsd: number | undefined;
  /** One for each batch. */
  readonly allowances: readonly Reservation[];
}

const lookMs = 100;

export class Allowances {
  readonly #options: AllowancesOptions;
  readonly #open = new Set<Reservation>();
  /** Targets whose recipes have paid for something, or would have. */
  readonly #paying = new Set<string>();

  constructor(options: AllowancesOptions) {
    this.#options = options;
  }

  /** Of batches of one target that travel together. */
  grant(group: readonly Allotted[]): Grant {
    const { budget, mayPay } = this.#options;
    const take = (usd: number) => group.map(() => this.#take(usd));
    if (budget.maxUsd === undefined) return { maxUsd: undefined, allowances: take(0) };
    const { parcel, lot } = group[0]!;
    const { target, secrets } = parcel.tickets[0]!.request.order;
    // Whoever is paid wants to know by whom: a recipe without a secret is first taken to pay nobody.
    const pays = mayPay && (Object.keys(secrets).length > 0 || this.#paying.has(target));
    const half = budget.leftUsd / 2;
    // So that others find something, batches share half of what is left. One that this was too little for gets all, but what its time costs.
    const usd = parcel.setback.isShort === true ? Math.max(half, budget.leftUsd - lot.timeUsd) : half;
    const usdEach = pays ? usd / group.length : 0;
    return { maxUsd: usdEach, allowances: take(usdEach) };
  }

  notePaying(target: string): void {
    this.#paying.add(target);
  }

  /** Until no batch has anything set aside: the next may have all that is left. */
  async whenNoneOpen(signal: AbortSignal): Promise<void> {
    while (this.#open.size > 0 && !signal.aborted) await sleep(lookMs, signal);
  }

  #take(usd: number): Reservation {
    const inner = this.#options.budget.take(usd);
    const allowance: Reservation = {
      usd,
      note: (spentUsd) => inner.note(spentUsd),
      settle: (spentUsd) => {
        inner.settle(spentUsd);
        this.#open.delete(allowance);
      },
    };
    if (usd > 0) this.#open.add(allowance);
    return allowance;
  }
}

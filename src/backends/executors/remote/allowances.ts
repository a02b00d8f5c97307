// What the paid calls of batches may cost. Nobody can be asked where they run, so a part of the build's money is set aside for each before it is sent.

import { sleep } from "../../../util/clock.ts";
import type { Budget, Reservation } from "../budget.ts";
import type { Parcel } from "./request.ts";

export interface AllowancesOptions {
  readonly budget: Budget;
  readonly mayPay: boolean;
  /** What runs a batch costs money as well. */
  readonly hasPaidTime: boolean;
}

export interface Grant {
  /** Of each batch; undefined: there is no limit. */
  readonly maxUsd: number | undefined;
  /** One for each batch. */
  readonly allowances: readonly Reservation[];
}

/** At first batches share this part of what is left, so that others find something. */
const firstPart = 1 / 2;
const lookMs = 100;

export class Allowances {
  readonly #options: AllowancesOptions;
  readonly #open = new Set<Reservation>();
  /** Targets whose recipes have paid for something, or would have. */
  readonly #paying = new Set<string>();

  constructor(options: AllowancesOptions) {
    this.#options = options;
  }

  grant(parcels: readonly Parcel[]): Grant {
    const { budget, mayPay, hasPaidTime } = this.#options;
    const take = (usd: number) => parcels.map(() => this.#take(usd));
    if (budget.maxUsd === undefined) return { maxUsd: undefined, allowances: take(0) };
    const [{ tickets, setback }] = parcels as readonly [Parcel];
    const { target, secrets } = tickets[0]!.request.order;
    // Whoever is paid wants to know by whom: a recipe without a secret is first taken to pay nobody.
    const pays = mayPay && (Object.keys(secrets).length > 0 || this.#paying.has(target));
    const part = setback.isShort === true && !hasPaidTime ? 1 : firstPart;
    const usdEach = pays ? (budget.leftUsd * part) / parcels.length : 0;
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

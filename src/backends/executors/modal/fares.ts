// What containers cost: it is set aside before one is begun, which gets no more time than that is worth.

import { performance } from "node:perf_hooks";
import { formatMoney } from "../../../util/money.ts";
import type { Budget } from "../budget.ts";
import type { Outcome } from "../executor.ts";
import { costUntil, type Vessel } from "./vessel.ts";

/** Less of a container's time than this is not worth its start. */
const leastSeconds = 60;
/** Until a container that is to be ended is over. */
const endingSeconds = 2;

export interface Crowd {
  /** How many want a share of what is left. */
  readonly size: () => number;
  /** How many of those have not begun. */
  readonly waiting: () => number;
  /** Whether nobody wants it begun any more. */
  readonly isUnwanted: () => boolean;
}

export class Fares {
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Sets aside what it may cost, and gives it no more time than that is worth. Undefined: it may begin. */
  async setAside(vessel: Vessel, crowd: Crowd, signal: AbortSignal): Promise<Outcome | undefined> {
    const { batch, allotment, usdPerSecond: usd } = vessel;
    const wanted = allotment.lifetimeSeconds;
    for (;;) {
      if (crowd.isUnwanted()) return { kind: "not-begun" };
      const share = this.#budget.share(crowd.size(), wanted * usd, Math.min(leastSeconds, wanted) * usd);
      const seconds = usd === 0 ? wanted : Math.floor(share.usdEach / usd + 1e-9);
      const reservation = seconds < 1 ? undefined : this.#budget.reserve(seconds * usd);
      if (reservation !== undefined) {
        vessel.reservation = reservation;
        vessel.allotment = { ...allotment, lifetimeSeconds: seconds };
        return undefined;
      }
      // What is set aside for the calls of those that wait as well comes free only if they give up.
      if (this.#budget.openCount <= crowd.waiting()) {
        batch.end();
        this.#budget.exhaust();
        return { kind: "unaffordable", message: this.#wordLack(vessel), tookMs: 0, costUsd: 0 };
      }
      await this.#budget.whenFreed(signal);
    }
  }

  /** One of an earlier build has a lifetime by what that might spend: `end` is called when it has cost all that this one may. */
  takeOver(vessel: Vessel, end: () => void): void {
    const { allotment, usdPerSecond: usd, gone } = vessel;
    const seconds = this.#budget.leftUsd / usd;
    if (usd > 0 && seconds < allotment.lifetimeSeconds) {
      const timer = setTimeout(end, Math.max(0, seconds - endingSeconds) * 1000);
      gone.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    }
    vessel.reservation = this.#budget.take(allotment.lifetimeSeconds * usd);
  }

  /** What it has cost by now. */
  note(vessel: Vessel): void {
    vessel.reservation?.note(costUntil(vessel, performance.now()));
  }

  /** It is over, or never began. */
  settle(vessel: Vessel): void {
    vessel.reservation?.settle(costUntil(vessel, performance.now()));
    vessel.reservation = undefined;
  }

  #wordLack({ allotment, usdPerSecond: usd }: Vessel): string {
    const { leftUsd, maxUsd = 0 } = this.#budget;
    const seconds = Math.min(leastSeconds, allotment.lifetimeSeconds);
    return `${seconds} s of its container cost ${formatMoney(seconds * usd)}, and ${formatMoney(leftUsd)} is left of the ${formatMoney(maxUsd)} that the build may spend`;
  }
}

// What paid calls may cost: money is set aside before a call is paid for, and what it came to is counted. Knows no answers.

import type { Budget, Reservation } from "../backends/executors/budget.ts";
import { UnaffordableCall, type CallTerms } from "../backends/executors/executor.ts";
import { formatMoney, isMoney } from "../util/money.ts";

export interface CallMoneyOptions {
  readonly budget: Budget;
  /** Whose money it is, for people: `the build`. */
  readonly spender: string;
  /** Told what the user should know, though nothing failed. */
  readonly warn: (text: string) => void;
  /** A call that waits so long for money is told, once. */
  readonly toldAfterMs?: number;
}

const usuallyToldAfterMs = 5_000;
/** What nobody says is free may cost something. */
const leastUsd = 1e-6;

export class CallMoney {
  readonly #options: CallMoneyOptions;
  /** What a call has cost at most; undefined: none was seen. */
  #dearestUsd: number | undefined;
  #isWaitTold = false;
  #isExcessTold = false;

  constructor(options: CallMoneyOptions) {
    this.#options = options;
  }

  /** What a call came to, of this build or of late: others are taken to cost no more. */
  saw(usd: number): void {
    if (isMoney(usd)) this.#dearestUsd = Math.max(this.#dearestUsd ?? 0, usd);
  }

  /** Throws `UnaffordableCall`. */
  async setAside(terms: CallTerms): Promise<{ readonly purse: Purse; readonly hasWaited: boolean }> {
    const { budget } = this.#options;
    const usd = () => this.#mayCost(terms.maxUsd);
    const purseOf = (reservation: Reservation) => new Purse(this, budget, reservation);
    const atOnce = budget.reserve(usd());
    if (atOnce !== undefined) return { purse: purseOf(atOnce), hasWaited: false };
    if (terms.isWithin === true || !budget.mayComeToHave(usd())) throw this.#refusal(terms);
    const timer = setTimeout(
      () => this.#tellWait(terms.maxUsd),
      this.#options.toldAfterMs ?? usuallyToldAfterMs,
    ).unref();
    const reservation = await budget.whenReserved(usd, terms.signal);
    clearTimeout(timer);
    if (reservation === undefined) throw this.#refusal(terms);
    return { purse: purseOf(reservation), hasWaited: true };
  }

  /** Warns once, when a call cost more than was set aside for it. */
  compare(usd: number, asideUsd: number): void {
    const { budget, warn } = this.#options;
    if (budget.maxUsd === undefined || this.#isExcessTold || usd <= asideUsd + leastUsd) return;
    this.#isExcessTold = true;
    warn(
      `a paid call cost ${formatMoney(usd)}, and ${formatMoney(asideUsd)} was set aside for it: only what calls are said to cost at most (maxUsd) keeps a limit to the cent`,
    );
  }

  #mayCost(maxUsd: number | undefined): number {
    const { budget } = this.#options;
    if (budget.maxUsd === undefined) return 0;
    if (maxUsd !== undefined) return maxUsd;
    // The first of its kind goes alone, with all that is left: what it comes to is what the others are taken to cost.
    return Math.max(leastUsd, this.#dearestUsd ?? budget.leftUsd);
  }

  #tellWait(maxUsd: number | undefined): void {
    if (this.#isWaitTold) return;
    this.#isWaitTold = true;
    const { budget, warn, spender } = this.#options;
    const usd = maxUsd ?? this.#dearestUsd;
    const cost = usd === undefined ? "of which the cost is not known yet" : `of up to ${formatMoney(usd)}`;
    const amounts = `${formatMoney(budget.spentUsd)} is spent and ${formatMoney(budget.reservedUsd)} set aside for what is under way`;
    warn(
      `a paid call, ${cost}, waits for money: of the ${formatMoney(budget.maxUsd ?? 0)} that ${spender} may spend, ${amounts}. It goes on when enough of that is free again`,
    );
  }

  #refusal({ maxUsd }: CallTerms): UnaffordableCall {
    const { budget, spender } = this.#options;
    const left = `${formatMoney(budget.leftUsd)} is left of the ${formatMoney(budget.maxUsd ?? 0)} that ${spender} may spend`;
    return new UnaffordableCall(`${this.#wordCost(maxUsd)}, and ${left}`);
  }

  #wordCost(maxUsd: number | undefined): string {
    if (maxUsd !== undefined) return `a call costs up to ${formatMoney(maxUsd)}`;
    if (this.#dearestUsd === undefined) return "what a call costs is not known";
    return `a call may cost ${formatMoney(this.#dearestUsd)}, as the dearest of late did (maxUsd of a call says what it costs at most)`;
  }
}

/** What was set aside for one call. */
export class Purse {
  readonly #money: Pick<CallMoney, "saw" | "compare">;
  readonly #budget: Budget;
  /** Undefined: it was given back, counted, or written off. */
  #reservation: Reservation | undefined;
  /** What counts as spent as long as it is not known what the call came to. */
  #writtenOffUsd = 0;

  constructor(money: Pick<CallMoney, "saw" | "compare">, budget: Budget, reservation: Reservation) {
    this.#money = money;
    this.#budget = budget;
    this.#reservation = reservation;
  }

  /** It was not paid for, as far as anybody knows. What was written off stays so: nobody knows. */
  free(): void {
    this.#reservation?.settle(0);
    this.#reservation = undefined;
  }

  /** Others may wait for what is open, and this may stay so for ever. */
  writeOff(): void {
    if (this.#reservation === undefined) return;
    this.#writtenOffUsd = this.#reservation.usd;
    this.#reservation.settle(this.#writtenOffUsd);
    this.#reservation = undefined;
  }

  /** What it came to. */
  settle(usd: number): void {
    if (!isMoney(usd)) return this.writeOff();
    const asideUsd = this.#reservation?.usd ?? this.#writtenOffUsd;
    // Before others are served: they are to set aside as much.
    this.#money.saw(usd);
    if (this.#reservation === undefined) this.#budget.add(usd - this.#writtenOffUsd);
    else this.#reservation.settle(usd);
    this.#reservation = undefined;
    this.#writtenOffUsd = 0;
    this.#money.compare(usd, asideUsd);
  }
}

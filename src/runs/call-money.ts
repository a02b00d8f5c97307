// What paid calls may cost: money is set aside before a call is paid for, and what it came to is counted. Knows no answers.

import type { Budget, Reservation } from "../backends/executors/budget.ts";
import { UnaffordableCall, type CallTerms } from "../backends/executors/executor.ts";
import type { Digest } from "../model/digest.ts";
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
  readonly #open = new Map<Digest, Reservation>();
  /** Of calls that nobody waits for: what counts as spent on them as long as it is not known. */
  readonly #writtenOff = new Map<Digest, number>();
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

  /** Whether it had to wait. Throws `UnaffordableCall`. */
  async setAside(key: Digest, terms: CallTerms): Promise<boolean> {
    const { budget } = this.#options;
    const usd = () => this.#mayCost(terms.maxUsd);
    const atOnce = budget.reserve(usd());
    if (atOnce !== undefined) {
      this.#open.set(key, atOnce);
      return false;
    }
    if (terms.isWithin === true || !budget.mayComeToHave(usd())) throw this.#refusal(terms);
    const timer = setTimeout(
      () => this.#tellWait(terms.maxUsd),
      this.#options.toldAfterMs ?? usuallyToldAfterMs,
    ).unref();
    const reservation = await budget.whenReserved(usd, terms.signal);
    clearTimeout(timer);
    if (reservation === undefined) throw this.#refusal(terms);
    this.#open.set(key, reservation);
    return true;
  }

  /** It was not paid for, as far as anybody knows. What was written off stays so: nobody knows. */
  free(key: Digest): void {
    this.#open.get(key)?.settle(0);
    this.#open.delete(key);
    this.#writtenOff.delete(key);
  }

  /** Others may wait for what is open, and this may stay so for ever. */
  writeOff(key: Digest): void {
    const reservation = this.#open.get(key);
    if (reservation === undefined) return;
    this.#open.delete(key);
    this.#writtenOff.set(key, reservation.usd);
    reservation.settle(reservation.usd);
  }

  settle(key: Digest, usd: number): void {
    const { budget, warn } = this.#options;
    if (!isMoney(usd)) return this.writeOff(key);
    // Before others are served: they are to set aside as much.
    this.saw(usd);
    const asideUsd = this.#count(key, usd);
    if (budget.maxUsd === undefined || this.#isExcessTold || usd <= asideUsd + leastUsd) return;
    this.#isExcessTold = true;
    warn(
      `a paid call cost ${formatMoney(usd)}, and ${formatMoney(asideUsd)} was set aside for it: only what calls are said to cost at most (maxUsd) keeps a limit to the cent`,
    );
  }

  /** Returns what had been set aside. */
  #count(key: Digest, usd: number): number {
    const reservation = this.#open.get(key);
    const writtenOffUsd = this.#writtenOff.get(key) ?? 0;
    this.#open.delete(key);
    this.#writtenOff.delete(key);
    if (reservation === undefined) this.#options.budget.add(usd - writtenOffUsd);
    else reservation.settle(usd);
    return reservation?.usd ?? writtenOffUsd;
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

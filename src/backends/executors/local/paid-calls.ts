// The paid calls of one worker: its questions go to the desk, and what it had not answered for when it died is free for others.

import { UnaffordableCall, type CallDesk, type FoundCall, type Payment } from "../executor.ts";
import type { FromWorker, ToWorker } from "../worker/protocol.ts";

export type Question = Extract<FromWorker, { kind: "find" | "remember" | "abandon" | "leave" }>;

/** Asked for or paid for, by a recipe that is under way or has left it. */
interface OpenCall {
  /** Aborted when nobody wants its answer any more. */
  readonly asking: AbortController;
  payment: Payment | undefined;
}

interface Ears {
  readonly answer: (message: ToWorker) => void;
  /** Told when it begins to wait for others, and when it has waited: for an answer that somebody else is paying for, or for money. */
  readonly onWait: (isWaiting: boolean) => void;
}

export class PaidCalls {
  readonly #desk: CallDesk;
  readonly #ears: Ears;
  /** By the number of the question that opened it. */
  readonly #open = new Map<number, OpenCall>();
  /** Those that the recipe under way asks for, and those that it pays for. */
  readonly #asking = new Set<number>();
  readonly #paying = new Set<number>();
  #isWaiting = false;
  #isClosed = false;

  constructor(desk: CallDesk, ears: Ears) {
    this.#desk = desk;
    this.#ears = ears;
  }

  take(question: Question): void {
    switch (question.kind) {
      case "find":
        void this.#find(question);
        return;
      case "remember":
        void this.#remember(question);
        return;
      case "abandon":
        this.#end(question.of)?.payment?.abandon();
        return;
      case "leave":
        this.#leave(question.of);
        return;
    }
  }

  /** The worker has ended. What it said before may still come: an answer that it paid for is remembered all the same. */
  close(): void {
    this.#isClosed = true;
    for (const { asking, payment } of this.#open.values())
      if (payment === undefined) asking.abort(gone());
      else payment.abandon();
  }

  async #find(question: Extract<Question, { kind: "find" }>): Promise<void> {
    if (this.#isClosed) return;
    const { call, request, draw, maxUsd, isWithin } = question;
    const open: OpenCall = { asking: new AbortController(), payment: undefined };
    const { signal } = open.asking;
    this.#open.set(call, open);
    this.#asking.add(call);
    this.#look();
    let found: FoundCall;
    try {
      found = await this.#desk.find(request, draw, { maxUsd, isWithin, signal });
      if ("payment" in found && signal.aborted) {
        found.payment.abandon();
        throw signal.reason;
      }
    } catch (error) {
      this.#end(call);
      const why = error instanceof Error ? error.message : String(error);
      const money = error instanceof UnaffordableCall ? { isUnaffordable: true as const } : {};
      return this.#ears.answer({ kind: "answer", call, found: undefined, error: why, ...money });
    }
    if ("response" in found) {
      this.#end(call);
      return this.#ears.answer({ kind: "answer", call, found });
    }
    open.payment = found.payment;
    this.#asking.delete(call);
    this.#paying.add(call);
    this.#look();
    this.#ears.answer({ kind: "answer", call, found: undefined });
  }

  async #remember({ call, of, response, costUsd }: Extract<Question, { kind: "remember" }>): Promise<void> {
    const { payment } = this.#end(of)!;
    try {
      await payment!.remember({ response, costUsd });
      this.#ears.answer({ kind: "answer", call, found: undefined });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#ears.answer({ kind: "answer", call, found: undefined, error: why });
    }
  }

  /** Its recipe has ended: what that only asked for it does not get, and what it pays for may still come. */
  #leave(call: number): void {
    const open = this.#open.get(call);
    if (open === undefined) return;
    this.#asking.delete(call);
    this.#paying.delete(call);
    this.#look();
    if (open.payment === undefined) open.asking.abort(gone());
    else open.payment.writeOff();
  }

  #end(call: number): OpenCall | undefined {
    const open = this.#open.get(call);
    this.#open.delete(call);
    this.#asking.delete(call);
    this.#paying.delete(call);
    this.#look();
    return open;
  }

  /** Who pays for something himself does not only wait: what others wait for may be his. */
  #look(): void {
    const isWaiting = this.#asking.size > 0 && this.#paying.size === 0;
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#ears.onWait(isWaiting);
  }
}

function gone(): Error {
  return new Error("the recipe that asked for it has ended");
}

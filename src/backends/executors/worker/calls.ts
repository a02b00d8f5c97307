// Paid calls of a recipe: the memory lies with the driver, which is asked before and told after each.

import { AsyncLocalStorage } from "node:async_hooks";
import { maskStrings, secretIn } from "../../../planning/config/mask.ts";
import { callKey } from "../../../planning/fingerprint/call-key.ts";
import type { Digest } from "../../../model/digest.ts";
import type { Json } from "../../../model/json.ts";
import { isMoney } from "../../../util/money.ts";
import type { Lifeline } from "./lifeline.ts";
import type { Mask } from "./log.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly spent: Spent;
  /** Names of the secrets that the recipe has, and what masks their values. */
  readonly secrets: readonly string[];
  readonly mask: Mask | undefined;
}

type Question = Extract<FromWorker, { kind: "find" | "remember" }>;
type Answer = Extract<ToWorker, { kind: "answer" }>;

export interface Spent {
  usd: number;
  /** Calls that the recipe asks or pays for now, by number. */
  readonly open: Set<number>;
  hasEnded?: true;
  /** Keys of the calls whose answers the recipe was given, remembered or paid for just now. */
  readonly calls: Set<Digest>;
  /** Why a request was refused. What a recipe makes of that is no result, whatever it does with the error. */
  refused?: string;
  /** Why a request may not be paid for. Whatever the recipe makes of that, its action is not done, and has not failed. */
  unaffordable?: string;
}

interface Asked {
  readonly request: Json;
  readonly draw?: number;
  readonly maxUsd?: number;
}

/** Gets the answer, and says what it cost. */
type Send = (signal: AbortSignal) => Promise<{ readonly response: Json; readonly costUsd?: number }>;

interface Answered {
  readonly response: Json;
  /** It is kept, and the recipe is told what is wrong with it. */
  readonly problem?: string;
}

/** Set in what is called to pay for an answer. */
const paying = new AsyncLocalStorage<true>();

export class CallMemory {
  readonly #send: (message: FromWorker) => void;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #lifeline: Lifeline;
  #count = 0;

  constructor(send: (message: FromWorker) => void, lifeline: Lifeline) {
    this.#send = send;
    this.#lifeline = lifeline;
  }

  answer(message: Answer): void {
    this.#waiting.get(message.call)?.(message);
    this.#waiting.delete(message.call);
  }

  /** The `call` of a recipe's context; what it pays is added to `spent`, with what it was answered and whether it was refused. */
  functionFor(options: CallOptions) {
    const { spent, secrets, mask } = options;
    return async ({ request, draw = 0, maxUsd }: Asked, send: Send): Promise<Json> => {
      const key = callKey(request, draw); // Throws here, with a stack into the recipe, if the request is not plain JSON.
      const secret = mask === undefined ? undefined : secretIn(request, secrets, mask);
      if (secret !== undefined)
        throw new Error(
          `the request holds the value of the secret ${secret}, and would be kept: use it where it is sent`,
        );
      if (maxUsd !== undefined && !isMoney(maxUsd))
        throw new Error(`maxUsd of a paid call is ${String(maxUsd)}, and not a number of dollars`);
      if (spent.hasEnded === true) throw new Error("the recipe that asks for it has ended");
      const call = this.#count++;
      spent.open.add(call);
      try {
        const found = await this.#find(
          { kind: "find", call, request, draw, maxUsd, isWithin: paying.getStore() },
          options,
        );
        const { response, problem }: Answered = found ?? (await this.#pay(call, send, maxUsd, options));
        spent.calls.add(key);
        if (problem !== undefined) throw new Error(problem);
        return response;
      } finally {
        spent.open.delete(call);
      }
    };
  }

  /** The action has ended: what it still asks for it does not get, and what it still pays for is not waited for for ever. */
  end(spent: Spent): void {
    spent.hasEnded = true;
    for (const of of spent.open) this.#send({ kind: "leave", of });
  }

  /** Undefined: it is to be paid for. */
  async #find(question: Extract<Question, { kind: "find" }>, { spent }: CallOptions): Promise<Answered | undefined> {
    const { found, error: refused, isUnaffordable } = await this.#ask(question);
    if (refused !== undefined) {
      spent[isUnaffordable === true ? "unaffordable" : "refused"] ??= refused;
      throw new Error(refused);
    }
    return found;
  }

  async #pay(of: number, send: Send, maxUsd: number | undefined, options: CallOptions): Promise<Answered> {
    const { spent, mask, signal } = options;
    const { response: whole, costUsd: told = 0 } = await paying
      .run(true, async () => {
        if (spent.hasEnded === true) throw new Error("the recipe that asked for it has ended");
        return send(signal);
      })
      .catch((error: unknown) => {
        this.#send({ kind: "abandon", of });
        throw error;
      });
    const costUsd = isMoney(told) ? told : (maxUsd ?? 0);
    spent.usd += costUsd;
    // The recipe gets what is kept, so that it makes the same of it the next time.
    const response = mask === undefined ? whole : maskStrings(whole, mask);
    const { error } = await this.#ask({ kind: "remember", call: this.#count++, of, response, costUsd });
    if (error !== undefined) throw new Error(`the answer to a paid request could not be kept: ${error}`);
    if (costUsd === told) return { response };
    const problem = `costUsd of a paid answer is ${String(told)}, and not a number of dollars: it is remembered as ${costUsd}`;
    return { response, problem };
  }

  #ask(question: Question): Promise<Answer> {
    this.#lifeline.hold();
    return new Promise<Answer>((resolve) => {
      this.#waiting.set(question.call, resolve);
      this.#send(question);
    }).finally(() => this.#lifeline.release());
  }
}

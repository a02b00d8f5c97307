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
  functionFor({ signal, spent, secrets, mask }: CallOptions) {
    return async (
      { request, draw = 0, maxUsd }: Asked,
      ask: (signal: AbortSignal) => Promise<{ readonly response: Json; readonly costUsd?: number }>,
    ): Promise<Json> => {
      const key = callKey(request, draw); // Throws here, with a stack into the recipe, if the request is not plain JSON.
      const secret = mask === undefined ? undefined : secretIn(request, secrets, mask);
      if (secret !== undefined)
        throw new Error(
          `the request holds the value of the secret ${secret}, and would be kept: use it where it is sent`,
        );
      if (maxUsd !== undefined && !isMoney(maxUsd))
        throw new Error(`maxUsd of a paid call is ${String(maxUsd)}, and not a number of dollars`);
      const isWithin = paying.getStore();
      const answer = await this.#ask((call) => ({ kind: "find", call, request, draw, maxUsd, isWithin }));
      const { found, error: refused } = answer;
      if (refused !== undefined) {
        spent[answer.isUnaffordable === true ? "unaffordable" : "refused"] ??= refused;
        throw new Error(refused);
      }
      if (found !== undefined) {
        spent.calls.add(key);
        return found.response;
      }
      const { response: whole, costUsd: told = 0 } = await paying
        .run(true, async () => ask(signal))
        .catch((error: unknown) => {
          this.#send({ kind: "abandon", request, draw });
          throw error;
        });
      const costUsd = isMoney(told) ? told : (maxUsd ?? 0);
      spent.usd += costUsd;
      // The recipe gets what is kept, so that it makes the same of it the next time.
      const response = mask === undefined ? whole : maskStrings(whole, mask);
      const { error } = await this.#ask((call) => ({ kind: "remember", call, request, draw, response, costUsd }));
      if (error !== undefined) throw new Error(`the answer to a paid request could not be kept: ${error}`);
      spent.calls.add(key);
      if (costUsd !== told)
        throw new Error(
          `costUsd of a paid answer is ${String(told)}, and not a number of dollars: it is remembered as ${costUsd}`,
        );
      return response;
    };
  }

  #ask(question: (call: number) => Question): Promise<Answer> {
    const call = this.#count++;
    this.#lifeline.hold();
    return new Promise<Answer>((resolve) => {
      this.#waiting.set(call, resolve);
      this.#send(question(call));
    }).finally(() => this.#lifeline.release());
  }
}

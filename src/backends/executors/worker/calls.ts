// Paid calls of a recipe: the memory lies with the driver, which is asked before and told after each.

import { maskStrings, secretIn } from "../../../planning/config/mask.ts";
import { callKey } from "../../../planning/fingerprint/call-key.ts";
import type { Digest } from "../../../model/digest.ts";
import type { Json } from "../../../model/json.ts";
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
}

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
      asked: { readonly request: Json; readonly draw?: number },
      ask: (signal: AbortSignal) => Promise<{ readonly response: Json; readonly costUsd?: number }>,
    ): Promise<Json> => {
      const { request, draw = 0 } = asked;
      const key = callKey(request, draw); // Throws here, with a stack into the recipe, if the request is not plain JSON.
      const secret = mask === undefined ? undefined : secretIn(request, secrets, mask);
      if (secret !== undefined)
        throw new Error(
          `the request holds the value of the secret ${secret}, and would be kept: use it where it is sent`,
        );
      const { found, error: refused } = await this.#ask((call) => ({ kind: "find", call, request, draw }));
      if (refused !== undefined) throw new Error((spent.refused = refused));
      if (found !== undefined) {
        spent.calls.add(key);
        return found.response;
      }
      const { response: whole, costUsd = 0 } = await (async () => ask(signal))().catch((error: unknown) => {
        this.#send({ kind: "abandon", request, draw });
        throw error;
      });
      spent.usd += costUsd;
      // The recipe gets what is kept, so that it makes the same of it the next time.
      const response = mask === undefined ? whole : maskStrings(whole, mask);
      const { error } = await this.#ask((call) => ({ kind: "remember", call, request, draw, response, costUsd }));
      if (error !== undefined) throw new Error(`the answer to a paid request could not be kept: ${error}`);
      spent.calls.add(key);
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

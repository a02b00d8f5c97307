// Paid calls of a recipe: the memory lies with the driver, which is asked before and told after each.

import { encode } from "../../../planning/fingerprint/encode.ts";
import type { Json } from "../../../model/json.ts";
import type { Lifeline } from "./lifeline.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

type Question = Extract<FromWorker, { kind: "find" | "remember" }>;
type Answer = Extract<ToWorker, { kind: "answer" }>;

export interface Spent {
  usd: number;
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

  /** The `call` of a recipe's context; what it pays is added to `spent`, and whether it was refused. */
  functionFor(signal: AbortSignal, spent: Spent) {
    return async (
      asked: { readonly request: Json; readonly draw?: number },
      ask: (signal: AbortSignal) => Promise<{ readonly response: Json; readonly costUsd?: number }>,
    ): Promise<Json> => {
      const { request, draw = 0 } = asked;
      encode(request); // Throws here, with a stack into the recipe, if the request is not plain JSON.
      const { found, error: refused } = await this.#ask((call) => ({ kind: "find", call, request, draw }));
      if (refused !== undefined) throw new Error((spent.refused = refused));
      if (found !== undefined) return found.response;
      const { response, costUsd = 0 } = await (async () => ask(signal))().catch((error: unknown) => {
        this.#send({ kind: "abandon", request, draw });
        throw error;
      });
      spent.usd += costUsd;
      const { error } = await this.#ask((call) => ({ kind: "remember", call, request, draw, response, costUsd }));
      if (error !== undefined) throw new Error(`the answer to a paid request could not be kept: ${error}`);
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

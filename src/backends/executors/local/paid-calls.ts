// The paid calls of one worker: its questions go to the desk, and what it had not answered for when it died is free for others.

import type { Json } from "../../../model/json.ts";
import type { CallDesk } from "../executor.ts";
import type { FromWorker, ToWorker } from "../worker/protocol.ts";

export type Question = Extract<FromWorker, { kind: "find" | "remember" | "abandon" }>;

interface OpenCall {
  readonly request: Json;
  readonly draw: number;
}

export class PaidCalls {
  readonly #desk: CallDesk;
  readonly #answer: (message: ToWorker) => void;
  /** Requests that the recipe is paying for, by their text. */
  readonly #open = new Map<string, OpenCall>();
  #isClosed = false;

  constructor(desk: CallDesk, answer: (message: ToWorker) => void) {
    this.#desk = desk;
    this.#answer = answer;
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
        this.#open.delete(textOf(question));
        this.#desk.abandon(question.request, question.draw);
        return;
    }
  }

  /** The worker has ended. */
  close(): void {
    this.#isClosed = true;
    for (const { request, draw } of this.#open.values()) this.#desk.abandon(request, draw);
    this.#open.clear();
  }

  async #find(question: Extract<Question, { kind: "find" }>): Promise<void> {
    const { call, request, draw } = question;
    let found: Awaited<ReturnType<CallDesk["find"]>>;
    try {
      found = await this.#desk.find(request, draw);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return this.#answer({ kind: "answer", call, found: undefined, error: why });
    }
    if (found === undefined) {
      // It may have died while it waited for somebody else's answer.
      if (this.#isClosed) return this.#desk.abandon(request, draw);
      this.#open.set(textOf(question), { request, draw });
    }
    this.#answer({ kind: "answer", call, found });
  }

  async #remember(question: Extract<Question, { kind: "remember" }>): Promise<void> {
    const { call, request, draw } = question;
    this.#open.delete(textOf(question));
    try {
      await this.#desk.remember(request, draw, question);
      this.#answer({ kind: "answer", call, found: undefined });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#answer({ kind: "answer", call, found: undefined, error: why });
    }
  }
}

function textOf({ request, draw }: OpenCall): string {
  return JSON.stringify([request, draw]);
}

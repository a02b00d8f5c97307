// The paid calls of one worker: its questions go to the desk, and what it had not answered for when it died is free for others.

import type { Json } from "../../../model/json.ts";
import { UnaffordableCall, type CallDesk } from "../executor.ts";
import type { FromWorker, ToWorker } from "../worker/protocol.ts";

export type Question = Extract<FromWorker, { kind: "find" | "remember" | "abandon" }>;

/** How long others wait for what a recipe that has ended still pays for. Clients of services give up before; one that never does is not to hold up a build for ever. */
const outlivesMs = 15 * 60_000;

interface OpenCall {
  readonly request: Json;
  readonly draw: number;
  /** Its recipe has ended. */
  isOutliving: boolean;
}

interface Ears {
  readonly answer: (message: ToWorker) => void;
  /** Told when it begins to wait for others, and when it has waited: for an answer that somebody else is paying for, or for money. */
  readonly onWait: (isWaiting: boolean) => void;
}

export class PaidCalls {
  readonly #desk: CallDesk;
  readonly #ears: Ears;
  /** Requests that the recipe is paying for, by their text. */
  readonly #open = new Map<string, OpenCall>();
  /** Aborted when who asked has ended. Made when somebody asks: most recipes pay for nothing, and to abort takes longer than a small recipe. */
  #asker: AbortController | undefined;
  #asking = 0;
  #isWaiting = false;

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
        this.#abandon(textOf(question));
        return;
    }
  }

  /** Its recipe has ended: for that nothing is paid any more, and others wait for what it still pays for only so long. */
  endOrder(): void {
    this.#asker?.abort();
    this.#asker = undefined;
    for (const [text, open] of this.#open) {
      if (open.isOutliving) continue;
      open.isOutliving = true;
      this.#desk.writeOff(open.request, open.draw);
      setTimeout(() => {
        if (this.#open.get(text) === open) this.#abandon(text);
      }, outlivesMs).unref();
    }
  }

  /** The worker has ended. */
  close(): void {
    this.#asker?.abort();
    for (const text of [...this.#open.keys()]) this.#abandon(text);
  }

  /** Unless it was before: meanwhile somebody else may pay for the same. */
  #abandon(text: string): void {
    const open = this.#open.get(text);
    if (open === undefined) return;
    this.#open.delete(text);
    this.#look();
    this.#desk.abandon(open.request, open.draw);
  }

  async #find(question: Extract<Question, { kind: "find" }>): Promise<void> {
    const { call, request, draw, maxUsd, isWithin } = question;
    const { signal } = (this.#asker ??= new AbortController());
    let found: Awaited<ReturnType<CallDesk["find"]>>;
    this.#asking += 1;
    this.#look();
    try {
      found = await this.#desk.find(request, draw, { maxUsd, isWithin, signal });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const money = error instanceof UnaffordableCall ? { isUnaffordable: true as const } : {};
      return this.#ears.answer({ kind: "answer", call, found: undefined, error: why, ...money });
    } finally {
      this.#asking -= 1;
      this.#look();
    }
    if (found === undefined) {
      // Its recipe may have ended, or its worker, while it waited for somebody else's answer.
      if (signal.aborted) {
        this.#desk.abandon(request, draw);
        return this.#ears.answer({ kind: "answer", call, found, error: "the recipe that asked for it has ended" });
      }
      this.#open.set(textOf(question), { request, draw, isOutliving: false });
      this.#look();
    }
    this.#ears.answer({ kind: "answer", call, found });
  }

  async #remember(question: Extract<Question, { kind: "remember" }>): Promise<void> {
    const { call, request, draw } = question;
    this.#open.delete(textOf(question));
    this.#look();
    try {
      await this.#desk.remember(request, draw, question);
      this.#ears.answer({ kind: "answer", call, found: undefined });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#ears.answer({ kind: "answer", call, found: undefined, error: why });
    }
  }

  /** Who pays for something himself does not only wait: what others wait for may be his. */
  #look(): void {
    const isWaiting = this.#asking > 0 && [...this.#open.values()].every(({ isOutliving }) => isOutliving);
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#ears.onWait(isWaiting);
  }
}

function textOf({ request, draw }: Pick<OpenCall, "request" | "draw">): string {
  return JSON.stringify([request, draw]);
}

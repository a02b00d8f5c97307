// Memory for paid calls, shared by all runs of the project: the digest of the full request and its draw index → the answer.
// Part of the archive: it cost money, so it is durable before anybody is told, and roots itself against collection.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Budget } from "../backends/executors/budget.ts";
import {
  unpaidCall,
  type CallDesk,
  type CallTerms,
  type FoundCall,
  type Payment,
} from "../backends/executors/executor.ts";
import type { Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import { callKey } from "../planning/fingerprint/call-key.ts";
import { AppendLog, LogTail } from "../util/append-log.ts";
import { isMissing } from "../util/fs.ts";
import { processTag } from "../util/host.ts";
import { CallMoney, type CallMoneyOptions, type Purse } from "./call-money.ts";

export interface CallLine {
  readonly k: Digest;
  readonly request: Json;
  readonly draw: number;
  readonly response: Json;
  readonly costUsd: number;
  readonly at: number;
}

/** What calls have cost since says what others may cost. */
const lateMs = 30 * 86_400_000;
/**
 * How long others wait for what is still paid for by who has ended. Clients of services mostly give up before; one that never does is not to hold up a
 * build for ever.
 */
const outlivesMs = 15 * 60_000;

interface Called {
  readonly key: Digest;
  readonly request: Json;
  readonly draw: number;
}

/** Somebody pays for a request now. */
interface Asked {
  readonly ended: Promise<void>;
  readonly end: () => void;
}

export class Calls implements CallDesk {
  readonly #folder: string;
  readonly #log: AppendLog<CallLine>;
  readonly #now: () => number;
  /** Answers from before this time are not used: `clean --calls` hides them from a run and deletes none. */
  readonly #notBefore: number;
  readonly #mayPay: boolean;
  readonly #money: CallMoney;
  readonly #known = new Map<Digest, CallLine>();
  readonly #tails = new Map<string, LogTail<CallLine>>();
  /** Requests that somebody of this build is paying for now. */
  readonly #asked = new Map<Digest, Asked>();

  constructor(
    folder: string,
    options: {
      readonly now: () => number;
      readonly notBefore: number;
      /** True if not said. Otherwise what is not remembered is refused. */
      readonly mayPay?: boolean;
      /** Of the file for what is paid here, without its ending; if not said, one that nobody else has. */
      readonly logName?: string;
      /** What may be spent, and whose money it is; if not said, there is no limit. */
      readonly money?: CallMoneyOptions;
    },
  ) {
    this.#folder = folder;
    this.#mayPay = options.mayPay ?? true;
    this.#money = new CallMoney(options.money ?? { budget: new Budget(), spender: "the build", warn: () => undefined });
    this.#now = options.now;
    this.#notBefore = options.notBefore;
    // A file of its own for each build, whatever host or container it runs on: no lock, and a torn line can only be the last.
    const name = options.logName ?? `${processTag()}-${randomBytes(4).toString("hex")}`;
    this.#log = new AppendLog(join(folder, `${name}.jsonl`));
  }

  async find(request: Json, draw: number, terms: CallTerms = {}): Promise<FoundCall> {
    const key = callKey(request, draw);
    for (;;) {
      const line = this.#known.get(key) ?? this.#readNews().get(key);
      if (line !== undefined) return { response: line.response };
      const asked = this.#asked.get(key);
      if (asked === undefined) {
        if (!this.#mayPay) throw new Error(unpaidCall(key, request, draw));
        const payment = await this.#takeOver({ key, request, draw }, terms);
        if (payment !== undefined) return { payment };
      }
      // Somebody here is paying for it: wait for the answer, or for the failure that makes it our turn.
      else await endedOr(asked.ended, terms.signal);
    }
  }

  /** From now on the asker is the one who pays for it; he has the money. Undefined: another build has paid for it while this one waited for money. */
  async #takeOver(call: Called, terms: CallTerms): Promise<Payment | undefined> {
    let end!: () => void;
    const asked: Asked = { ended: new Promise((resolve) => (end = resolve)), end: () => end() };
    this.#asked.set(call.key, asked);
    try {
      const { purse, hasWaited } = await this.#money.setAside(terms);
      const payment = this.#paymentOf(call, purse, asked);
      if (!hasWaited || !this.#readNews().has(call.key)) return payment;
      payment.abandon();
      return undefined;
    } catch (error) {
      this.#giveUp(call.key, asked);
      throw error;
    }
  }

  /** It touches its own money, and what others wait for only as long as that is this one. */
  #paymentOf({ key, request, draw }: Called, purse: Purse, asked: Asked): Payment {
    let timer: NodeJS.Timeout | undefined;
    const giveUp = () => {
      clearTimeout(timer);
      this.#giveUp(key, asked);
    };
    return {
      remember: async ({ response, costUsd }) => {
        const line: CallLine = { k: key, request, draw, response, costUsd, at: this.#now() };
        // It is spent, whether the answer can be kept or not.
        purse.settle(costUsd);
        try {
          this.#log.append(line);
          await this.#log.commit();
          this.#take(line);
        } finally {
          giveUp();
        }
      },
      abandon: () => {
        purse.free();
        giveUp();
      },
      writeOff: () => {
        purse.writeOff();
        timer ??= setTimeout(giveUp, outlivesMs).unref();
      },
    };
  }

  /** Answers that were paid for elsewhere. Durable when it returns. */
  async keep(calls: readonly Omit<CallLine, "k">[]): Promise<void> {
    const known = this.#readNews();
    for (const { request, draw, response, costUsd, at } of calls) {
      const line: CallLine = { k: callKey(request, draw), request, draw, response, costUsd, at };
      if (known.get(line.k)?.at === at) continue;
      this.#log.append(line);
      this.#take(line);
    }
    await this.#log.commit();
  }

  #giveUp(key: Digest, asked: Asked): void {
    asked.end();
    if (this.#asked.get(key) === asked) this.#asked.delete(key);
  }

  close(): void {
    this.#log.close();
  }

  /** What this and other processes have written since the last look. */
  #readNews(): ReadonlyMap<Digest, CallLine> {
    for (const name of callFiles(this.#folder)) {
      let tail = this.#tails.get(name);
      if (tail === undefined) this.#tails.set(name, (tail = new LogTail(join(this.#folder, name))));
      for (const line of tail.read()) this.#take(line);
    }
    return this.#known;
  }

  /** The earliest answer stays: results that rest on it are replayed with it. */
  #take(line: CallLine): void {
    if (line.at >= this.#now() - lateMs) this.#money.saw(line.costUsd);
    if (line.at < this.#notBefore) return;
    const known = this.#known.get(line.k);
    if (known === undefined || line.at < known.at) this.#known.set(line.k, line);
  }
}

/** Rejects with the signal's reason when that is aborted first. */
async function endedOr(ended: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return ended;
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = once(signal, "abort", { signal: settled.signal }).catch(() => undefined);
  await Promise.race([ended, aborted]);
  settled.abort();
  signal.throwIfAborted();
}

/** The logs of paid calls. */
export function callFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".jsonl"))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

// Memory for paid calls, shared by all runs of the project: the digest of the full request and its draw index → the answer.
// Part of the archive: it cost money, so it is durable before anybody is told, and roots itself against collection.

import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { CallDesk } from "../backends/executors/executor.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import { encode } from "../planning/fingerprint/encode.ts";
import { AppendLog, readLog } from "../util/append-log.ts";
import { isMissing } from "../util/fs.ts";

export interface CallLine {
  readonly k: Digest;
  readonly request: Json;
  readonly draw: number;
  readonly response: Json;
  readonly costUsd: number;
  readonly at: number;
}

export function callKey(request: Json, draw: number): Digest {
  return digestOfBytes(`call ${draw} ${encode(request)}`);
}

export class Calls implements CallDesk {
  readonly #folder: string;
  readonly #log: AppendLog<CallLine>;
  readonly #now: () => number;
  /** Answers from before this time are not used: `clean --calls` hides them from a run and deletes none. */
  readonly #notBefore: number;
  #known: Map<Digest, CallLine> | undefined;

  constructor(folder: string, options: { readonly now: () => number; readonly notBefore: number }) {
    this.#folder = folder;
    this.#now = options.now;
    this.#notBefore = options.notBefore;
    // A file for each process: no lock, and a torn line can only be the last.
    this.#log = new AppendLog(join(folder, `${digestOfBytes(hostname()).slice(0, 8)}-${process.pid}-${options.now().toString(36)}.jsonl`));
  }

  find(request: Json, draw: number): { readonly response: Json } | undefined {
    const line = this.#load().get(callKey(request, draw));
    return line === undefined ? undefined : { response: line.response };
  }

  async remember(request: Json, draw: number, answer: { readonly response: Json; readonly costUsd: number }): Promise<void> {
    const line: CallLine = { k: callKey(request, draw), request, draw, response: answer.response, costUsd: answer.costUsd, at: this.#now() };
    this.#load().set(line.k, line);
    this.#log.append(line);
    await this.#log.commit();
  }

  close(): void {
    this.#log.close();
  }

  #load(): Map<Digest, CallLine> {
    if (this.#known !== undefined) return this.#known;
    const known = new Map<Digest, CallLine>();
    for (const name of filesOf(this.#folder)) {
      for (const line of readLog<CallLine>(join(this.#folder, name)).lines) if (line.at >= this.#notBefore) known.set(line.k, line);
    }
    return (this.#known = known);
  }
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".jsonl")).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

// Where an action's output goes: its own log file, made when there is something to write, with secrets masked line by line.

import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";

export type Mask = (text: string) => string;

/** A line that never ends is written in pieces of this size; a secret across two of them would be a line of a megabyte. */
const longestLine = 1 << 20;

export class ActionLog {
  readonly #file: string;
  readonly #mask: Mask | undefined;
  #rest = "";
  #isMade = false;

  /** Without secrets to mask, bytes are written as they come. */
  constructor(file: string, mask: Mask | undefined) {
    this.#file = file;
    this.#mask = mask;
  }

  /** An earlier try's or build's output goes away. */
  clear(): void {
    rmSync(this.#file, { force: true });
  }

  write(piece: string | Uint8Array): void {
    if (this.#mask === undefined) return this.#append(piece);
    this.#rest += typeof piece === "string" ? piece : Buffer.from(piece).toString("utf8");
    const end = this.#rest.lastIndexOf("\n") + 1;
    if (end === 0 && this.#rest.length < longestLine) return;
    const whole = end === 0 ? this.#rest : this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(whole.length);
    this.#append(this.#mask(whole));
  }

  close(): void {
    if (this.#rest !== "") this.#append(this.#mask!(this.#rest));
    this.#rest = "";
  }

  #append(piece: string | Uint8Array): void {
    if (!this.#isMade) mkdirSync(dirname(this.#file), { recursive: true });
    this.#isMade = true;
    appendFileSync(this.#file, piece);
  }
}

let current: ActionLog | undefined;

/** From now on everything that the process prints goes to `log`; undefined: to nobody. */
export function logTo(log: ActionLog | undefined): void {
  current?.close();
  current = log;
}

/** Takes over the standard streams of this process. */
export function captureOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (piece: string | Uint8Array, encoding?: unknown, done?: () => void) => {
      current?.write(piece);
      if (typeof encoding === "function") (encoding as () => void)();
      else done?.();
      return true;
    };
  }
}

// Where an action's output goes: its own log file, made when there is something to write, with secrets masked line by line.

import { appendFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { StringDecoder } from "node:string_decoder";

export type Mask = (text: string) => string;

/** A line that never ends is written in pieces of about this size. */
const longestLine = 1 << 20;
/** No secret is as long as this. */
const reach = 1 << 16;

export type StreamName = "stdout" | "stderr";

export class ActionLog {
  readonly #file: string;
  readonly #mask: Mask | undefined;
  /** Of each stream what waits for the end of its line: a program may write to both in turns. */
  readonly #lines = { stdout: new Line(), stderr: new Line() };
  #isMade = false;

  /** Without secrets to mask, bytes are written as they come. */
  constructor(file: string, mask: Mask | undefined) {
    this.#file = file;
    this.#mask = mask;
  }

  /** An earlier try's or build's output goes away. */
  clear(): void {
    if (existsSync(this.#file)) rmSync(this.#file, { force: true });
  }

  write(piece: string | Uint8Array, stream: StreamName): void {
    if (this.#mask === undefined) return this.#append(piece);
    const text = this.#lines[stream].take(piece, this.#mask);
    if (text !== "") this.#append(this.#mask(text));
  }

  close(): void {
    for (const line of Object.values(this.#lines)) {
      const text = line.end();
      if (text !== "") this.#append(this.#mask!(text));
    }
  }

  #append(piece: string | Uint8Array): void {
    if (!this.#isMade) mkdirSync(dirname(this.#file), { recursive: true });
    this.#isMade = true;
    appendFileSync(this.#file, piece);
  }
}

/** The line that a stream is at, whose letters of several bytes may come in pieces. */
class Line {
  readonly #decoder = new StringDecoder("utf8");
  #text = "";

  /** Takes a piece in; what can be written now, in which no secret is cut in two. */
  take(piece: string | Uint8Array, mask: Mask): string {
    const more = typeof piece === "string" ? piece : this.#decoder.write(Buffer.from(piece));
    const lineBreak = more.lastIndexOf("\n") + 1;
    const before = this.#text.length;
    this.#text += more;
    if (lineBreak > 0) return this.#cut(before + lineBreak);
    return this.#text.length < longestLine ? "" : this.#cut(cutBetweenSecrets(this.#text, mask));
  }

  end(): string {
    this.#text += this.#decoder.end();
    return this.#cut(this.#text.length);
  }

  #cut(at: number): string {
    const text = this.#text.slice(0, at);
    this.#text = this.#text.slice(at);
    return text;
  }
}

/** About the middle of a long line; not its end, where a secret may have begun that has not come whole yet. */
function cutBetweenSecrets(line: string, mask: Mask): number {
  for (let at = line.length >> 1; at > reach; at--) {
    const [before, after] = [line.slice(at - reach, at), line.slice(at, at + reach)];
    if (mask(before) + mask(after) === mask(before + after)) return at;
  }
  return 0;
}

let current: ActionLog | undefined;

/** From now on everything that the process prints goes to `log`; undefined: to nobody. */
export function logTo(log: ActionLog | undefined): void {
  current?.close();
  current = log;
}

/** Takes over the standard streams of this process. */
export function captureOutput(): void {
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (piece: string | Uint8Array, encoding?: unknown, done?: () => void) => {
      current?.write(piece, name);
      if (typeof encoding === "function") (encoding as () => void)();
      else done?.();
      return true;
    };
  }
}

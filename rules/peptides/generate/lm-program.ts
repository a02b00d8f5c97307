/**
 * The program that holds a language model: started when it is asked, kept while it is of use, ended by itself soon after.
 * Its files are text of this module, so they are code like any other: an edit of them counts, and they run wherever this does.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import init from "./peptide_lm/__init__.py";
import main from "./peptide_lm/__main__.py";
import chain from "./peptide_lm/chain.py";
import choose from "./peptide_lm/choose.py";
import contract from "./peptide_lm/contract.py";
import drawn from "./peptide_lm/drawn.py";
import file from "./peptide_lm/file.py";
import hub from "./peptide_lm/hub.py";
import masked from "./peptide_lm/masked.py";
import models from "./peptide_lm/models.py";
import parts from "./peptide_lm/parts.py";
import place from "./peptide_lm/place.py";
import symbols from "./peptide_lm/symbols.py";
import type { ModelRun } from "../generate.ts";

/** As peptide_lm/contract.py reads it. */
export interface LmRequest {
  readonly family: string;
  readonly model: string;
  readonly items: readonly { readonly id: string; readonly seed: string; readonly index: number }[];
  readonly [field: string]: unknown;
}

export interface LmDraw {
  readonly kind: "draw";
  readonly id: string;
  readonly seed: string;
  readonly sequence: string;
  readonly logprob: number;
  readonly ppl: number | null;
  readonly truncated: boolean;
  readonly excluded: number;
}

export interface LmManifest extends ModelRun {
  readonly kind: "manifest";
  readonly load_ms: number;
  readonly wall_ms: number;
}

export interface LmAnswer {
  readonly draws: readonly LmDraw[];
  readonly manifest: LmManifest;
}

type Line = LmDraw | LmManifest | { readonly kind: "error"; readonly message: string };

/** Between two batches of an arm lie milliseconds. After this it makes room: for the next arm's model, or for others' work. */
const idleMs = 5_000;
/** Of what it said last, for the message when it ends. */
const lastWordsLength = 2_000;

const files: Readonly<Record<string, string>> = {
  ...{
    __init__: init,
    __main__: main,
    chain,
    choose,
    contract,
    drawn,
    file,
    hub,
    masked,
    models,
    parts,
    place,
    symbols,
  },
};

export class LmProgram {
  #process: Conversation | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** One request at a time. Throws what the program says is wrong, or how it ended. */
  async ask(request: LmRequest): Promise<LmAnswer> {
    clearTimeout(this.#idle);
    if (this.#process?.hasEnded !== false) this.#process = new Conversation();
    const conversation = this.#process;
    try {
      return await conversation.ask(request);
    } finally {
      // It must not keep the worker from its next order, nor the worker it.
      this.#idle = setTimeout(() => conversation.end(), idleMs).unref();
    }
  }
}

/** One process, from its start to its end. */
class Conversation {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #text = "";
  #lastWords = "";
  #lines: Line[] = [];
  #answer: { readonly resolve: (answer: LmAnswer) => void; readonly reject: (error: Error) => void } | undefined;
  #hasEnded = false;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), "peptide-lm-"));
    mkdirSync(join(folder, "peptide_lm"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "peptide_lm", `${name}.py`), text);
    // Unbuffered, so that its last words are heard; without byte code, which nobody would use again.
    this.#child = spawn("python3", ["-u", "-B", "-m", "peptide_lm"], { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdout.setEncoding("utf8").on("data", (piece: string) => this.#hear(piece));
    this.#child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      this.#lastWords = (this.#lastWords + piece).slice(-lastWordsLength);
      process.stderr.write(piece);
    });
    // Its end tells more than a pipe that broke.
    this.#child.stdin.on("error", () => undefined);
    this.#child.on("error", (error) => this.#finish(`could not be started: ${error.message}`, false));
    this.#child.on("close", (status, signal) =>
      this.#finish(signal === null ? `ended with exit code ${status}` : `was ended by ${signal}`, signal !== null),
    );
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  ask(request: LmRequest): Promise<LmAnswer> {
    this.#lines = [];
    return new Promise<LmAnswer>((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#hold();
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    }).finally(() => this.#release());
  }

  end(): void {
    this.#hasEnded = true;
    this.#child.stdin.end();
  }

  #hear(piece: string): void {
    const lines = (this.#text + piece).split("\n");
    this.#text = lines.pop()!;
    for (const text of lines) {
      const line = JSON.parse(text) as Line;
      this.#lines.push(line);
      if (line.kind === "error") this.#answer?.reject(new Error(line.message));
      else if (line.kind === "manifest")
        this.#answer?.resolve({ draws: this.#lines.filter((one) => one.kind === "draw"), manifest: line });
    }
  }

  #finish(how: string, mayPass: boolean): void {
    this.#hasEnded = true;
    const words = this.#lastWords.trim();
    const message = `the program of the language model ${how}${words === "" ? "" : `. It said last:\n${words}`}`;
    // Somebody ended it: for want of memory, say.
    this.#answer?.reject(Object.assign(new Error(message), { retryable: mayPass }));
  }

  /** While an answer is waited for, it keeps the worker alive; between requests the worker owes it nothing. */
  #hold(): void {
    for (const handle of this.#handles) handle.ref();
  }

  #release(): void {
    this.#answer = undefined;
    for (const handle of this.#handles) handle.unref();
  }

  get #handles(): readonly { ref(): void; unref(): void }[] {
    const { stdin, stdout, stderr } = this.#child;
    // Pipes are sockets, which the types do not say.
    return [this.#child, ...([stdin, stdout, stderr] as unknown as { ref(): void; unref(): void }[])];
  }
}

// A Python that has torch, where there is one: the first on the PATH, or Debian's.

import { execFileSync, spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { repository } from "../../rig.ts";

/** What names of skipped tests say. */
export const needsTorch = "needs torch: sudo apt-get install --no-install-recommends python3-torch";

/** The folder whose python3 has torch. */
export const pythonFolder = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"].find(
  (folder) => folder !== "" && spawnSync(join(folder, "python3"), ["-c", "import torch"]).status === 0,
);
export const pathWithTorch = `${pythonFolder}${delimiter}${process.env.PATH}`;

const here = join(repository, "test/peptides/lm");
export const standIn = join(here, "stand-in");
/** Shadows a transformers that is installed. */
export const noTransformers = join(here, "no-transformers");

/** A new folder with the models of make_models.py, to be removed by who asks. */
export function makeModels(): string {
  const folder = mkdtempSync(join(tmpdir(), "lm-models-"));
  execFileSync(join(pythonFolder!, "python3"), ["-B", join(here, "make_models.py"), folder]);
  return folder;
}

export interface Draw {
  readonly kind: "draw";
  readonly id: string;
  readonly index: number;
  readonly seed: string;
  readonly sequence: string;
  readonly logprob: number;
  readonly ppl: number;
  readonly truncated: boolean;
  readonly excluded: number;
  readonly model: string;
  readonly revision: string;
  readonly wall_ms: number;
}
export type Line = Draw | { readonly kind: "manifest" | "error"; readonly [field: string]: unknown };

export interface Said {
  readonly draws: readonly Draw[];
  readonly lines: readonly Line[];
  /** Messages of the requests that were refused. */
  readonly errors: readonly unknown[];
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** A sampler that runs on, as a driver keeps it: starting one takes a second. */
export class Sampler {
  readonly #child: ChildProcessWithoutNullStreams;
  #stdout = "";
  #stderr = "";
  #heard = () => undefined as void;
  #isClosed = false;

  constructor(environment: Record<string, string> = {}) {
    this.#child = spawn(join(pythonFolder!, "python3"), ["-u", "-B", "-m", "peptide_lm"], {
      cwd: join(repository, "rules/peptides/generate"),
      env: { PATH: pathWithTorch, ...environment },
    });
    this.#child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      this.#stdout += piece;
      this.#heard();
    });
    this.#child.stderr.setEncoding("utf8").on("data", (piece: string) => (this.#stderr += piece));
    this.#child.once("close", () => {
      this.#isClosed = true;
      this.#heard();
    });
  }

  /** Each request is answered by draws and a manifest, or by an error. */
  async ask(requests: readonly (object | string)[]): Promise<Said> {
    this.#stdout = "";
    const isAnswered = () => [...this.#stdout.matchAll(/"kind": "(manifest|error)".*\n/g)].length === requests.length;
    const answered = new Promise<void>((resolve, reject) => {
      this.#heard = () => {
        if (isAnswered()) resolve();
        else if (this.#isClosed) reject(new Error(`it ended:\n${this.#stderr}`));
      };
    });
    for (const one of requests) this.#child.stdin.write(`${typeof one === "string" ? one : JSON.stringify(one)}\n`);
    await answered;
    return this.#said();
  }

  /** Ends it; what it has said until then, on its standard error too. */
  async end(): Promise<Said> {
    if (this.#isClosed) return this.#said();
    const closed = once(this.#child, "close");
    this.#child.stdin.end();
    await closed;
    return this.#said();
  }

  #said(): Said {
    const lines = this.#stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
    return {
      draws: lines.filter((line) => line.kind === "draw"),
      lines,
      errors: lines.filter(({ kind }) => kind === "error").map((line) => (line as { message?: unknown }).message),
      manifest: lines.findLast(({ kind }) => kind === "manifest") as Said["manifest"],
      stderr: this.#stderr,
    };
  }
}

/** As a person would run it: requests in, lines out. */
export async function sample(requests: readonly object[], environment: Record<string, string> = {}): Promise<Said> {
  const sampler = new Sampler(environment);
  await sampler.ask(requests);
  return sampler.end();
}

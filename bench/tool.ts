// A tool in the benchmark: how it is told what to build, and how it is run as its manual says is fastest.

import type { Workload } from "./workload.ts";

export interface Tool {
  readonly name: string;
  /** Its version; undefined: it is not on this machine, for the reason that `missing` gives. */
  readonly version: string | undefined;
  readonly missing?: string;
  /** The largest workload that it is given: beyond it, one build takes minutes. */
  readonly most: number;
  /** Writes its own files into a folder that holds the sources. */
  readonly prepare: (folder: string, workload: Workload) => void;
  readonly build: Command;
  /** What would be built, without building. */
  readonly plan?: Command;
  /** Where it keeps what it has made: outputs, and all else that would make a second build quicker. */
  readonly outputs: readonly string[];
  readonly memory: readonly string[];
  /** It keeps what it made apart from the outputs, and gives it back when they are gone. */
  readonly restores: boolean;
  /** Outputs and all that it remembers of them, where it keeps results apart from both and gives them to whoever asks for the same. */
  readonly run?: readonly string[];
  /** A file of the project whose edit is seen by what `build` does: where a target's source lies. */
  readonly sourceAt?: (source: string, workload: Workload) => string;
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

// A run's folder: run.yaml says where every stage stands, which config it came from and with which overrides; history.jsonl lists its builds.
// A view for people and programs: the trace is what decides.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify, YAMLError } from "yaml";
import type { Digest } from "../model/digest.ts";
import { FailureError, inputFailure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import { readLog, AppendLog } from "../util/append-log.ts";
import { isMissing, readTextIfThere, writeAtomic } from "../util/fs.ts";

export const runFormat = 1;

export interface StageState {
  readonly status: "done" | "failed" | "waiting" | "skipped" | "interrupted" | "cleaned";
  /** Core key of the result on which the outputs stand. */
  readonly key?: string;
  /** When it was computed, ISO 8601, UTC. */
  readonly at?: string;
  readonly took_ms?: number;
  readonly cost_usd?: number;
  readonly executor?: string;
  readonly items?: number;
  readonly computed?: number;
  readonly cached?: number;
  readonly fresh?: number;
  readonly build?: number;
  /** Why it was made the last time that something was done. */
  readonly reason?: string;
  readonly waits_for?: readonly string[];
  readonly failure?: string;
  /** Its key changed, and somebody said that it does not matter. */
  /** Another run's result, taken as given: `old@3:generate`. */
  readonly from?: string;
  readonly accepted?: { readonly at: string; readonly by: string; readonly because: string } | undefined;
  /** Slot → digest. */
  readonly outputs?: Readonly<Record<string, string>>;
}

/** What a run follows: each build reads the source again. */
export interface FollowedConfig {
  readonly source: string;
  readonly overrides: readonly string[];
  /** Stages of other runs that are taken as given: `old@3:generate`. */
  readonly from?: readonly string[];
}

export interface RunState {
  readonly format: typeof runFormat;
  readonly run: string;
  readonly experiment: string;
  readonly created: string;
  /** How many builds changed something: `run@n`. */
  readonly builds: number;
  readonly config: FollowedConfig;
  readonly notes?: JsonObject;
  readonly targets: Readonly<Record<string, StageState>>;
}

export interface HistoryEntry {
  readonly build: number;
  readonly at: string;
  readonly took_ms: number;
  readonly outcome: string;
  readonly command: readonly string[];
  readonly config: FollowedConfig;
  /** The resolved config as it was, a blob of the archive. Builds of early versions have none. */
  readonly resolved?: Digest;
  readonly exp: string;
  readonly node: string;
  readonly by: string;
  /** Targets that were made or fetched, with why and the key. */
  readonly changed: Readonly<Record<string, Change>>;
}

export interface Change {
  /** `computed`, `cached` or `failed`. */
  readonly origin: string;
  readonly key: string;
  /** Why it was made; of what failed, the failure. */
  readonly reason: string;
  /** Of what failed: why it was tried. */
  readonly because?: string;
}

export class RunFolder {
  readonly id: string;
  readonly folder: string;

  constructor(runsFolder: string, id: string) {
    this.id = id;
    this.folder = join(runsFolder, id);
  }

  get stateFile(): string {
    return join(this.folder, "run.yaml");
  }
  get configFile(): string {
    return join(this.folder, "config.yaml");
  }
  get traceFile(): string {
    return join(this.folder, "trace", "trace.jsonl");
  }
  get logsFolder(): string {
    return join(this.folder, "logs");
  }

  /** A record that is gone or damaged is made from the history, which knows config and overrides too; `onRecovered` is told why. */
  load(onRecovered: (why: string) => void = () => {}): RunState | undefined {
    const text = readTextIfThere(this.stateFile);
    const state = text === undefined ? undefined : parseState(text);
    if (state === undefined) {
      const recovered = this.#fromHistory();
      if (recovered !== undefined) onRecovered(text === undefined ? "is gone" : "cannot be read");
      else if (text !== undefined)
        throw new UnreadableRun(
          this.stateFile,
          "it is not the record of a run. Delete it, and the run starts from its config",
        );
      return recovered;
    }
    if (state.format > runFormat)
      throw new UnreadableRun(
        this.stateFile,
        `it was written by a newer exp (format ${state.format}, this one reads ${runFormat}): update exp`,
      );
    return state;
  }

  #fromHistory(): RunState | undefined {
    const history = this.history().filter((entry) => typeof entry.config?.source === "string");
    const [first, last] = [history[0], history.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const { config, build } = last;
    return { format: runFormat, run: this.id, experiment: "", created: first.at, builds: build, config, targets: {} };
  }

  save(state: RunState): void {
    const text = stringify(state, { lineWidth: 0 });
    if (readTextIfThere(this.stateFile) !== text) writeAtomic(this.stateFile, text);
  }

  /** The builds whose lines can be read. */
  history(): readonly HistoryEntry[] {
    return this.#readHistory().entries;
  }

  /** What is wrong with the history, in words, if anything. It is only ever appended to, so that somebody may still mend it. */
  historyDamage(): string | undefined {
    const { damaged } = this.#readHistory();
    if (damaged === 0) return undefined;
    const lines = damaged === 1 ? "a line" : `${damaged} lines`;
    return `${join("runs", this.id, "history.jsonl")}: ${lines} cannot be read; builds that only ${damaged === 1 ? "it" : "they"} told of are not known. The file is left as it is`;
  }

  #readHistory(): { readonly entries: readonly HistoryEntry[]; readonly damaged: number } {
    const { lines, torn } = readLog<Partial<HistoryEntry>>(join(this.folder, "history.jsonl"));
    const entries = lines.filter(isEntry);
    return { entries, damaged: torn + lines.length - entries.length };
  }

  addToHistory(entry: HistoryEntry): void {
    const log = new AppendLog<HistoryEntry>(join(this.folder, "history.jsonl"));
    log.append(entry);
    log.close();
  }
}

function isEntry(line: Partial<HistoryEntry>): line is HistoryEntry {
  const { build, at, took_ms, changed } = line;
  const isNamed = typeof build === "number" && typeof at === "string" && typeof took_ms === "number";
  return isNamed && typeof changed === "object" && changed !== null;
}

/** Undefined: not the record of a run, or torn. */
function parseState(text: string): RunState | undefined {
  let state: Partial<RunState> | null;
  try {
    state = parse(text) as Partial<RunState> | null;
  } catch (error) {
    if (error instanceof YAMLError) return undefined;
    throw error;
  }
  if (typeof state !== "object" || typeof state?.format !== "number") return undefined;
  if (state.format > runFormat) return state as RunState; // Another shape, which the caller refuses.
  const isWhole =
    typeof state.config?.source === "string" && typeof state.targets === "object" && state.targets !== null;
  return isWhole && Array.isArray(state.config?.overrides) ? (state as RunState) : undefined;
}

export class UnreadableRun extends FailureError {
  constructor(file: string, why: string) {
    super([inputFailure(`${file} cannot be read: ${why}`, { where: { file } })]);
  }
}

/** The ids of all runs, sorted. */
export function listRuns(runsFolder: string): string[] {
  try {
    return readdirSync(runsFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** What is wrong with a run's name, if anything: it becomes a folder. */
export function runNameProblem(id: string): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id))
    return "use letters, digits, ., - and _, beginning with a letter or digit";
  return id.length > 200 ? "it is longer than 200 characters" : undefined;
}

// A run's folder: run.yaml says where every stage stands, which config it came from and with which overrides; history.jsonl lists its builds.
// A view for people and programs: the trace is what decides.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify, YAMLError } from "yaml";
import type { Digest } from "../model/digest.ts";
import { FailureError, inputFailure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import { readLog, AppendLog } from "../util/append-log.ts";
import { isMissing, readIfThere, writeAtomic } from "../util/fs.ts";
import { statOf, statText, type StatText } from "../util/stat.ts";
import { Stages, type StageState } from "./stages.ts";

export const runFormat = 1;

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
  readonly targets: Stages;
}

/** As `exp runs show --json` gives it. */
export type RunStateJson = Omit<RunState, "targets"> & { readonly targets: Readonly<Record<string, StageState>> };

export interface HistoryEntry {
  readonly build: number;
  readonly at: string;
  readonly took_ms: number;
  readonly outcome: string;
  /** What it cost, and what it might have spent, if there was a limit. Builds of early versions say neither. */
  readonly cost_usd?: number;
  readonly max_usd?: number;
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
  /** `computed`, `cached`, `failed` or `unaffordable`. */
  readonly origin: string;
  readonly key: string;
  /** Why it was made; of what failed, the failure; of what was not paid for, that. */
  readonly reason: string;
  /** Of what failed or was not paid for: why it was tried. */
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

  /** Whoever writes the record gives it another inode. Undefined: there is none. */
  recordStat(): StatText | undefined {
    const stat = statOf(this.stateFile);
    return stat === undefined ? undefined : statText(stat);
  }

  /**
   * A record that is gone or damaged is made from the history, which knows config and overrides too; `onRecovered` is told why. `isAsWritten`: nobody has
   * touched it since this program wrote it, so that its stages need not be read before somebody asks for one.
   */
  load(onRecovered: (why: string) => void = () => {}, isAsWritten = false): RunState | undefined {
    const bytes = readIfThere(this.stateFile);
    const state = bytes === undefined ? undefined : parseState(bytes, isAsWritten);
    if (state === undefined) {
      const recovered = this.#fromHistory();
      if (recovered !== undefined) onRecovered(bytes === undefined ? "is gone" : "cannot be read");
      else if (bytes !== undefined)
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
    return {
      format: runFormat,
      run: this.id,
      experiment: "",
      created: first.at,
      builds: build,
      config,
      targets: Stages.of({}),
    };
  }

  /** Not where it says so already, unless it is known to be `other`. */
  save(state: RunState, isOther = false): void {
    const { targets, ...head } = state;
    const pieces = [Buffer.from(`${stringify(head, { lineWidth: 0 })}targets:`), ...targets.pieces];
    const isSaid = () => readIfThere(this.stateFile)?.equals(Buffer.concat(pieces)) === true;
    if (isOther || !isSaid()) writeAtomic(this.stateFile, pieces);
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
function parseState(bytes: Buffer, isAsWritten: boolean): RunState | undefined {
  const mark = "\ntargets:\n";
  const end = bytes.indexOf(mark);
  const begin = end + mark.length;
  const stages =
    end === -1
      ? undefined
      : isAsWritten
        ? Stages.asWritten(bytes.subarray(begin - 1))
        : Stages.ofBytes(bytes.subarray(begin));
  const document = parseMap(bytes.toString("utf8", 0, stages === undefined ? bytes.length : end + 1));
  // Edited by hand, maybe: what the library makes of the whole text.
  if (document === undefined) return stages === undefined ? undefined : checkState(parseMap(bytes.toString("utf8")));
  return checkState(stages === undefined ? document : { ...document, targets: stages });
}

type Parsed = { readonly [Key in keyof RunState]?: unknown };

function parseMap(text: string): Parsed | undefined {
  try {
    const value = parse(text) as unknown;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof YAMLError) return undefined;
    throw error;
  }
}

function checkState(parsed: Parsed | undefined): RunState | undefined {
  if (typeof parsed?.format !== "number") return undefined;
  if (parsed.format > runFormat) return parsed as RunState; // Another shape, which the caller refuses.
  const { config, targets } = parsed as Partial<RunState>;
  if (typeof config?.source !== "string" || !Array.isArray(config.overrides)) return undefined;
  if (typeof targets !== "object" || targets === null) return undefined;
  return { ...(parsed as RunState), targets: targets instanceof Stages ? targets : Stages.of(targets) };
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

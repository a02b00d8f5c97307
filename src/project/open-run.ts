// From a command's arguments to a run that can be asked and built: its config, its experiment's graph, each target's section. Reads; writes nothing.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { RunOptions } from "../api/rule.ts";
import { chooseExperiment } from "../planning/config/header.ts";
import { readConfig, resolveConfig, type ConfigDocument } from "../planning/config/load.ts";
import { parseOverride } from "../planning/config/override.ts";
import { configRecord } from "../planning/config/record.ts";
import type { FileRead, ReadFile } from "../planning/config/reads.ts";
import { findSecretsIn, loadSecrets, type Secrets } from "../planning/config/secrets.ts";
import { makeGraph, withGiven, type Graph } from "../planning/graph.ts";
import type { ExperimentTold } from "../planning/told.ts";
import type { Given } from "../engine/splice.ts";
import { findSplices } from "./splices.ts";
import { RunFolder, runNameProblem, type RunState } from "../runs/run.ts";
import { hasCode } from "../util/fs.ts";
import type { StatText } from "../util/stat.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { suggest } from "../util/suggest.ts";
import { listRuns } from "../runs/run.ts";
import { findConfig } from "./find-config.ts";
import { loadExpfile, type LoadedExpfile } from "./expfile.ts";
import { isRecordAsLeft } from "./left.ts";
import type { Project } from "./project.ts";
import { leftFile } from "./recall.ts";
import { checkSections, sectionsOf } from "./sections.ts";

export interface RunRequest {
  /** `-c`. */
  readonly config: string | undefined;
  /** `--run`. */
  readonly run: string | undefined;
  /** `key=value`, from `--set` and from config keys as flags. */
  readonly overrides: readonly string[];
  /** `--from`: stages of other runs that are taken as given. */
  readonly from: readonly string[];
  /** Drop remembered overrides and splices. */
  readonly reset: boolean;
  /** What a name says that no run has yet. To a build a new run, also if it is near another's; to a plan of one, that it may be; to others, a mistake. */
  readonly unknownRun: "begins" | "may-begin" | "is-wrong";
}

export interface OpenRun {
  readonly folder: RunFolder;
  /** The stat of its record before it was read. */
  readonly recordSeen: StatText | undefined;
  readonly state: RunState | undefined;
  readonly expfile: LoadedExpfile;
  readonly document: ConfigDocument;
  /** The config file, from the root. */
  readonly source: string;
  /** Remembered and given ones, by path. */
  readonly overrides: readonly string[];
  readonly graph: Graph;
  /** By target: the stage of another run that is taken as given, with its build. */
  readonly splices: ReadonlyMap<string, Given>;
  readonly sections: readonly JsonObject[];
  readonly told: readonly ExperimentTold[];
  readonly secrets: Secrets;
  readonly configText: string;
  readonly configReads: readonly FileRead[];
  readonly warnings: readonly string[];
}

export const defaultConfig = join("configs", "default.yaml");

export async function openRun(project: Project, request: RunRequest): Promise<Result<OpenRun, readonly Failure[]>> {
  const named = nameRun(project, request);
  if (!named.ok) return named;
  const { folder, recordSeen, state, source, passedOver, warnings } = named.value;
  const overrides = mergeOverrides(request.reset ? [] : (state?.config.overrides ?? []), request.overrides);
  if (!overrides.ok) return overrides;

  const [expfile, config] = [
    await loadExpfile(project.paths.root, project.paths.cache, (path) => project.digests.digestOf(path)),
    readConfig({
      root: project.paths.root,
      file: source,
      overrides: overrides.value,
      readFile: readConfigFile,
      listFolder,
    }),
  ];
  if (!expfile.ok || !config.ok)
    return fail([...(expfile.ok ? [] : expfile.error), ...(config.ok ? [] : config.error)]);
  const chosen = chooseExperiment(config.value.tree, Object.keys(expfile.value.experiments.byName));
  if (!chosen.ok) return chosen;
  const graph = await expfile.value.looks.during(() => evaluate(expfile.value, chosen.value));
  if (!graph.ok) return graph;
  const remembered = request.reset ? [] : (state?.config.from ?? []);
  const splices = findSplices(project, folder, graph.value, remembered, request.from);
  if (!splices.ok) return splices;
  const document = resolveConfig(config.value, sectionsOf(graph.value));
  if (!document.ok) return document;

  const checked = checkSections(document.value, graph.value);
  const secrets = loadSecrets({
    root: project.paths.root,
    env: project.environment,
    names: secretNames(graph.value),
    readFile,
    modeOf,
  });
  if (!checked.ok || !secrets.ok)
    return fail([...(checked.ok ? [] : checked.error), ...(secrets.ok ? [] : secrets.error)]);
  const leaked = findSecretsIn(document.value.tree, secrets.value);
  if (leaked.length > 0) return fail(leaked);
  const record = configRecord(document.value, secrets.value, checked.value.bySection);
  if (!record.ok) return record;
  return ok({
    folder,
    recordSeen,
    state,
    expfile: expfile.value,
    document: document.value,
    source,
    overrides: overrides.value,
    graph: withGiven(graph.value, new Set(splices.value.keys())),
    splices: splices.value,
    sections: checked.value.sections,
    told: checked.value.told,
    secrets: secrets.value,
    configText: record.value,
    configReads: [...passedOver, ...document.value.reads, ...secrets.value.reads],
    warnings: [...warnings, ...secrets.value.warnings, ...checked.value.notes],
  });
}

interface NamedRun {
  readonly folder: RunFolder;
  readonly recordSeen: StatText | undefined;
  readonly state: RunState | undefined;
  readonly source: string;
  /** Where a config would have come before the source, and there was none. */
  readonly passedOver: readonly FileRead[];
  readonly warnings: string[];
}

/** The run of a command line that may name it, or a config after which it is named. */
export function runNameOf({ run, config }: Pick<RunRequest, "run" | "config">): string {
  return run ?? (config === undefined ? "default" : basename(config).replace(/\.ya?ml$/i, ""));
}

/** Which run is meant, and which config it follows: a run remembers its source, and falls back on its record when the source is gone. */
function nameRun(project: Project, request: RunRequest): Result<NamedRun, readonly Failure[]> {
  const id = runNameOf(request);
  const problem = runNameProblem(id);
  if (problem !== undefined)
    return fail([
      inputFailure(`"${id}" cannot be the name of a run: ${problem}`, { fix: "Choose one with --run NAME." }),
    ]);
  const folder = new RunFolder(project.paths.runs, id);
  const warnings: string[] = [];
  const recordSeen = folder.recordStat();
  const state = folder.load(
    (why) => {
      const file = join("runs", id, "run.yaml");
      warnings.push(`${file} ${why}: the run goes on with the config and the overrides of its last build`);
    },
    isRecordAsLeft(leftFile(project, id), folder.stateFile),
  );
  const { root } = project.paths;
  const asked = request.config === undefined ? undefined : findConfig(root, request.config);
  if (asked?.ok === false) return asked;
  const source = asked?.value.file ?? state?.config.source ?? defaultConfig;
  const passedOver = asked?.value.passedOver ?? [];
  const followed = state?.config.source;
  const isRebound = followed !== undefined && ![followed, join("runs", id, "config.yaml")].includes(source);
  if (asked !== undefined && isRebound && request.unknownRun === "begins")
    warnings.push(`run ${id} followed ${followed}; from now on it follows ${source}`);
  if (request.run !== undefined && request.config === undefined && state === undefined) {
    const near = nearRun(project, id);
    const isMistaken =
      request.unknownRun === "is-wrong"
        ? !existsSync(folder.folder)
        : near !== undefined && request.unknownRun === "may-begin";
    if (isMistaken || !existsSync(join(root, source))) return fail([missingRun(id, near, source, isMistaken)]);
    if (near !== undefined) warnings.push(`run ${id} is new; there is a run ${near}`);
  }
  if (existsSync(join(root, source)) || request.config !== undefined)
    return ok({ folder, recordSeen, state, source, passedOver, warnings });
  if (state !== undefined && existsSync(folder.configFile)) {
    const record = join("runs", id, "config.yaml");
    return ok({
      folder,
      recordSeen,
      state,
      source: record,
      passedOver: [{ path: join(root, source), present: false }],
      warnings: [...warnings, `${source} is gone: the run goes on with its own record, ${record}`],
    });
  }
  return ok({ folder, recordSeen, state, source, passedOver, warnings });
}

/** The run that the name of a new one may be a misspelling of. `seed-2` beside `seed-1` is none. */
function nearRun(project: Project, id: string): string | undefined {
  const unnumbered = (name: string) => name.replace(/\d+/g, "0");
  return suggest(
    id,
    listRuns(project.paths.runs).filter((name) => unnumbered(name) !== unnumbered(id)),
  );
}

function missingRun(id: string, near: string | undefined, source: string, hasConfig: boolean): Failure {
  const begin = hasConfig
    ? `exp build --run ${id} -c ${source} begins one.`
    : `A new run needs a config: exp build -c FILE --run ${id}`;
  const others = near === undefined ? (hasConfig ? "exp runs lists them. " : "") : `Did you mean "${near}"? `;
  return inputFailure(`there is no run "${id}"${hasConfig ? "" : `, and no ${defaultConfig}`}`, {
    fix: others + begin,
  });
}

/** Later ones win over earlier ones of the same path. */
function mergeOverrides(
  remembered: readonly string[],
  given: readonly string[],
): Result<readonly string[], readonly Failure[]> {
  const failures: Failure[] = [];
  const byPath = new Map<string, string>();
  for (const text of [...remembered, ...given]) {
    const parsed = parseOverride(text);
    if (!parsed.ok) failures.push(...parsed.error);
    else {
      const path = JSON.stringify(parsed.value.path);
      byPath.delete(path);
      byPath.set(path, text);
    }
  }
  return failures.length > 0 ? fail(failures) : ok([...byPath.values()]);
}

function evaluate({ experiments, blame }: LoadedExpfile, name: string): Result<Graph, readonly Failure[]> {
  try {
    return makeGraph(name, experiments.byName[name]!());
  } catch (error) {
    return fail([blame(error, `declaring experiment "${name}"`)]);
  }
}

function secretNames(graph: Graph): string[] {
  const names = new Set<string>();
  const take = ({ secrets = [] }: RunOptions) => secrets.forEach((name) => names.add(name));
  for (const { work, options } of graph.targets.map(({ declaration }) => declaration)) {
    take(options);
    if (work.kind === "command") take(work.command);
    else if (work.kind === "fan-out") [work.split, work.merge, ...Object.values(work.recipes)].forEach(take);
    else if (work.kind !== "handoff") take(work.part);
  }
  return [...names];
}

export const readFile: ReadFile = (path) => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
};

/** A pipe might never answer, and a device never end. (`.env` may be a pipe: password managers offer it so.) */
const readConfigFile: ReadFile = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile() && !stat.isDirectory())
    throw Object.assign(new Error(`${path} is a pipe or a device`), { code: "ENXIO" });
  return readFile(path);
};

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function modeOf(path: string): number | undefined {
  return process.platform === "win32" ? undefined : statSync(path, { throwIfNoEntry: false })?.mode;
}

// Compares two points of runs by their traces, histories and outputs. Needs no Expfile, and neither run has to be of today's code.

import { join } from "node:path";
import { parse, YAMLError } from "yaml";
import { Trace, type Standing } from "../backends/store/trace.ts";
import { differencesOfStandings } from "../engine/differences.ts";
import { slotOrderOf } from "../engine/recorded.ts";
import { digestOfArtifact, type Artifact, type Artifacts } from "../model/action.ts";
import type {
  Comparison,
  ItemsComparison,
  MetricDifference,
  PointName,
  ResultNote,
  TargetComparison,
  VersionDifference,
} from "../model/comparison.ts";
import type { Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import type { InputContent, Reason } from "../model/reason.ts";
import { differencesOf } from "../planning/fingerprint/config-difference.ts";
import type { RunPoint } from "../runs/point.ts";
import { presentItems } from "../runs/present-items.ts";
import { isMissing, listTree, readTextIfThere } from "../util/fs.ts";
import { explainCode } from "./explain-code.ts";
import { numbersIn } from "./numbers.ts";
import type { Project } from "./project.ts";

/** One of the two. */
interface Side {
  readonly point: RunPoint;
  readonly trace: Trace;
}

export async function comparePoints(project: Project, before: RunPoint, after: RunPoint): Promise<Comparison> {
  const side = (point: RunPoint): Side => ({ point, trace: new Trace(point.run.folder, () => false, point.build) });
  const [old, now] = [side(before), side(after)];
  const names = [...new Set([...old.trace.targets(), ...now.trace.targets()])].sort();
  const targets: TargetComparison[] = [];
  const metrics: MetricDifference[] = [];
  for (const target of names) {
    const compared = await compareTarget(project, old, now, target);
    targets.push(compared);
    for (const output of compared.outputs) metrics.push(...(await metricsOf(project, old, now, target, output)));
  }
  return {
    before: nameOf(before),
    after: nameOf(after),
    config: compareConfigs(project, before, after),
    versions: compareVersions(before, after),
    targets,
    metrics: metrics.sort((a, b) => changeOf(b) - changeOf(a)),
  };
}

function nameOf({ run, entry }: RunPoint): PointName {
  return { run: run.id, build: entry?.build, at: entry?.at };
}

/** How much a number changed, from 0 to 2: by the larger of the two. Not to the last bit, so that equal changes stay in order. */
function changeOf({ before, after }: MetricDifference): number {
  return Number((Math.abs(after - before) / Math.max(Math.abs(before), Math.abs(after))).toFixed(9));
}

function compareConfigs(project: Project, before: RunPoint, after: RunPoint): readonly Reason[] | undefined {
  const [old, now] = [configOf(project, before), configOf(project, after)];
  return old === undefined || now === undefined ? undefined : differencesOf(old, now, []);
}

/** As the build resolved it; of early builds only the last is known. */
function configOf(project: Project, { run, entry, state }: RunPoint): Json | undefined {
  const kept = entry?.resolved === undefined ? undefined : project.archiveBlobs.read(entry.resolved)?.toString("utf8");
  const isLast = entry === undefined || entry.build === state.builds;
  const text = kept ?? (isLast ? readTextIfThere(run.configFile) : undefined);
  try {
    return text === undefined ? undefined : (parse(text) as Json);
  } catch (error) {
    if (error instanceof YAMLError) return undefined;
    throw error;
  }
}

function compareVersions(before: RunPoint, after: RunPoint): readonly VersionDifference[] {
  const versionsOf = ({ entry, state }: RunPoint): Readonly<Record<VersionDifference["what"], string | undefined>> => ({
    exp: entry?.exp,
    node: entry?.node,
    experiment: state.experiment,
    "config file": (entry?.config ?? state.config).source,
  });
  const [old, now] = [versionsOf(before), versionsOf(after)];
  return (["exp", "node", "experiment", "config file"] as const).flatMap((what) => {
    const [was, is] = [old[what] ?? "", now[what] ?? ""];
    return was === is ? [] : [{ what, before: was, after: is }];
  });
}

async function compareTarget(project: Project, old: Side, now: Side, target: string): Promise<TargetComparison> {
  const [was, is] = [old, now].map(({ trace }) => trace.standingOf(target).at(-1));
  const before = was && noteOf(project, old, target, was);
  const after = is && noteOf(project, now, target, is);
  const notes = { ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
  if (was === undefined || is === undefined)
    return { target, kind: was === undefined ? "only-after" : "only-before", outputs: [], reasons: [], ...notes };
  const [made, makes] = [outputsOf(old, was), outputsOf(now, is)];
  const outputs = differingSlots(made, makes);
  const isSameKey = was.core === is.core && was.split === is.split;
  const reasons = isSameKey
    ? []
    : differencesOfStandings(
        { trace: old.trace, standing: was },
        { trace: now.trace, standing: is },
        { section: target, armName: (id) => now.trace.armName(id) ?? old.trace.armName(id) },
      );
  const items = compareItems(project, old, was, now, is);
  return {
    target,
    kind: !isSameKey ? "other-key" : outputs.length > 0 ? "other-output" : "same",
    outputs,
    reasons: await explainCode(
      project,
      reasons.map((reason) => placed(project, old, now, reason)),
    ),
    ...notes,
    ...(items !== undefined && { items }),
  };
}

function noteOf(project: Project, { trace }: Side, target: string, standing: Standing): ResultNote | undefined {
  const from = trace.splicedFrom(target, standing.core);
  if (from !== undefined) return { from };
  const acceptance = trace.acceptancesOf(target).at(-1);
  if (acceptance === undefined) return undefined;
  const cores = [standing.core, standing.split, ...(itemsOf(project, trace, standing) ?? [])];
  if (!cores.some((core) => core !== undefined && knownOf(trace, core)?.madeFor !== undefined)) return undefined;
  const { at, by, because } = acceptance;
  return { accepted: { at: new Date(at).toISOString(), by, because } };
}

/** A clean says that a result is to be made anew, not that it was never so. */
function knownOf(trace: Trace, core: Digest) {
  return trace.find(core) ?? trace.cleanedResult(core);
}

function outputsOf({ trace }: Side, { core }: Standing): Artifacts {
  return knownOf(trace, core)?.result.outputs ?? {};
}

function differingSlots(before: Artifacts, after: Artifacts): readonly string[] {
  const digest = (artifact: Artifact | undefined) => (artifact === undefined ? "" : digestOfArtifact(artifact));
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (slot) => digest(before[slot]) !== digest(after[slot]),
  );
}

function itemsOf(project: Project, trace: Trace, standing: Standing): ReadonlySet<Digest> | undefined {
  if (standing.split === undefined) return undefined;
  const readText = (digest: Digest) =>
    (project.archiveBlobs.read(digest) ?? project.store.read(digest))?.toString("utf8");
  const splits = {
    splitRecordOf: (core: Digest) => trace.recordOf(core),
    splitResultOf: (core: Digest) => trace.find(core)?.result,
  };
  const items = presentItems(splits, standing, readText);
  return items && new Set(items);
}

function compareItems(
  project: Project,
  old: Side,
  was: Standing,
  now: Side,
  is: Standing,
): ItemsComparison | undefined {
  const [before, after] = [itemsOf(project, old.trace, was), itemsOf(project, now.trace, is)];
  if (before === undefined || after === undefined) return undefined;
  // A key that stands for no item under one of the recipes has no result: only those that have one are items.
  const made = (trace: Trace, items: ReadonlySet<Digest>) =>
    [...items].filter((core) => knownOf(trace, core) !== undefined);
  const [had, has] = [made(old.trace, before), made(now.trace, after)];
  const common = has.filter((core) => before.has(core) && knownOf(old.trace, core) !== undefined);
  const otherOutput = common.filter((core) => {
    const [one, other] = [knownOf(old.trace, core)!, knownOf(now.trace, core)!];
    return differingSlots(one.result.outputs, other.result.outputs).length > 0;
  });
  return {
    common: common.length,
    otherOutput: otherOutput.length,
    onlyBefore: had.length - common.length,
    onlyAfter: has.length - common.length,
  };
}

/** Adds paths and sizes of sources, as far as each run's trace has them. */
function placed(project: Project, old: Side, now: Side, reason: Reason): Reason {
  if (reason.kind !== "input") return reason;
  const seen = (side: Side, content: InputContent | undefined): InputContent | undefined => {
    if (content?.digest === undefined) return content;
    const source = side.trace.sourceOf(content.digest);
    if (source !== undefined) return { ...content, size: source[1], file: source[2] };
    const size = project.digests.digestOf(pathOf(project, content.digest) ?? "")?.size;
    return size === undefined ? content : { ...content, size };
  };
  return { ...reason, before: seen(old, reason.before), after: seen(now, reason.after) };
}

function pathOf(project: Project, digest: Digest): string | undefined {
  return project.store.pathOf(digest) ?? project.archiveBlobs.pathOf(digest);
}

async function metricsOf(
  project: Project,
  old: Side,
  now: Side,
  target: string,
  output: string,
): Promise<readonly MetricDifference[]> {
  const [was, is] = [await numbersOf(project, old, target, output), await numbersOf(project, now, target, output)];
  return [...is].flatMap(([path, after]) => {
    const before = was.get(path);
    return before === undefined || before === after ? [] : [{ target, output, path, before, after }];
  });
}

const none: ReadonlyMap<string, number> = new Map();

async function numbersOf(
  project: Project,
  side: Side,
  target: string,
  output: string,
): Promise<ReadonlyMap<string, number>> {
  const standing = side.trace.standingOf(target).at(-1)!;
  const artifact = outputsOf(side, standing)[output];
  const declared = side.trace.recordOf(standing.core)?.outputs[output];
  if (artifact?.kind !== "file" || declared === undefined) return none;
  const { format, ext } = slotOrderOf(declared);
  const kind = format === "json" || ext === ".json" ? "json" : format === "table" ? "table" : undefined;
  if (kind === undefined) return none;
  if (artifact.text !== undefined) return numbersIn(kind, { text: artifact.text });
  const { digest } = artifact.blob;
  const path = pathOf(project, digest) ?? placeOf(project, join(side.point.run.folder, target), digest);
  return path === undefined ? none : numbersIn(kind, { path });
}

/** Where the cache has lost what lies at its place in the run. */
function placeOf(project: Project, folder: string, digest: Digest): string | undefined {
  try {
    return listTree(folder)
      .map((name) => join(folder, name))
      .find((path) => project.digests.digestOf(path)?.digest === digest);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

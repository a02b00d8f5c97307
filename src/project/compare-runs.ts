// Compares two points of runs by their traces, histories and outputs. Needs no Expfile, and neither run has to be of today's code.

import { join } from "node:path";
import { parse, YAMLError } from "yaml";
import { Trace } from "../backends/store/trace.ts";
import type { KnownResult, Standing } from "../backends/store/trace-known.ts";
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
import { numbersThatDiffer, readContent } from "./numbers.ts";
import type { Project } from "./project.ts";

/** One of the two. */
interface Side {
  readonly point: RunPoint;
  readonly trace: Trace;
}

export async function comparePoints(project: Project, before: RunPoint, after: RunPoint): Promise<Comparison> {
  const side = (point: RunPoint): Side => ({ point, trace: new Trace(point.run.folder, { until: point.build }) });
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
  const [was, is] = [old, now].map(({ trace }) => trace.lastStandingOf(target));
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
        { trace: old.trace, keys: was },
        { trace: now.trace, keys: is },
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
  const own = [standing.core, standing.split].map((core) => core && knownOf(trace, core));
  const results = [...own, ...(itemsOf(project, trace, standing)?.values() ?? [])];
  if (!results.some((known) => known?.madeFor !== undefined)) return undefined;
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

/** By what people take for the same item: of those that come more than once, the first is the first of the other side. */
function itemsOf(project: Project, trace: Trace, standing: Standing): ReadonlyMap<string, KnownResult> | undefined {
  const readText = (digest: Digest) =>
    (project.archiveBlobs.read(digest) ?? project.store.read(digest))?.toString("utf8");
  const splits = {
    splitRecordOf: (core: Digest) => trace.recordOf(core),
    splitResultOf: (core: Digest) => trace.find(core)?.result,
  };
  const items = presentItems(splits, standing, readText);
  if (items === undefined) return undefined;
  const made = new Map<string, KnownResult>();
  const seen = new Map<string, number>();
  for (const { cores, identity } of items) {
    const name = identity();
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    for (const core of cores) {
      const known = knownOf(trace, core);
      if (known !== undefined) made.set(`${times} ${name}`, known);
    }
  }
  return made;
}

function compareItems(
  project: Project,
  old: Side,
  was: Standing,
  now: Side,
  is: Standing,
): ItemsComparison | undefined {
  const [had, has] = [itemsOf(project, old.trace, was), itemsOf(project, now.trace, is)];
  if (had === undefined || has === undefined) return undefined;
  const common = [...has].flatMap(([name, known]) => {
    const before = had.get(name);
    return before === undefined ? [] : [[before.result.outputs, known.result.outputs] as const];
  });
  return {
    common: common.length,
    otherOutput: common.filter(([before, after]) => differingSlots(before, after).length > 0).length,
    onlyBefore: had.size - common.length,
    onlyAfter: has.size - common.length,
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
  const [was, is] = [await contentOf(project, old, target, output), await contentOf(project, now, target, output)];
  if (was === undefined || is === undefined) return [];
  return numbersThatDiffer(was, is).map((difference) => ({ target, output, ...difference }));
}

/** Undefined: it is neither JSON nor a small table, or lost. */
async function contentOf(project: Project, side: Side, target: string, output: string): Promise<Json | undefined> {
  const standing = side.trace.lastStandingOf(target)!;
  const artifact = outputsOf(side, standing)[output];
  const declared = side.trace.recordOf(standing.core)?.outputs[output];
  if (artifact?.kind !== "file" || declared === undefined) return undefined;
  const { format, ext } = slotOrderOf(declared);
  const kind = format === "json" || ext === ".json" ? "json" : format === "table" ? "table" : undefined;
  if (kind === undefined) return undefined;
  if (artifact.text !== undefined) return readContent(kind, { text: artifact.text });
  const { digest } = artifact.blob;
  const path = pathOf(project, digest) ?? placeOf(project, join(side.point.run.folder, target), digest);
  return path === undefined ? undefined : readContent(kind, { path });
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

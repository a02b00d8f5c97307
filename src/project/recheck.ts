// Puts together what it takes to run finished actions of a run again: content from the archive, the cache, the run's outputs and the sources,
// workers whose results go aside, and paid calls from memory.

import { mkdirSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Budget } from "../backends/executors/budget.ts";
import { LocalActionCache } from "../backends/store/action-cache.ts";
import { LocalStore } from "../backends/store/local.ts";
import { Trace } from "../backends/store/trace.ts";
import { inlineContents, listingOf, type FindContent } from "../engine/recorded.ts";
import { recheckTarget, type RecheckContext } from "../engine/recheck.ts";
import { inOrderOfUse } from "../engine/use-order.ts";
import { ResourcePool, type Limits } from "../engine/resources.ts";
import type { ActionResult, Artifact } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Recheck } from "../model/recheck.ts";
import { loadSecrets } from "../planning/config/secrets.ts";
import { Calls } from "../runs/calls.ts";
import type { RunFolder } from "../runs/run.ts";
import { sleep } from "../util/clock.ts";
import { listTree } from "../util/fs.ts";
import { processTag } from "../util/host.ts";
import { takeAll } from "../util/steps.ts";
import { readFile } from "./open-run.ts";
import { localExecutor, nodeMajor, useStores, type Project } from "./project.ts";

export interface RecheckOptions {
  /** The build of the run after which things stood as they are to be looked at; undefined: the last. */
  readonly build: number | undefined;
  /** Undefined: all. */
  readonly targets: readonly string[] | undefined;
  readonly isolated: boolean;
  readonly asMade: boolean;
  readonly sample: number;
  readonly mayPay: boolean;
  readonly budget: Budget;
  readonly checksInputs: boolean;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly onChecked: (recheck: Recheck) => void;
}

export interface Rechecked {
  /** Contents that were lost and have been put back into the cache. */
  readonly restored: number;
}

export async function recheckRun(project: Project, run: RunFolder, options: RecheckOptions): Promise<Rechecked> {
  const { paths } = project;
  const trace = new Trace(run.folder, { until: options.build });
  const folder = join(paths.cache, "tmp", processTag());
  mkdirSync(folder, { recursive: true });
  // What is put back into the cache must not be swept meanwhile.
  const using = useStores(project, `exp reproduce ${run.id}`);
  const aside = new LocalStore(join(folder, "aside"), project.digests);
  const calls = new Calls(join(paths.archive, "calls"), {
    now: Date.now,
    notBefore: trace.callsHiddenBefore(),
    mayPay: options.mayPay,
    money: { budget: options.budget, spender: "this command", warn: () => undefined },
  });
  const substitutes = new Map<Digest, Artifact>();
  const find = finder(project, run, trace, aside, substitutes);
  let started = 0;
  const start = () =>
    localExecutor(project, {
      blobsFolder: aside.root,
      scratch: join(folder, `work${started++}`),
      calls,
      warn: () => undefined,
      checksInputs: options.checksInputs,
    });
  const shared = options.isolated ? undefined : start();
  const cache = new LocalActionCache(join(paths.cache, "actions"), join(paths.cache, "uses"));
  let restored = 0;
  const context: RecheckContext = {
    trace,
    find,
    nodeMajor,
    resolveFrom: join(paths.root, "Expfile.ts"),
    environment: { ...project.environment, ...secretsOf(project, trace) },
    executor: () => {
      const executor = shared ?? start();
      return { executor, close: () => (executor === shared ? Promise.resolve() : executor.close()) };
    },
    isolated: options.isolated,
    asMade: options.asMade,
    sample: options.sample,
    pool: new ResourcePool(options.limits, { gpu: project.devices }),
    lanes: options.limits.cpu ?? cpus().length,
    folder,
    differsFolder: join(run.folder, "differs"),
    root: paths.root,
    signal: options.signal,
    sleep,
    random: Math.random,
    madeAgain: new Set(),
    substitute: (recorded, made) => void substitutes.set(recorded, made),
    onChecked(recheck, recorded, key) {
      if (recheck.verdict.kind === "same" && putBack(project, aside, recorded)) {
        cache.put(key, recorded);
        restored += 1;
      }
      options.onChecked(recheck);
    },
  };
  try {
    for (const target of inOrderOfUse(trace))
      if (options.targets === undefined || options.targets.includes(target)) await recheckTarget(context, target);
    return { restored };
  } finally {
    await takeAll([
      () => shared?.close(),
      () => calls.close(),
      () => cache.close(Date.now()),
      () => using?.release(),
      () => rmSync(folder, { recursive: true, force: true }),
    ]);
  }
}

/** Where content is looked for: the archive, the cache, what was made just now, the run's outputs, the sources where they were. */
function finder(
  project: Project,
  run: RunFolder,
  trace: Trace,
  aside: LocalStore,
  substitutes: ReadonlyMap<Digest, Artifact>,
): FindContent {
  const inline = inlineContents(trace);
  let placed: Map<Digest, string> | undefined;
  const inStores = (digest: Digest) =>
    project.archiveBlobs.pathOf(digest) ?? project.store.pathOf(digest) ?? aside.pathOf(digest);
  const atPlace = (digest: Digest) => {
    placed ??= new Map(
      trace
        .targets()
        .flatMap((target) => filesBelow(join(run.folder, target)))
        .flatMap((path) => {
          const found = project.digests.digestOf(path);
          return found === undefined ? [] : [[found.digest, path] as const];
        }),
    );
    return placed.get(digest);
  };
  const asSource = (digest: Digest, name = trace.sourceOf(digest)?.[2]) => {
    const path = name === undefined ? undefined : join(project.paths.root, name);
    return path !== undefined && project.digests.digestOf(path)?.digest === digest ? path : undefined;
  };
  const find: FindContent = (digest, name) => {
    const text = inline.get(digest);
    if (text !== undefined) return { text };
    const path = inStores(digest) ?? atPlace(digest) ?? asSource(digest, name);
    if (path !== undefined) return { path };
    const instead = substitutes.get(digest);
    if (instead === undefined || instead.kind === "absent") return undefined;
    if (instead.kind === "file" && instead.text !== undefined) return { text: instead.text };
    return instead.blob.digest === digest ? undefined : find(instead.blob.digest);
  };
  return find;
}

function filesBelow(folder: string): string[] {
  try {
    return listTree(folder).map((name) => join(folder, name));
  } catch {
    return []; // Cleaned, or never placed.
  }
}

/** The same bytes as recorded: what was lost of them is back. */
function putBack(project: Project, aside: LocalStore, recorded: ActionResult): boolean {
  const digests = Object.values(recorded.outputs).flatMap((artifact): Digest[] => {
    if (artifact.kind === "absent" || (artifact.kind === "file" && artifact.text !== undefined)) return [];
    const path = aside.pathOf(artifact.blob.digest);
    if (artifact.kind === "file" || path === undefined) return [artifact.blob.digest];
    return [artifact.blob.digest, ...listingOf("", artifact.blob.digest, () => ({ path })).map(([, digest]) => digest)];
  });
  const lost = digests.filter((digest) => !project.store.has(digest) && !project.archiveBlobs.has(digest));
  for (const digest of lost) {
    const path = aside.pathOf(digest);
    if (path !== undefined) project.store.putFile(path);
  }
  return lost.length > 0;
}

/** The secrets that the recorded actions were given, as far as they are set today. */
function secretsOf(project: Project, trace: Trace): Readonly<Record<string, string>> {
  const secrets = loadSecrets({
    root: project.paths.root,
    env: project.environment,
    names: trace.secretNames(),
    readFile,
  });
  return secrets.ok ? Object.fromEntries(secrets.value.values) : {};
}

// The composition root: with its neighbours for clusters, containers and shared caches the only place that names concrete stores and executors. Everybody
// else is handed interfaces.

import type { ChildProcess } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Budget } from "../backends/executors/budget.ts";
import { LocalExecutor, type LocalExecutorOptions } from "../backends/executors/local.ts";
import { machineDevices, type Devices } from "../backends/executors/local/devices.ts";
import { inheritedFrom } from "../backends/executors/local/inherited.ts";
import { HashPool } from "../backends/store/hash-pool.ts";
import { LocalActionCache } from "../backends/store/action-cache.ts";
import { LocalStore } from "../backends/store/local.ts";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import { PackNotes } from "../backends/store/pack-notes.ts";
import { StatCache } from "../backends/store/stat-cache.ts";
import { TeamActionCache } from "../backends/store/team-cache.ts";
import type { AcceptSession } from "../engine/accept.ts";
import { ActionFactory } from "../engine/actions.ts";
import { Contents } from "../engine/contents.ts";
import { InputResolver } from "../engine/inputs.ts";
import { nothingNeeded, type OutputNeeds } from "../engine/output-needs.ts";
import { Places, stagingName } from "../engine/places.ts";
import { Rebuilder } from "../engine/rebuilder.ts";
import { ResourcePool, type Limits } from "../engine/resources.ts";
import type { BuildSession, Session } from "../engine/session.ts";
import { localSite, remoteSite } from "../engine/site.ts";
import { SourcesRead } from "../engine/sources.ts";
import type { Digest } from "../model/digest.ts";
import type { Emit } from "../model/event.ts";
import { Bundler } from "../planning/bundle/bundler.ts";
import { esbuildPrinter } from "../planning/bundle/print.ts";
import { mapStack } from "../planning/bundle/stack.ts";
import { CodeAliases } from "../runs/aliases.ts";
import { Archive } from "../runs/archive.ts";
import { Calls } from "../runs/calls.ts";
import { Lease } from "../runs/lease.ts";
import { Trace } from "../backends/store/trace.ts";
import { sleep } from "../util/clock.ts";
import { takeAll } from "../util/steps.ts";
import { Turns } from "../util/turns.ts";
import { processTag } from "../util/host.ts";
import { who } from "../util/who.ts";
import type { Elsewhere, OnInterrupt } from "./executors.ts";
import { explainReasons } from "./explain.ts";
import { sweepLeftovers } from "./leftovers.ts";
import type { OpenRun } from "./open-run.ts";
import { pathsOf, type ProjectPaths } from "./paths.ts";
import { TeamCodes } from "./team-codes.ts";
import { openRecall, type Recall } from "./recall.ts";

/** Part of the action key: what a Node computed is not offered to another major version. */
export const nodeMajor = Number(process.versions.node.split(".")[0]);

export interface Project {
  readonly paths: ProjectPaths;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly digests: StatCache;
  readonly store: LocalStore;
  readonly archive: Archive;
  readonly archiveBlobs: LocalStore;
  readonly bundler: Bundler;
  readonly aliases: CodeAliases;
  readonly devices: () => Promise<Devices>;
  close(): void;
}

export async function openProject(root: string, environment: NodeJS.ProcessEnv): Promise<Project> {
  const paths = pathsOf(root);
  mkdirSync(paths.cache, { recursive: true });
  const { default: makeXxhash } = await import("xxhash-wasm");
  const xxhash = await makeXxhash();
  const hashing = new HashPool(fileURLToPath(new URL("./hash-thread.cjs", import.meta.url)));
  const digests = new StatCache(paths.cache, { create: () => xxhash.create64() }, hashing);
  const archiveBlobs = new LocalStore(join(paths.archive, "blobs"), digests);
  const archive = new Archive(paths.archive, archiveBlobs);
  const aliases = new CodeAliases(paths.archive, archive);
  const bundler = new Bundler({
    root,
    folder: join(paths.cache, "bundles"),
    digestOf: (path) => digests.digestOf(path),
    makePrinter: esbuildPrinter,
    canonical: (code, closure, printer) => aliases.canonical(code, closure, printer),
  });
  return {
    paths,
    environment,
    digests,
    store: new LocalStore(join(paths.cache, "blobs"), digests),
    archive,
    archiveBlobs,
    bundler,
    aliases,
    devices: machineDevices(environment),
    close() {
      bundler.close();
      digests.close();
      hashing.close();
    },
  };
}

export interface DecidingSession extends Session {
  readonly sources: SourcesRead;
  /** What earlier builds know, as far as it was asked for. */
  readonly recalled: Recall | undefined;
  /** Code digests that are shared, where results are. */
  readonly codes: TeamCodes | undefined;
  close(): void;
}

export interface SessionOptions {
  readonly onSetAside: (target: string, file: string, to: string) => void;
  /** Whether the run is (still) held: nothing is written into its folder otherwise. */
  readonly mayWrite: () => boolean;
  /** What others have made is asked for here. */
  readonly shared?: SharedCache | undefined;
  /** Which outputs have to be here; if not said, those that are left with others may be. */
  readonly needs?: OutputNeeds;
  /** Every target is assessed: for who wants to know all that was read. */
  readonly assessesAll?: boolean;
}

/** Enough to decide on every target of a run; the trace is read as it is now. */
export function openSession(
  project: Project,
  run: OpenRun,
  { onSetAside, mayWrite, shared, assessesAll = false, needs = nothingNeeded() }: SessionOptions,
): DecidingSession {
  const { paths, digests, store, archiveBlobs } = project;
  const trace = new Trace(run.folder.folder, {
    mayWrite,
    indexFile: join(paths.cache, "indexes", `${run.folder.id}.trace`),
  });
  const recalled = assessesAll ? undefined : openRecall(project, run, trace);
  const own = new LocalActionCache(join(paths.cache, "actions"), join(paths.cache, "uses"), digests.clock);
  const packs = new PackNotes(join(paths.cache, "packs.jsonl"));
  const cache =
    shared === undefined ? own : new TeamActionCache(own, shared, { who: who(), onPack: (key) => packs.add(key) });
  const codes = shared === undefined ? undefined : new TeamCodes(shared, project.archive, store);
  project.aliases.askOthers = codes === undefined ? undefined : (closure, code) => codes.find(closure, code);
  const sources = new SourcesRead();
  const contents = new Contents([store, archiveBlobs], shared);
  const places = new Places({
    runFolder: run.folder.folder,
    ...{ contents, store, digests, trace, others: shared, onSetAside },
  });
  const armNames = new Map(run.told.flatMap(({ labels }) => labels.map(({ id, name }) => [id, name] as const)));
  const environment = { ...project.environment, ...Object.fromEntries(run.secrets.values) };
  const factory = new ActionFactory({
    root: paths.root,
    nodeMajor,
    experiment: (target) => run.told[target]!,
    bundle: (options) => project.bundler.bundle(options),
    digests,
    environment,
    mask: run.secrets.mask,
  });
  return {
    run: run.folder.id,
    root: paths.root,
    runFolder: run.folder.folder,
    graph: run.graph,
    sections: run.sections,
    given: run.splices,
    recall: (target) => recalled?.take(target),
    recalled,
    codes,
    nodeMajor,
    trace,
    cache,
    store,
    archive: archiveBlobs,
    digests,
    contents,
    places,
    needs,
    resolver: new InputResolver({ root: paths.root, digests, contents, places, sources }),
    factory,
    armNames,
    rebuilder: new Rebuilder({
      trace,
      cache,
      isComplete: (result) =>
        Object.values(result.outputs).every((artifact) => contents.isStored(artifact) || cache.isOffered(artifact)),
      armName: (id) => armNames.get(id),
    }),
    sources,
    close() {
      trace.close();
      cache.close(Date.now());
      packs.close();
    },
  };
}

export interface BuildSetup {
  readonly build: number;
  readonly lease: Lease;
  readonly limits: Limits;
  readonly keepGoing: boolean;
  readonly mayPay: boolean;
  /** Of everything that this build pays for, here and elsewhere. */
  readonly budget: Budget;
  readonly checksInputs: boolean;
  readonly spare?: ChildProcess | undefined;
  readonly emit: Emit;
  /** Where recipes, programs and items run, if not here. */
  readonly elsewhere?: Elsewhere | undefined;
  readonly onInterrupt: OnInterrupt;
}

/** Adds what it takes to write down that a result is kept. */
export function openAcceptSession(
  project: Project,
  run: OpenRun,
  deciding: DecidingSession,
  { build, lease }: Pick<BuildSetup, "build" | "lease">,
): DecidingSession & AcceptSession {
  const { archive, bundler } = project;
  const kept = new Set<Digest>();
  return {
    ...deciding,
    build,
    now: Date.now,
    who: who(),
    keepCode(code) {
      if (kept.has(code)) return;
      const source = bundler.sourceOf(code);
      if (source !== undefined) archive.keepBundle(code, bundler.fileOf(code), source);
      deciding.codes?.keep(code);
      kept.add(code);
    },
    keepSources: (files) => archive.keepFiles(files),
    explain: (target, reasons) => explainReasons(project, run, deciding, target, reasons),
    holdsRun: oncePerTurn(() => lease.isHeld()),
  };
}

/** One look at the lease serves all that is done before the event loop turns: it is asked for each of ten thousand targets. */
function oncePerTurn(look: () => boolean): () => boolean {
  let seen: boolean | undefined;
  return () => {
    if (seen === undefined) setImmediate(() => (seen = undefined));
    return (seen ??= look());
  };
}

/** Adds what it takes to build: workers, limits, memory for paid calls, claims. */
export function openBuildSession(
  project: Project,
  run: OpenRun,
  deciding: DecidingSession,
  setup: BuildSetup,
): BuildSession & { closeBuild(): Promise<void> } {
  const { paths, bundler } = project;
  const using = useStores(project, `run ${run.folder.id}`);
  const scratchRoot = join(paths.cache, "tmp");
  // Before the run's folder is listed: while that goes on, the kernel lets nobody remove anything from it.
  rmSync(join(run.folder.folder, stagingName), { recursive: true, force: true });
  const swept = sweepLeftovers({
    scratch: scratchRoot,
    folders: [
      run.folder.folder,
      paths.cache,
      ...["actions", "bundles", "claims", "expfile", "partial", "recall", "stamps"].map((name) =>
        join(paths.cache, name),
      ),
      ...[project.store, project.archiveBlobs].map((store) => store.staging),
      project.archive.codeFolder,
    ],
    now: project.digests.clock.now(),
  }).catch((error: unknown) =>
    setup.emit({
      kind: "warning",
      text: `what killed builds left behind could not be removed: ${error instanceof Error ? error.message : String(error)}. Nobody needs it: whoever may should delete it`,
    }),
  );
  const calls = new Calls(join(paths.archive, "calls"), {
    now: Date.now,
    notBefore: deciding.trace.callsHiddenBefore(),
    mayPay: setup.mayPay,
    money: {
      budget: setup.budget,
      spender: "the build",
      warn: (text) => setup.emit({ kind: "warning", text }),
    },
  });
  const remote = setup.elsewhere?.make(run, {
    mayPay: setup.mayPay,
    budget: setup.budget,
    callsNotBefore: deciding.trace.callsHiddenBefore(),
    isKnown: (key) => deciding.cache.get(key) !== undefined,
    onInterrupt: setup.onInterrupt,
    warn: (text) => setup.emit({ kind: "warning", text }),
    onProgress: (target, batches) =>
      setup.emit({ kind: "elsewhere", target, executor: setup.elsewhere!.name, ...batches }),
  });
  // The last of what may fail: from here on there are workers, and who has the session ends them.
  const executor = localExecutor(project, {
    blobsFolder: join(paths.cache, "blobs"),
    scratch: join(scratchRoot, processTag()),
    calls,
    warn: (text) => setup.emit({ kind: "warning", text }),
    checksInputs: setup.checksInputs,
    spare: setup.spare,
  });
  const turns = new Turns();
  const pool = new ResourcePool(setup.limits, { gpu: project.devices });
  const here = localSite(executor, pool);
  const there = remote === undefined ? here : remoteSite(remote, pool);
  return {
    ...openAcceptSession(project, run, deciding, setup),
    // What decides and what judges is quick, and reads what lies here.
    siteOf: (part, { executor }) => (executor === "local" || (part !== "recipe" && part !== "item") ? here : there),
    emit: setup.emit,
    sleep,
    random: Math.random,
    logsFolder: run.folder.logsFolder,
    cacheFolder: paths.cache,
    isBundleThere: (file) => bundler.isThere(file),
    mapStack: (bundle, stack) => mapStack(bundle, stack, bundler.sourceOfFile(bundle)),
    async claim(key, onWait, signal) {
      // Two targets of this build that need the same action take turns without a word.
      const turn = await turns.take(key);
      let lease: Lease | undefined;
      try {
        lease = await Lease.take(join(paths.cache, "claims", key), `run ${run.folder.id}`, { onWait, signal });
      } finally {
        if (lease === undefined) turn();
      }
      if (lease === undefined) return undefined;
      return () => {
        try {
          lease.release();
        } finally {
          turn();
        }
      };
    },
    keepGoing: setup.keepGoing,
    mask: run.secrets.mask,
    async closeBuild() {
      await takeAll([
        () => remote?.close(),
        () => executor.close(),
        () => calls.close(),
        () => using?.release(),
        () => swept,
      ]);
    },
  };
}

export function localExecutor(
  project: Project,
  {
    checksInputs,
    ...options
  }: Omit<LocalExecutorOptions, "workerFile" | "environment" | "check"> & {
    readonly checksInputs: boolean;
  },
): LocalExecutor {
  const { environment, paths } = project;
  const check = {
    ...{ root: paths.root, home: environment.HOME, path: environment.PATH ?? "" },
    variables: Object.keys(environment),
  };
  return new LocalExecutor({
    ...options,
    check: checksInputs ? check : undefined,
    devices: project.devices,
    workerFile: fileURLToPath(new URL("./worker.js", import.meta.url)),
    environment: inheritedFrom(project.environment),
  });
}

/** A lease that holds off collections from now on; then a look at what one has marked already. The order matters: backends/store/mark.ts. */
export function useStores(project: Project, what: string): Lease | undefined {
  const name = `${processTag()}-${randomBytes(4).toString("hex")}`;
  const lease = Lease.tryTake(join(project.paths.cache, "leases", name), what);
  project.store.heedMark();
  project.archiveBlobs.heedMark();
  return lease;
}

/** cpu and memory of this machine, with what the user said over it. */
export function machineLimits(jobs: number | undefined, named: Limits): Limits {
  return { cpu: jobs ?? cpus().length, memory: Math.floor(totalmem() / 2 ** 20), ...named };
}

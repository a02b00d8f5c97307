// The composition root: the only file that names concrete stores and executors. Everybody else is handed interfaces.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { LocalExecutor } from "../backends/executors/local.ts";
import { LocalActionCache } from "../backends/store/action-cache.ts";
import { LocalStore } from "../backends/store/local.ts";
import { StatCache } from "../backends/store/stat-cache.ts";
import { ActionFactory } from "../engine/actions.ts";
import { Contents, stagingName } from "../engine/contents.ts";
import { InputResolver, SourcesRead } from "../engine/inputs.ts";
import { Rebuilder } from "../engine/rebuilder.ts";
import { ResourcePool, type Limits } from "../engine/resources.ts";
import type { BuildSession, Session } from "../engine/session.ts";
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
import { Turns } from "../util/turns.ts";
import { ownerOfTemporary } from "../util/fs.ts";
import { hasEnded, processTag } from "../util/host.ts";
import { who } from "../util/who.ts";
import { explainReasons } from "./explain-code.ts";
import { measureInputs } from "./measure-inputs.ts";
import type { OpenRun } from "./open-run.ts";
import { pathsOf, type ProjectPaths } from "./paths.ts";

export interface Project {
  readonly paths: ProjectPaths;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly digests: StatCache;
  readonly store: LocalStore;
  readonly archive: Archive;
  readonly archiveBlobs: LocalStore;
  readonly bundler: Bundler;
  close(): void;
}

export async function openProject(root: string, environment: NodeJS.ProcessEnv): Promise<Project> {
  const paths = pathsOf(root);
  mkdirSync(paths.cache, { recursive: true });
  const { default: makeXxhash } = await import("xxhash-wasm");
  const xxhash = await makeXxhash();
  const digests = new StatCache(paths.cache, { create: () => xxhash.create64() });
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
    close() {
      bundler.close();
      digests.close();
    },
  };
}

export interface DecidingSession extends Session {
  readonly sources: SourcesRead;
  close(): void;
}

export interface SessionOptions {
  readonly onSetAside: (target: string, file: string, to: string) => void;
  /** Whether the run is (still) held: nothing is written into its folder otherwise. */
  readonly mayWrite: () => boolean;
}

/** Enough to decide on every target of a run; the trace is read as it is now. */
export function openSession(project: Project, run: OpenRun, { onSetAside, mayWrite }: SessionOptions): DecidingSession {
  const { paths, digests, store, archiveBlobs } = project;
  const trace = new Trace(run.folder.folder, mayWrite);
  const cache = new LocalActionCache(join(paths.cache, "actions"));
  const sources = new SourcesRead();
  const contents = new Contents({
    runFolder: run.folder.folder,
    stores: [store, archiveBlobs],
    digests,
    trace,
    onSetAside,
  });
  const environment = { ...project.environment, ...Object.fromEntries(run.secrets.values) };
  const factory = new ActionFactory({
    root: paths.root,
    nodeMajor: Number(process.versions.node.split(".")[0]),
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
    nodeMajor: Number(process.versions.node.split(".")[0]),
    trace,
    cache,
    store,
    archive: archiveBlobs,
    digests,
    contents,
    resolver: new InputResolver({ root: paths.root, digests, contents, sources }),
    factory,
    rebuilder: new Rebuilder(trace, cache, (result) =>
      Object.values(result.outputs).every((artifact) => contents.isStored(artifact)),
    ),
    sources,
    close() {
      trace.close();
      cache.close();
    },
  };
}

export interface BuildSetup {
  readonly build: number;
  readonly lease: Lease;
  readonly limits: Limits;
  readonly keepGoing: boolean;
  readonly emit: Emit;
}

/** Adds what it takes to build: workers, limits, memory for paid calls, claims. */
export function openBuildSession(
  project: Project,
  run: OpenRun,
  deciding: DecidingSession,
  setup: BuildSetup,
): BuildSession & { closeBuild(): Promise<void> } {
  const { paths, archive, bundler } = project;
  const scratchRoot = join(paths.cache, "tmp");
  sweepScratch(scratchRoot);
  rmSync(join(run.folder.folder, stagingName), { recursive: true, force: true });
  sweepTemporary(run.folder.folder);
  const calls = new Calls(join(paths.archive, "calls"), {
    now: Date.now,
    notBefore: deciding.trace.callsHiddenBefore(),
  });
  const executor = new LocalExecutor({
    workerFile: new URL("./worker.js", import.meta.url).pathname,
    blobsFolder: join(paths.cache, "blobs"),
    scratch: join(scratchRoot, processTag()),
    environment: pick(project.environment, ["PATH"]),
    calls,
  });
  const kept = new Set<Digest>();
  const turns = new Turns();
  return {
    ...deciding,
    build: setup.build,
    executor,
    pool: new ResourcePool(setup.limits),
    emit: setup.emit,
    now: Date.now,
    sleep,
    random: Math.random,
    who: who(),
    logsFolder: run.folder.logsFolder,
    keepCode(code) {
      if (kept.has(code)) return;
      const source = bundler.sourceOf(code);
      if (source !== undefined) archive.keepBundle(code, bundler.fileOf(code), source);
      kept.add(code);
    },
    mapStack: (bundle, stack) => mapStack(bundle, stack, bundler.sourceOfFile(bundle)),
    explain: async (target, reasons) =>
      measureInputs(project, run, deciding, target, await explainReasons(project, reasons)),
    async claim(key, onWait, signal) {
      // Two targets of this build that need the same action take turns without a word.
      const turn = await turns.take(key);
      const lease = await Lease.take(join(paths.cache, "claims", key), `run ${run.folder.id}`, { onWait, signal });
      if (lease === undefined) return void turn();
      return () => {
        lease.release();
        turn();
      };
    },
    holdsRun: () => setup.lease.isHeld(),
    keepGoing: setup.keepGoing,
    mask: run.secrets.mask,
    async closeBuild() {
      await executor.close();
      calls.close();
    },
  };
}

/** cpu, memory and gpu of this machine, with what the user said over it. */
export function machineLimits(jobs: number | undefined, named: Limits): Limits {
  return { cpu: jobs ?? cpus().length, memory: Math.floor(totalmem() / 2 ** 20), gpu: 0, ...named };
}

/** Folders of builds whose process has ended. A shared disk holds those of other hosts too, which may be alive. */
function sweepScratch(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) if (hasEnded(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Half-written files of processes that have ended. Those of live ones are theirs: a build that waits for the lock writes one now and then. */
function sweepTemporary(folder: string): void {
  for (const name of readdirSync(folder)) {
    const owner = ownerOfTemporary(name);
    if (owner !== undefined && hasEnded(owner)) rmSync(join(folder, name), { force: true });
  }
}

function pick(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

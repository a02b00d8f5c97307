// Sandboxes from their creation to their end: queued until there is room, scheduled, running, over. What befalls them is steered from the test.
//
//   queued ──> running ──> over (with a result)
//     └───────────────────────^  terminated, or out of its lifetime, before it began

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Container, type ContainerProcess } from "./container.ts";
import { pause } from "./faults.ts";
import { deferred } from "./output.ts";
import { VolumeView, type Volume } from "./volumes.ts";

/** Of `GenericResult`. */
export const statuses = {
  success: 1,
  failure: 2,
  terminated: 3,
  timeout: 4,
  initFailure: 5,
  internalFailure: 6,
  idleTimeout: 7,
} as const;

export interface SandboxResult {
  readonly status: number;
  readonly exitcode: number;
  readonly exception: string;
}

export interface Mount {
  readonly volume: Volume;
  readonly mountPath: string;
  readonly isReadOnly: boolean;
  readonly subPath: string;
}

export interface SandboxDefinition {
  readonly backend: "V1" | "V2";
  readonly appId: string;
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workdir: string | undefined;
  readonly imageId: string;
  readonly gpu: { readonly type: string; readonly count: number } | undefined;
  readonly milliCpu: number;
  readonly memoryMiB: number;
  readonly lifetimeSeconds: number;
  readonly mounts: readonly Mount[];
  readonly regions: readonly string[];
  readonly hasNetwork: boolean;
}

/** What the platform does to a sandbox that has begun. */
export interface Misfortune {
  readonly kind: "preempted" | "killed" | "lost";
  readonly afterMs: number;
}

export interface SandboxSettings {
  /** GPUs that there are; what asks for more waits. */
  gpus: number;
  /** Sandboxes that may run at once. */
  containers: number;
  /** From the creation to the start, where there is room. */
  startMs: number;
  /** From the end of a sandbox, or from its `sync`, until what it has written is committed. */
  commitMs: number;
  /** Whether a sandbox is over before what it has written is committed: it is not known whether the cloud waits. */
  isOverBeforeCommit: boolean;
  /** Commits of what is there, whole or not, while sandboxes run. */
  backgroundCommitMs: number | undefined;
  /** Between the announcement of a preemption (SIGINT) and the end. */
  preemptionGraceMs: number;
  /** Asked for each sandbox that begins. */
  misfortune: (sandbox: Sandbox) => Misfortune | undefined;
  /** Bytes of output that the new backend keeps for late readers. */
  keptOutputBytes: number;
  /** Told of what a sandbox has just committed to a volume, and that lives still unless its result says otherwise. */
  onCommit: (sandbox: Sandbox, volume: Volume, paths: readonly string[]) => void;
  /** What containers find as `node`. */
  node: string;
  /** Folders of this machine that containers see under the same path, for what a test has to hear of them. */
  seesToo: readonly string[];
}

export class Sandbox {
  readonly id: string;
  readonly taskId = `ta-${randomBytes(11).toString("hex")}`;
  readonly definition: SandboxDefinition;
  readonly createdAt: number;
  tags: Readonly<Record<string, string>>;
  state: "queued" | "running" | "over" = "queued";
  /** When it began to be paid for, and ended to be: milliseconds since 1970. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  result: SandboxResult | undefined;
  container: Container | undefined;
  process: ContainerProcess | undefined;
  /** What it has written on its volumes is so for everybody from now on. */
  commit: () => void = () => undefined;
  readonly #begun = deferred();
  readonly #ended = deferred();
  /** Input that came before the command began. */
  readonly #early: (() => void)[] = [];

  constructor(definition: SandboxDefinition, tags: Readonly<Record<string, string>>, createdAt: number) {
    this.id = definition.backend === "V1" ? `sb-${idWord(22)}` : `sb-${idWord(26)}`;
    this.definition = definition;
    this.tags = tags;
    this.createdAt = createdAt;
  }

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  begin(container: Container, process: ContainerProcess): void {
    this.container = container;
    this.process = process;
    this.state = "running";
    this.startedAt = Date.now();
    for (const act of this.#early.splice(0)) act();
    this.#begun.resolve();
  }

  input(act: (process: ContainerProcess) => void): void {
    if (this.process !== undefined) act(this.process);
    else this.#early.push(() => act(this.process!));
  }

  finish(result: SandboxResult): void {
    this.state = "over";
    this.result = result;
    this.endedAt = Date.now();
    this.#begun.resolve();
    this.#ended.resolve();
  }
}

export class Sandboxes {
  readonly #folder: string;
  readonly settings: SandboxSettings;
  readonly all = new Map<string, Sandbox>();
  #lastCreatedAt = 0;

  constructor(folder: string, settings: SandboxSettings) {
    this.#folder = folder;
    this.settings = settings;
  }

  byTask(taskId: string): Sandbox | undefined {
    return [...this.all.values()].find((sandbox) => sandbox.taskId === taskId);
  }

  named(appId: string, name: string): readonly Sandbox[] {
    return [...this.all.values()].filter(({ definition }) => definition.appId === appId && definition.name === name);
  }

  get live(): readonly Sandbox[] {
    return [...this.all.values()].filter(({ state }) => state !== "over");
  }

  get running(): readonly Sandbox[] {
    return [...this.all.values()].filter(({ state }) => state === "running");
  }

  create(definition: SandboxDefinition, tags: Readonly<Record<string, string>>): Sandbox {
    // Pages are asked for by time of creation: no two are of one time.
    this.#lastCreatedAt = Math.max(Date.now() / 1000, this.#lastCreatedAt + 1e-4);
    const sandbox = new Sandbox(definition, tags, this.#lastCreatedAt);
    this.all.set(sandbox.id, sandbox);
    void pause(this.settings.startMs).then(() => this.schedule());
    return sandbox;
  }

  /** Starts what waits and has room, in the order of its creation. Called by itself; after more room was given, by the test. */
  schedule(): void {
    for (const sandbox of this.all.values())
      if (sandbox.state === "queued" && this.#hasRoom(sandbox)) this.#begin(sandbox);
  }

  async terminate(sandbox: Sandbox): Promise<void> {
    await this.#end(sandbox, { status: statuses.terminated, exitcode: 137, exception: "" });
  }

  /** As the platform does it when it wants the machine back: announced, then ended, and not begun again. */
  async preempt(sandbox: Sandbox): Promise<void> {
    sandbox.process?.kill("SIGINT");
    await Promise.race([sandbox.ended, pause(this.settings.preemptionGraceMs)]);
    await this.#end(sandbox, { status: statuses.internalFailure, exitcode: 0, exception: "preempted" });
  }

  /** Its machine is gone, and nothing of what was not committed is left. */
  async lose(sandbox: Sandbox): Promise<void> {
    await this.#end(sandbox, { status: statuses.internalFailure, exitcode: 0, exception: "worker lost" }, false);
  }

  async stop(): Promise<void> {
    this.settings.commitMs = 0;
    await Promise.all(this.live.map((sandbox) => this.terminate(sandbox)));
  }

  #hasRoom({ definition }: Sandbox): boolean {
    const gpus = this.running.reduce((sum, each) => sum + (each.definition.gpu?.count ?? 0), 0);
    return this.running.length < this.settings.containers && gpus + (definition.gpu?.count ?? 0) <= this.settings.gpus;
  }

  #begin(sandbox: Sandbox): void {
    const { definition } = sandbox;
    const folder = join(this.#folder, sandbox.id);
    const views = definition.mounts.map(
      ({ volume, ...mount }, n) => new VolumeView(volume, { ...mount, folder: join(folder, "volumes", String(n)) }),
    );
    const commit = (view: VolumeView) => {
      const paths = view.commit();
      if (paths.length > 0) this.settings.onCommit(sandbox, view.volume, paths);
    };
    sandbox.commit = () => views.forEach(commit);
    const container = new Container(folder, {
      views,
      node: this.settings.node,
      hasNetwork: definition.hasNetwork,
      seesToo: this.settings.seesToo,
      sync: async (path) => {
        await pause(this.settings.commitMs);
        for (const view of views) if (path === view.mountPath || path === view.folder) commit(view);
      },
    });
    const process = container.run({
      argv: definition.argv.length === 0 ? ["sleep", "infinity"] : definition.argv,
      environment: environmentOf(sandbox),
      ...(definition.workdir !== undefined && { workdir: definition.workdir }),
      keepOutput: definition.backend === "V2" ? this.settings.keptOutputBytes : Infinity,
    });
    sandbox.begin(container, process);
    const lifetime = setTimeout(
      () => void this.#end(sandbox, { status: statuses.timeout, exitcode: 124, exception: "" }),
      definition.lifetimeSeconds * 1000,
    );
    const { backgroundCommitMs } = this.settings;
    const commits =
      backgroundCommitMs === undefined ? undefined : setInterval(() => views.forEach(commit), backgroundCommitMs);
    void sandbox.ended.then(() => {
      clearTimeout(lifetime);
      clearInterval(commits);
      this.schedule();
    });
    void process.exited.then(({ code }) =>
      this.#end(sandbox, { status: code === 0 ? statuses.success : statuses.failure, exitcode: code, exception: "" }),
    );
    const misfortune = this.settings.misfortune(sandbox);
    if (misfortune !== undefined) void this.#befall(sandbox, misfortune);
  }

  async #befall(sandbox: Sandbox, { kind, afterMs }: Misfortune): Promise<void> {
    await Promise.race([sandbox.ended, pause(afterMs)]);
    if (sandbox.state === "over") return;
    if (kind === "preempted") await this.preempt(sandbox);
    else if (kind === "lost") await this.lose(sandbox);
    else sandbox.process?.kill("SIGKILL");
  }

  readonly #ending = new Set<Sandbox>();

  async #end(sandbox: Sandbox, result: SandboxResult, isCommitted = true): Promise<void> {
    if (this.#ending.has(sandbox) || sandbox.state === "over") return sandbox.ended;
    this.#ending.add(sandbox);
    const { container } = sandbox;
    await container?.end();
    const commit = async () => {
      await pause(this.settings.commitMs);
      sandbox.commit();
    };
    if (!isCommitted) sandbox.finish(result);
    else if (this.settings.isOverBeforeCommit) {
      sandbox.finish(result);
      await commit();
    } else {
      await commit();
      sandbox.finish(result);
    }
  }
}

export function environmentOf({ id, taskId, definition }: Sandbox): Readonly<Record<string, string>> {
  return {
    MODAL_SANDBOX_ID: id,
    MODAL_TASK_ID: taskId,
    ...(definition.gpu !== undefined && { CUDA_VISIBLE_DEVICES: [...Array(definition.gpu.count).keys()].join(",") }),
    ...definition.environment,
  };
}

function idWord(length: number): string {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join("");
}

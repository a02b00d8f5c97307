// Modal as executors use it: containers made, found, watched and ended, by name and tag. Every call waits its turn, has a deadline, and comes back as a
// result or as a problem that says whether asking again may help. Knows no orders and no money.

import type { App, Image, ModalClient, Sandbox, Secret, Volume } from "modal";
import type { ModalImage } from "../../../api/modal.ts";
import { sleep } from "../../../util/clock.ts";
import { Lanes } from "../../../util/lanes.ts";
import { fail, ok, type Result } from "../../../util/result.ts";
import { argvProblem, type Allotment } from "./allotment.ts";
import type { Lack } from "./credentials.ts";
import { DeadlinePassed, mayPass, problemOf, type CloudProblem } from "./problems.ts";
import { wrongVersion, type Sdk } from "./sdk.ts";
import { VolumeFiles } from "./volume.ts";

export interface CloudSettings {
  readonly app: string;
  /** Of the workspace; undefined: its default. */
  readonly environment: string | undefined;
  readonly volume: string;
  /** Containers that may be on their way to begin at once: each holds its call until it has begun. */
  readonly parallel: number;
  /** For calls of which the answer is there at once. */
  readonly deadlineMs?: number;
  /** How often a call that may be repeated is tried, if asking again may help. */
  readonly tries?: number;
}

export interface ContainerRequest {
  /** The same for the same work: whoever asks twice gets the one that is there. */
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly allotment: Allotment;
  /** Where the volume is seen. */
  readonly mountPath: string;
}

/** What all containers of one kind are made of. */
interface Parts {
  readonly app: App;
  readonly image: Image;
  readonly volume: Volume;
  readonly secrets: readonly Secret[];
}

/** A container by its id, which outlives this process. */
export interface ContainerHandle {
  readonly id: string;
  /** It was there already, made by an earlier try or an earlier driver. */
  readonly isFound: boolean;
}

export type Fate =
  | { readonly kind: "running" }
  | {
      readonly kind: "over";
      readonly status:
        "success" | "failure" | "terminated" | "timeout" | "init-failure" | "internal-failure" | "idle" | "unknown";
      readonly exitCode: number;
      readonly message: string;
    };
export type Over = Extract<Fate, { kind: "over" }>;

const callsAtOnce = 20;
const usualDeadlineMs = 60_000;
const usualTries = 5;
/** Modal's SDK itself waits 21 minutes for a GPU, then takes the container back. */
const beginDeadlineMs = 23 * 60_000;
const buildDeadlineMs = 60 * 60_000;
const longestThrottleSeconds = 30;
/** For a container that is on its way when nobody wants it any more. */
const givenUpWithinMs = 5_000;
const firstWaitMs = 500;
const longestWaitMs = 20_000;

export class Cloud {
  readonly #client: ModalClient;
  readonly #settings: CloudSettings;
  readonly #calls = new Lanes(callsAtOnce);
  readonly #beginnings: Lanes;
  /** What was asked for once: the app, the volume, images and secrets. */
  readonly #known = new Map<string, Promise<Result<unknown, CloudProblem>>>();
  readonly #stopped = new AbortController();

  private constructor(client: ModalClient, settings: CloudSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#beginnings = new Lanes(settings.parallel);
  }

  /** Speaks to nobody yet. */
  static open({ ModalClient }: Sdk, settings: CloudSettings): Result<Cloud, Lack> {
    const client = new ModalClient({
      ...(settings.environment !== undefined && { environment: settings.environment }),
      // Without it whoever is throttled waits without end.
      maxThrottleWaitSecs: longestThrottleSeconds,
      // What it would write to the console is told by problems.
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    const wrong = wrongVersion(client.version());
    return wrong === undefined ? ok(new Cloud(client, settings)) : fail(wrong);
  }

  /** Whether credentials are good, and the app there. */
  async greet(): Promise<Result<void, CloudProblem>> {
    const app = await this.#appOf();
    return app.ok ? ok(undefined) : app;
  }

  /** Made when it is not there. */
  async files(): Promise<Result<VolumeFiles, CloudProblem>> {
    const volume = await this.#volumeOf();
    if (!volume.ok) return volume;
    return ok(
      new VolumeFiles({
        client: this.#client,
        volumeId: volume.value.volumeId,
        call: (what, act, moreMs) => this.#repeated(what, act, moreMs),
      }),
    );
  }

  /** Resolves when the container has begun, which may take as long as GPUs are scarce. */
  async begin(request: ContainerRequest, signal: AbortSignal): Promise<Result<ContainerHandle, CloudProblem>> {
    const problem = argvProblem(request.argv);
    if (problem !== undefined) return fail({ kind: "refused", message: problem, isUnclear: false });
    const parts = await this.#partsOf(request.allotment);
    if (!parts.ok) return parts;
    const { app, image, volume, secrets } = parts.value;
    const { cpu, memoryMiB, gpu, lifetimeSeconds, regions } = request.allotment;
    const create = () =>
      this.#client.sandboxes.create(app, image, {
        name: request.name,
        tags: { ...request.tags },
        command: [...request.argv],
        env: { ...request.environment },
        secrets: [...secrets],
        volumes: { [request.mountPath]: volume },
        // What is used beyond a request is paid for: a limit at the request makes the price known.
        ...{ cpu, cpuLimit: cpu, memoryMiB, memoryLimitMiB: memoryMiB },
        ...(gpu !== undefined && { gpu: `${gpu.kind}:${gpu.count}` }),
        ...(regions.length > 0 && { regions: [...regions] }),
        timeoutMs: lifetimeSeconds * 1000,
      });
    return this.#beginnings.run(async () => {
      if (signal.aborted) return fail({ kind: "ended", message: "given up before it began", isUnclear: false });
      const made = await this.#begun(request.name, create, signal);
      if (made.ok) return ok({ id: made.value.sandboxId, isFound: false });
      // Taken: by an earlier try whose answer was lost, or by an earlier driver. Unclear: it may be there.
      if (made.error.kind !== "taken" && !made.error.isUnclear) return made;
      const found = await this.find(request.name);
      if (!found.ok) return found;
      return found.value === undefined ? made : ok({ id: found.value.id, isFound: true });
    });
  }

  /** Undefined: none of that name waits or runs. */
  async find(name: string): Promise<Result<ContainerHandle | undefined, CloudProblem>> {
    const found = await this.#repeated(`looking for the container ${name}`, () =>
      this.#client.sandboxes.fromName(this.#settings.app, name, this.#environment()),
    );
    if (found.ok) return ok({ id: found.value.sandboxId, isFound: true });
    return found.error.kind === "not-found" ? ok(undefined) : found;
  }

  /** Those that wait or run. */
  async list(tags: Readonly<Record<string, string>>): Promise<Result<readonly ContainerHandle[], CloudProblem>> {
    const app = await this.#appOf();
    if (!app.ok) return app;
    const { appId } = app.value;
    return this.#repeated("listing containers", async () => {
      const handles: ContainerHandle[] = [];
      for await (const { sandboxId } of this.#client.sandboxes.list({ appId, tags: { ...tags } }))
        handles.push({ id: sandboxId, isFound: true });
      return handles;
    });
  }

  async tagsOf({ id }: Pick<ContainerHandle, "id">): Promise<Result<Readonly<Record<string, string>>, CloudProblem>> {
    return this.#repeated(`the tags of ${id}`, async () => (await this.#sandbox(id)).getTags());
  }

  /**
   * As the platform has it, not as `wait()` tells it: a container that the platform has lost may have the exit code 0. `waitSeconds`: how long the
   * answer may wait for the end.
   */
  async fate({ id }: Pick<ContainerHandle, "id">, waitSeconds = 0): Promise<Result<Fate, CloudProblem>> {
    const request = { sandboxId: id, timeout: waitSeconds };
    const { cpClient } = this.#client;
    const act = () => (isOld(id) ? cpClient.sandboxWait(request) : cpClient.sandboxWaitV2(request));
    const answer = await this.#repeated(`the state of ${id}`, act, waitSeconds * 1000);
    if (!answer.ok) return answer;
    const { result } = answer.value;
    if (result === undefined || Number(result.status) === 0) return ok({ kind: "running" });
    const status = statuses[Number(result.status)] ?? "unknown";
    return ok({ kind: "over", status, exitCode: result.exitcode, message: result.exception });
  }

  /** Of one that is over already nothing is to be done. */
  async end({ id }: Pick<ContainerHandle, "id">): Promise<Result<void, CloudProblem>> {
    const ended = await this.#repeated(`ending ${id}`, async () => (await this.#sandbox(id)).terminate());
    return ended.ok || ended.error.kind === "not-found" ? ok(undefined) : ended;
  }

  /** What it prints, from its beginning on, until it is over or `signal` is aborted. Resolves also when the stream breaks off: `fate` knows better. */
  async follow({ id }: Pick<ContainerHandle, "id">, take: (text: string) => void, signal: AbortSignal): Promise<void> {
    const stopped = AbortSignal.any([signal, this.#stopped.signal]);
    try {
      const reader = (await this.#sandbox(id)).stdout.getReader();
      const cancel = () => void reader.cancel().catch(ignore);
      stopped.addEventListener("abort", cancel, { once: true });
      try {
        while (!stopped.aborted) {
          const { done, value } = await reader.read();
          if (done) return;
          take(value);
        }
      } finally {
        stopped.removeEventListener("abort", cancel);
      }
    } catch (error) {
      problemOf(error); // Throws on a bug.
    }
  }

  close(): void {
    this.#stopped.abort();
    this.#client.close();
  }

  // --- parts ------------------------------------------------------------------------------------------------------

  async #partsOf({ image, secrets }: Allotment): Promise<Result<Parts, CloudProblem>> {
    const app = await this.#appOf();
    if (!app.ok) return app;
    const volume = await this.#volumeOf();
    if (!volume.ok) return volume;
    const named: Secret[] = [];
    for (const name of secrets) {
      const secret = await this.#secretOf(name);
      if (!secret.ok) return secret;
      named.push(secret.value);
    }
    const built = await this.#imageOf(image, app.value);
    return built.ok ? ok({ app: app.value, volume: volume.value, secrets: named, image: built.value }) : built;
  }

  #appOf(): Promise<Result<App, CloudProblem>> {
    const options = { createIfMissing: true, ...this.#environment() };
    return this.#once("app", () =>
      this.#repeated("the app", () => this.#client.apps.fromName(this.#settings.app, options)),
    );
  }

  #volumeOf(): Promise<Result<Volume, CloudProblem>> {
    const options = { createIfMissing: true, version: 2, ...this.#environment() } as const;
    return this.#once("volume", () =>
      this.#repeated("the volume", () => this.#client.volumes.fromName(this.#settings.volume, options)),
    );
  }

  #secretOf(name: string): Promise<Result<Secret, CloudProblem>> {
    return this.#once(`secret ${name}`, async () => {
      const find = () => this.#client.secrets.fromName(name, this.#environment());
      const found = await this.#repeated(`the secret ${name}`, find);
      if (found.ok || found.error.kind !== "not-found") return found;
      return fail({ ...found.error, message: `there is no secret "${name}" at Modal` });
    });
  }

  /** Modal knows equal images by their commands, and builds each once. */
  #imageOf({ from, commands = [], registrySecret }: ModalImage, app: App): Promise<Result<Image, CloudProblem>> {
    return this.#once(`image ${JSON.stringify([from, commands, registrySecret])}`, async () => {
      const secret = registrySecret === undefined ? undefined : await this.#secretOf(registrySecret);
      if (secret?.ok === false) return secret;
      const { images } = this.#client;
      const build = () =>
        images
          .fromRegistry(from, secret?.value)
          .dockerfileCommands([...commands])
          .build(app);
      return this.#repeated(`the image ${from}`, build, buildDeadlineMs);
    });
  }

  /** What could not be had, and may be had later, is asked for again the next time. */
  #once<T>(what: string, ask: () => Promise<Result<T, CloudProblem>>): Promise<Result<T, CloudProblem>> {
    const known = this.#known.get(what) as Promise<Result<T, CloudProblem>> | undefined;
    if (known !== undefined) return known;
    const asked = ask();
    this.#known.set(what, asked);
    const forget = () => this.#known.delete(what);
    void asked.then((result) => void (!result.ok && mayPass(result.error) && forget()), forget);
    return asked;
  }

  #sandbox(id: string): Promise<Sandbox> {
    return this.#client.sandboxes.fromId(id);
  }

  #environment(): { readonly environment?: string } {
    const { environment } = this.#settings;
    return environment === undefined ? {} : { environment };
  }

  // --- calling ----------------------------------------------------------------------------------------------------

  /** While one waits for a GPU, a build may come to its end: what begins after that is ended at once. */
  async #begun(
    name: string,
    create: () => Promise<Sandbox>,
    signal: AbortSignal,
  ): Promise<Result<Sandbox, CloudProblem>> {
    const made = create();
    const stopped = AbortSignal.any([signal, this.#stopped.signal]);
    const given = await Promise.race([
      attempt(`the container ${name}`, () => made, beginDeadlineMs),
      aborted(stopped).then(() => undefined),
    ]);
    if (given !== undefined) return given;
    // It may have begun all the same where no answer says so.
    const ended = made
      .then(
        (late) => late.terminate(),
        () => this.#endNamed(name),
      )
      .catch(ignore);
    // One that waits for a GPU is known by its name alone; one that is about to begin is not known yet.
    await this.#endNamed(name);
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, givenUpWithinMs).unref())]);
    return fail({ kind: "ended", message: "given up while it waited to begin", isUnclear: false });
  }

  async #endNamed(name: string): Promise<void> {
    const found = await this.find(name);
    if (found.ok && found.value !== undefined) await this.end(found.value);
  }

  /** A call that may be made twice; again and again while that may help. */
  async #repeated<T>(what: string, act: () => Promise<T>, moreMs = 0): Promise<Result<T, CloudProblem>> {
    const { deadlineMs = usualDeadlineMs, tries = usualTries } = this.#settings;
    for (let tried = 1, waitMs = firstWaitMs; ; tried++, waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      const done = await this.#calls.run(() => attempt(what, act, deadlineMs + moreMs));
      if (done.ok || tried === tries || !mayPass(done.error) || this.#stopped.signal.aborted) return done;
      await sleep(waitMs, this.#stopped.signal);
    }
  }
}

/** Of `GenericResult`. */
const statuses: readonly (Over["status"] | undefined)[] = [
  undefined,
  "success",
  "failure",
  "terminated",
  "timeout",
  "init-failure",
  "internal-failure",
  "idle",
];

/** Of the backend that has GPUs; of the other one if not. The SDK tells them apart in the same way. */
function isOld(id: string): boolean {
  return /^sb-[0-9A-Za-z]{22}$/.test(id);
}

/** The SDK's calls cannot be cancelled: one that is given up goes on unheard. */
async function attempt<T>(what: string, act: () => Promise<T>, ms: number): Promise<Result<T, CloudProblem>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlinePassed(what, ms)), ms);
  });
  try {
    const called = act();
    called.catch(ignore);
    return ok(await Promise.race([called, late]));
  } catch (error) {
    return fail(problemOf(error));
  } finally {
    clearTimeout(timer);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function ignore(): void {}

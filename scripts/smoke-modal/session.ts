// One smoke test at Modal: its clients, and what it has begun there, so that all of it can be ended and removed again. Nothing of it outlives its lifetime,
// which is short. Knows no questions.

import { randomBytes, randomUUID } from "node:crypto";
import type { ModalClient, Sandbox } from "modal";
import { Metadata, type CallOptions, type ClientMiddlewareCall } from "nice-grpc";
import { allot, type Allotment } from "../../src/backends/executors/modal/allotment.ts";
import { Cloud, type Over } from "../../src/backends/executors/modal/cloud.ts";
import type { CloudProblem } from "../../src/backends/executors/modal/problems.ts";
import { listPrices, usdPerSecond } from "../../src/backends/executors/modal/prices.ts";
import type { Sdk } from "../../src/backends/executors/modal/sdk.ts";
import type { VolumeFiles } from "../../src/backends/executors/modal/volume.ts";
import { sleepFor } from "../../src/util/clock.ts";
import type { Result } from "../../src/util/result.ts";

/** What a container is given; the least that does. */
export interface Container {
  readonly what: string;
  /** Whole seconds, by which it ends whatever happens. */
  readonly lifetime: number;
  readonly memory?: number;
  readonly gpu?: string;
}

export const mountPath = "/exp";
const cpu = 0.25;
const usualMemory = 256;
const nodeMajor = Number(process.versions.node.split(".")[0]);

export function allotmentOf({ lifetime, memory = usualMemory, gpu }: Container): Allotment {
  const options = { cpu, memory, time: lifetime / 60, ...(gpu !== undefined && { gpu }) };
  const usual = { resources: {}, timeoutMs: undefined, actions: 1, moreTime: 1, moreMemory: 1, nodeMajor };
  return must(allot({ options, ...usual }));
}

/** If it lives to its end. */
export function mostUsd(container: Container): number {
  return must(usdPerSecond(allotmentOf(container), listPrices)) * container.lifetime;
}

export class Session {
  /** Of everything that it makes. */
  readonly name = `exp-smoke-${randomBytes(3).toString("hex")}`;
  readonly cloud: Cloud;
  /** For what exp does not use. */
  readonly client: ModalClient;
  /** By name of the request, what `client` has asked. */
  readonly calls = new Map<string, number>();
  /** The answer to the next request of this name is thrown away here, and the request is made again under the same idempotency key, as the SDK does it. */
  loseAnswerTo: string | undefined;
  readonly #stop: AbortSignal;
  #containers = 0;
  readonly #begun = new Map<
    string,
    { readonly at: number; readonly usdPerSecond: number; readonly lifetime: number }
  >();
  #spentUsd = 0;

  constructor(sdk: Sdk, stop: AbortSignal) {
    this.#stop = stop;
    const settings = { app: "exp-smoke", environment: undefined, volume: this.name, parallel: 30 };
    const cloud = Cloud.open(sdk, settings);
    if (!cloud.ok) throw new Error(`${cloud.error.what}: ${cloud.error.fix}`);
    this.cloud = cloud.value;
    const quiet = () => undefined;
    this.client = new sdk.ModalClient({
      maxThrottleWaitSecs: 30,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      grpcMiddleware: [(call, options) => this.#around(call, options)],
    });
  }

  get spentUsd(): number {
    return this.#spentUsd;
  }

  async files(): Promise<VolumeFiles> {
    return must(await this.cloud.files());
  }

  /** Its id, and the seconds until it ran. */
  async begin(
    container: Container,
    argv: readonly string[],
    name = `${this.name}-${this.#containers++}`,
  ): Promise<{ readonly id: string; readonly name: string; readonly isFound: boolean; readonly seconds: number }> {
    const allotment = allotmentOf(container);
    const before = performance.now();
    const request = { name, tags: { smoke: this.name }, argv, environment: {}, allotment, mountPath };
    const handle = must(await this.cloud.begin(request, this.#stop));
    if (!handle.isFound) this.#note(handle.id, container);
    return { ...handle, name, seconds: (performance.now() - before) / 1000 };
  }

  /** Until it is over. */
  async over(id: string): Promise<Over> {
    for (;;) {
      this.#stop.throwIfAborted();
      const fate = must(await this.cloud.fate({ id }, 5));
      if (fate.kind === "running") continue;
      this.#settle(id);
      return fate;
    }
  }

  /** Seconds until it is so; undefined: not within `seconds`. */
  async until(isSo: () => Promise<boolean>, seconds: number): Promise<number | undefined> {
    const before = performance.now();
    for (;;) {
      this.#stop.throwIfAborted();
      if (await isSo()) return (performance.now() - before) / 1000;
      if (performance.now() - before > seconds * 1000) return undefined;
      await sleepFor(200);
    }
  }

  /** As the SDK hands it out. */
  sandbox(id: string): Promise<Sandbox> {
    return this.client.sandboxes.fromId(id);
  }

  /** All that it has begun is ended, and what it has put on its volume goes with it. What could not be done comes back in words. */
  async cleanUp(): Promise<readonly string[]> {
    const problems: string[] = [];
    const running = await this.cloud.list({ smoke: this.name });
    if (!running.ok) problems.push(`its containers could not be looked for: ${running.error.message}`);
    else
      for (const { id } of running.value) {
        const ended = await this.cloud.end({ id });
        if (!ended.ok) problems.push(`the container ${id} could not be ended: ${ended.error.message}`);
      }
    for (const id of [...this.#begun.keys()]) this.#settle(id);
    try {
      await this.client.volumes.delete(this.name, { allowMissing: true });
    } catch (error) {
      problems.push(`the volume ${this.name} could not be deleted: ${(error as Error).message}`);
    }
    this.cloud.close();
    this.client.close();
    return problems;
  }

  #note(id: string, container: Container): void {
    const { lifetime } = container;
    this.#begun.set(id, { at: performance.now(), usdPerSecond: mostUsd(container) / lifetime, lifetime });
  }

  #settle(id: string): void {
    const begun = this.#begun.get(id);
    if (begun === undefined) return;
    this.#begun.delete(id);
    this.#spentUsd += Math.min(begun.lifetime, (performance.now() - begun.at) / 1000) * begun.usdPerSecond;
  }

  async *#around<Request, Response>(
    call: ClientMiddlewareCall<Request, Response>,
    options: CallOptions,
  ): AsyncGenerator<Response, Response | void, undefined> {
    const rpc = call.method.path.split("/").at(-1)!;
    this.calls.set(rpc, (this.calls.get(rpc) ?? 0) + 1);
    if (this.loseAnswerTo !== rpc) return yield* call.next(call.request, options);
    this.loseAnswerTo = undefined;
    const key = randomUUID();
    const attempt = (number: number) => ({
      ...options,
      // The SDK sets these itself where it is to try again by itself.
      retries: 0,
      metadata: new Metadata(options.metadata).set("x-idempotency-key", key).set("x-retry-attempt", String(number)),
    });
    yield* call.next(call.request, attempt(0));
    return yield* call.next(call.request, attempt(1));
  }
}

export function must<T>(result: Result<T, CloudProblem | string>): T {
  if (result.ok) return result.value;
  throw new Error(typeof result.error === "string" ? result.error : result.error.message);
}

// Modal for the benchmark: the tests' server on this machine, which counts what it is asked, and whose containers are processes here.

import { Cloud } from "../src/backends/executors/modal/cloud.ts";
import { allot } from "../src/backends/executors/modal/allotment.ts";
import { listPrices, usdPerSecond } from "../src/backends/executors/modal/prices.ts";
import { loadSdk } from "../src/backends/executors/modal/sdk.ts";
import type { VolumeFiles } from "../src/backends/executors/modal/volume.ts";
import type { Result } from "../src/util/result.ts";
import { hasBubblewrap, ModalServer } from "../test/modal/server/server.ts";
import type { Amount } from "./measure.ts";

/** Undefined: containers can be had here. */
export const modalIsMissing = hasBubblewrap ? undefined : "bubblewrap";

/** Requests of the API, by its name for them; those that were not made are absent. */
export type Requests = Readonly<Record<string, number>>;

export interface Traffic {
  readonly requests: Requests;
  /** Of the storage behind volumes. */
  readonly puts: number;
  readonly gets: number;
  readonly bytesPut: number;
  readonly bytesGot: number;
  /** How often containers made others see what they had written. */
  readonly commits: number;
}

/** As the server knows it, whoever pays. */
export interface Paid {
  readonly containers: number;
  readonly seconds: number;
  readonly usd: number;
}

const app = "exp";

export class BenchModal {
  readonly server: ModalServer;
  #commits = 0;

  private constructor(server: ModalServer) {
    this.server = server;
    server.settings.onCommit = () => (this.#commits += 1);
  }

  /** `node`: what containers have of it. `seesToo`: folders that they see. */
  static async start(node: string, seesToo: readonly string[] = []): Promise<BenchModal> {
    return new BenchModal(await ModalServer.start({ node, seesToo, gpus: 1000, containers: 1000 }));
  }

  get environment(): Readonly<Record<string, string>> {
    return this.server.environment;
  }

  /** Since the last time that this was asked. */
  takeTraffic(): Traffic {
    const { faults, blocks } = this.server;
    const traffic = { requests: faults.counts, ...blocks.counts, commits: this.#commits };
    faults.forgetCounts();
    Object.assign(blocks.counts, { puts: 0, gets: 0, bytesPut: 0, bytesGot: 0 });
    this.#commits = 0;
    return traffic;
  }

  /** The longest command line that a container was begun with, bytes. */
  get longestArgv(): number {
    const lengths = [...this.server.sandboxes.all.values()].map(({ definition: { argv } }) =>
      argv.reduce((sum, word) => sum + Buffer.byteLength(word), 0),
    );
    return Math.max(0, ...lengths);
  }

  onVolume(): Amount {
    const files = [...(this.server.volumes.get(app)?.files.values() ?? [])];
    return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
  }

  /** As if nobody had used it. */
  forget(): void {
    this.server.volumes.clear();
    this.server.blocks.forget();
    this.server.sandboxes.all.clear();
  }

  /** Of all containers since the last `forget`. */
  paid(): Paid {
    let [seconds, usd, containers] = [0, 0, 0];
    for (const { startedAt, endedAt = Date.now(), definition } of this.server.sandboxes.all.values()) {
      if (startedAt === undefined) continue;
      const { milliCpu, memoryMiB, gpu, regions } = definition;
      const given = { cpu: milliCpu / 1000, memoryMiB, regions };
      const priced = { ...given, gpu: gpu === undefined ? undefined : { kind: gpu.type, count: gpu.count } };
      const took = (endedAt - startedAt) / 1000;
      seconds += took;
      usd += took * must(usdPerSecond(priced, listPrices));
      containers += 1;
    }
    return { containers, seconds, usd };
  }

  /** Until nothing waits or runs. */
  async idle(): Promise<void> {
    await Promise.all(this.server.sandboxes.live.map(({ ended }) => ended));
  }

  /** Seconds until so many containers have ended that do nothing, so many of them at once: what the platform itself takes. */
  async timeNothing(containers: number, parallel: number, gpu: string): Promise<number> {
    return this.#withCloud(parallel, async (cloud) => {
      const allotment = must(
        allot({
          ...{ options: { gpu, time: 5 }, resources: {}, timeoutMs: undefined, actions: 1, moreTime: 1, moreMemory: 1 },
          nodeMajor: 20,
        }),
      );
      const start = performance.now();
      let next = 0;
      const lane = async () => {
        while (next < containers) {
          const name = `nothing-${next++}`;
          const request = { name, tags: {}, argv: ["true"], environment: {}, allotment, mountPath: "/exp" };
          const { id } = must(await cloud.begin(request, new AbortController().signal));
          while (must(await cloud.fate({ id }, 10)).kind === "running");
        }
      };
      await Promise.all(Array.from({ length: parallel }, lane));
      return (performance.now() - start) / 1000;
    });
  }

  /** Seconds that the list of a folder of so many files takes. */
  async timeList(files: number): Promise<number> {
    return this.#withCloud(1, async (cloud) => {
      const volume: VolumeFiles = must(await cloud.files());
      for (let n = 0; n < files; n++) this.server.volume(app).write(`ac/${n % 256}/${n}`, "");
      const start = performance.now();
      const listed = must(await volume.list("ac"));
      if (listed.length !== files) throw new Error(`${listed.length} of ${files} files are listed`);
      return (performance.now() - start) / 1000;
    });
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  async #withCloud<T>(parallel: number, act: (cloud: Cloud) => Promise<T>): Promise<T> {
    const before = { ...process.env };
    Object.assign(process.env, this.environment);
    try {
      const cloud = must(Cloud.open(must(await loadSdk()), { app, environment: undefined, volume: app, parallel }));
      try {
        return await act(cloud);
      } finally {
        cloud.close();
      }
    } finally {
      process.env = before;
    }
  }
}

function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`expected to go well: ${JSON.stringify(result.error)}`);
  return result.value;
}

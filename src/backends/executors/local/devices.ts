// The GPUs of this machine: which there are, and which of them an action has to itself while it runs.

import { execFile } from "node:child_process";
import { hasCode } from "../../../util/fs.ts";

export interface Grant {
  readonly names: readonly string[];
  /** Tell programs which GPUs are theirs; part of no key, as the machine is not. */
  readonly variables: Readonly<Record<string, string>>;
  release(): void;
}

/** Without persistence mode the driver sets up each GPU anew to be asked about it: seconds. */
const deadlineMs = 30_000;
/** By number as nvidia-smi counts, which is not how CUDA does if it is not told to. */
const byBus = { CUDA_DEVICE_ORDER: "PCI_BUS_ID" };

/** Those that this process may use, found when they are asked for first. */
export function machineDevices(environment: NodeJS.ProcessEnv): () => Promise<Devices> {
  let found: Promise<Devices> | undefined;
  return () => (found ??= findDevices(environment));
}

async function findDevices(environment: NodeJS.ProcessEnv): Promise<Devices> {
  const { CUDA_VISIBLE_DEVICES: visible, CUDA_DEVICE_ORDER: order } = environment;
  if (visible !== undefined) {
    const how = `CUDA_VISIBLE_DEVICES is "${visible}"`;
    return new Devices(namesIn(visible), how, order === undefined ? {} : { CUDA_DEVICE_ORDER: order });
  }
  return new Promise((resolve) => {
    execFile("nvidia-smi", ["-L"], { env: environment, timeout: deadlineMs }, (error, stdout, stderr) => {
      const [said = ""] = `${stdout}${stderr}`.trim().split("\n");
      const none = hasCode(error, "ENOENT") ? "there is no nvidia-smi here" : `nvidia-smi: ${said}`;
      resolve(
        error === null ? new Devices(namesListed(stdout), "as nvidia-smi -L lists them", byBus) : new Devices([], none),
      );
    });
  });
}

/** `0,1` or `GPU-5a…`: those before the first that is no name, as CUDA reads it. */
export function namesIn(visible: string): readonly string[] {
  const names = visible.split(",").map((name) => name.trim());
  const end = names.findIndex((name) => !/^(\d+$|GPU-|MIG-)/.test(name));
  return end === -1 ? names : names.slice(0, end);
}

/** `GPU 0: NVIDIA H200 (UUID: GPU-5a…)`, a line a GPU, and below one that is partitioned `MIG 1g.18gb Device 0: (UUID: MIG-…)`: its parts are used instead. */
export function namesListed(text: string): readonly string[] {
  const all: { name: string; parts: string[] }[] = [];
  for (const line of text.split("\n")) {
    const gpu = /^GPU (\d+):/.exec(line);
    const part = /^\s+MIG .*\(UUID: (MIG-[^)]+)\)/.exec(line);
    if (gpu !== null) all.push({ name: gpu[1]!, parts: [] });
    else if (part !== null) all.at(-1)?.parts.push(part[1]!);
  }
  return all.flatMap(({ name, parts }) => (parts.length > 0 ? parts : [name]));
}

export class Devices {
  /** How it is known that there are so many. */
  readonly how: string;
  /** By name, which part of it is taken. */
  readonly #taken: Map<string, number>;
  readonly #variables: Readonly<Record<string, string>>;

  /** `variables`: what programs are told beside the names. */
  constructor(names: readonly string[], how: string, variables: Readonly<Record<string, string>> = {}) {
    this.how = how;
    this.#taken = new Map(names.map((name) => [name, 0]));
    this.#variables = variables;
  }

  get count(): number {
    return this.#taken.size;
  }

  /**
   * GPUs for an action that wants `amount`: whole ones, or a part of one that others may have parts of. Whoever limits how many are asked for at
   * once finds free ones; otherwise they are shared. `before`: had by who asks, and given again where they are free. Undefined: there are none.
   */
  take(amount: number, before: readonly string[]): Grant | undefined {
    if (this.count === 0) return undefined;
    const share = Math.min(amount, 1);
    const isFree = (name: string) => this.#taken.get(name)! + share <= 1 + 1e-9;
    const wanted = Math.min(Math.ceil(amount), this.count);
    const names =
      before.length === wanted && before.every(isFree) ? before : this.#inOrder(share, isFree).slice(0, wanted);
    const add = (part: number) => {
      for (const name of names) this.#taken.set(name, this.#taken.get(name)! + part);
    };
    add(share);
    let isReleased = false;
    return {
      names,
      variables: { ...this.#variables, CUDA_VISIBLE_DEVICES: names.join(",") },
      release() {
        if (!isReleased) add(-share);
        isReleased = true;
      },
    };
  }

  /** Parts go where others are already, as long as there is room: whole ones stay free for who wants those. */
  #inOrder(share: number, isFree: (name: string) => boolean): readonly string[] {
    const all = [...this.#taken];
    const byUse = all.sort(([, a], [, b]) => a - b).map(([name]) => name);
    return share < 1 ? [...byUse.filter(isFree).reverse(), ...byUse.filter((name) => !isFree(name))] : byUse;
  }
}

// The GPUs of this machine: which there are, and which of them an action has to itself while it runs.

import { execFile } from "node:child_process";
import { hasCode } from "../../../util/fs.ts";

export interface Grant {
  readonly names: readonly string[];
  /** For the environment of programs. */
  readonly variables: Readonly<Record<string, string>>;
  release(): void;
}

/** Without persistence mode the driver sets up each GPU anew to be asked about it: seconds. */
const deadlineMs = 30_000;
/** By number as nvidia-smi counts, which is not how CUDA does if it is not told to. */
const byBus = { CUDA_DEVICE_ORDER: "PCI_BUS_ID" };

/** Those that this process may use, found when they are asked for first; where there were none it is looked again. */
export function machineDevices(environment: NodeJS.ProcessEnv): () => Promise<Devices> {
  let found: Promise<Devices> | undefined;
  return async () => {
    const devices = await (found ??= findDevices(environment));
    if (devices.count === 0) found = undefined;
    return devices;
  };
}

async function findDevices(environment: NodeJS.ProcessEnv): Promise<Devices> {
  const { CUDA_VISIBLE_DEVICES: visible } = environment;
  if (visible !== undefined) return new Devices(namesIn(visible), `CUDA_VISIBLE_DEVICES is "${visible}"`);
  return new Promise((resolve) => {
    execFile("nvidia-smi", ["-L"], { env: environment, timeout: deadlineMs }, (error, stdout, stderr) => {
      if (error === null) return resolve(new Devices(namesListed(stdout), "as nvidia-smi -L lists them", byBus));
      const [said = ""] = `${stdout}${stderr}`.trim().split("\n");
      const why = said === "" ? error.message : `nvidia-smi: ${said}`;
      resolve(new Devices([], hasCode(error, "ENOENT") ? "there is no nvidia-smi here" : why));
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
  /** By name, how many have it. */
  readonly #users: Map<string, number>;
  readonly #variables: Readonly<Record<string, string>>;

  /** `variables`: what programs are to be told beside the names. */
  constructor(names: readonly string[], how: string, variables: Readonly<Record<string, string>> = {}) {
    this.how = how;
    this.#users = new Map(names.map((name) => [name, 0]));
    this.#variables = variables;
  }

  get count(): number {
    return this.#users.size;
  }

  /**
   * So many, and all there are if there are no more. Whoever lets no more be asked for at once than there are finds free ones; otherwise they are
   * shared. `before`: what who asks had, and is given again where it is free; `held`: what others may come back for. Undefined: there are none.
   */
  take(amount: number, before: readonly string[], held: ReadonlySet<string>): Grant | undefined {
    if (this.count === 0) return undefined;
    const isFree = (name: string) => this.#users.get(name) === 0;
    const wanted = Math.min(Math.ceil(amount), this.count);
    const names = before.length === wanted && before.every(isFree) ? before : this.#inOrder(held).slice(0, wanted);
    const add = (sign: 1 | -1) => {
      for (const name of names) this.#users.set(name, this.#users.get(name)! + sign);
    };
    add(1);
    let isReleased = false;
    return {
      names,
      variables: { ...this.#variables, CUDA_VISIBLE_DEVICES: names.join(",") },
      release() {
        if (!isReleased) add(-1);
        isReleased = true;
      },
    };
  }

  #inOrder(held: ReadonlySet<string>): readonly string[] {
    const all = [...this.#users].map(([name, users]) => ({ name, rank: 2 * users + (held.has(name) ? 1 : 0) }));
    return all.sort((a, b) => a.rank - b.rank).map(({ name }) => name);
  }
}

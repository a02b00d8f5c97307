// The GPUs that this process may use, looked at with nvidia-smi: how busy they are, how much of their memory is in use.

import { execFile } from "node:child_process";

export interface GpuLook {
  /** Mean of all of them. */
  readonly percent: number;
  /** Of all of them together. */
  readonly usedMiB: number;
}

const deadlineMs = 5_000;
const query = ["--query-gpu=index,uuid,utilization.gpu,memory.used", "--format=csv,noheader,nounits"];

/** For `readLook`; empty where there is no nvidia-smi. */
export function askForGpus(environment: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    execFile("nvidia-smi", query, { env: environment, timeout: deadlineMs }, (error, stdout) => {
      resolve(error === null ? stdout : "");
    });
  });
}

/** `0, GPU-5a…, 97, 40012`, a line a GPU. `visible`: numbers or UUIDs, with commas between; undefined: all. The result is undefined where there are none. */
export function readLook(text: string, visible: string | undefined): GpuLook | undefined {
  const names = visible?.split(",").map((name) => name.trim());
  const own = text.split("\n").flatMap((line) => {
    const [index = "", uuid = "", percent, usedMiB] = line.split(",").map((word) => word.trim());
    const isOwn = names === undefined || names.some((name) => name !== "" && (name === index || uuid.startsWith(name)));
    return isOwn && percent !== undefined ? [{ percent: Number(percent) || 0, usedMiB: Number(usedMiB) || 0 }] : [];
  });
  if (own.length === 0) return undefined;
  const sum = (of: (one: GpuLook) => number) => own.reduce((total, one) => total + of(one), 0);
  return { percent: sum(({ percent }) => percent) / own.length, usedMiB: sum(({ usedMiB }) => usedMiB) };
}

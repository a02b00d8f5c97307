// The real program of a batch, given a folder of its own, without a cluster.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ResultLine } from "../src/backends/executors/remote/batch.ts";
import type { Order } from "../src/backends/executors/executor.ts";
import { SubmissionFolder } from "../src/backends/executors/remote/submission.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { readLog } from "../src/util/append-log.ts";
import { repository } from "./rig.ts";

const program = join(repository, "dist", "batch.js");

export interface BatchProgram {
  readonly at: (...names: string[]) => string;
  readonly start: (start: number) => ChildProcess;
  /** What it has told, once it has ended well. */
  readonly run: (start: number) => Promise<readonly ResultLine[]>;
  readonly told: (start: number) => readonly ResultLine[];
  readonly resultFile: (start: number) => string;
}

/** `itemsIn`: what each item is, by the batch's own folder; `recipe`: a CommonJS module whose output is `out`. */
export function batchProgram(
  recipe: string,
  itemsIn: (folder: string) => readonly object[],
  maxUsd?: number,
): BatchProgram {
  const root = mkdtempSync(join(tmpdir(), "exp-batch-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const at = (...names: string[]) => join(root, ...names);
  for (const name of ["cache/blobs", "calls", "tmp"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("recipe.cjs"), recipe);
  const items = itemsIn(root).map((item, n) => ({
    ...{ key: digestOfBytes(`item ${n}`), settings: null, item, inputs: {} },
    ...{ logFile: at(`${n}.log`), setupKey: "same" },
  }));
  const order = {
    ...{ key: digestOfBytes("all"), target: "rate", part: "item", told: {}, inputs: {}, items, guarded: [] },
    code: { kind: "module", bundle: at("recipe.cjs"), resolveFrom: at("recipe.cjs"), vectorised: false },
    outputs: { out: { format: "json", ext: ".json", optional: false } },
    ...{ environment: {}, secrets: {}, tools: {}, resources: {}, timeoutMs: undefined, memoryMiB: undefined },
    ...{ attempt: 1, logFile: at("logs") },
  } as unknown as Order;
  const setup = {
    ...{ cacheFolder: at("cache"), blobsFolder: at("cache", "blobs"), callsFolder: at("calls"), callsNotBefore: 0 },
    ...{ mayPay: true, nodeMajor: Number(process.versions.node.split(".")[0]), what: "run r" },
    ...(maxUsd !== undefined && { maxUsd }),
  };
  const folder = new SubmissionFolder(at("submission"));
  folder.prepare({ setup, secrets: {}, orders: [order] });
  folder.writeIntent({
    ...{ id: "one", run: "r", target: "rate", at: 0, driver: "d", jobName: "j" },
    batches: [items.map(({ key }) => key)],
  });
  const start = (start: number) =>
    spawn(process.execPath, [program, folder.path, "0", String(start)], {
      env: { PATH: process.env.PATH, TMPDIR: at("tmp") },
      stdio: ["ignore", "ignore", "pipe"],
    });
  const told = (start: number) => readLog<ResultLine>(folder.resultFile(0, start)).lines;
  const run = async (number: number) => {
    const child = start(number);
    let stderr = "";
    child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString()));
    const status = await new Promise((resolve) => child.once("close", resolve));
    if (status !== 0) throw new Error(`exit code ${String(status)}:\n${stderr}`);
    return told(number);
  };
  return { at, start, run, told, resultFile: (start) => folder.resultFile(0, start) };
}

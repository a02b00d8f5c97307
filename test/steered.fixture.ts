// A driver of a platform that is steered: moments that no real one can be brought to at will.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Budget } from "../src/backends/executors/budget.ts";
import type { Order, Outcome } from "../src/backends/executors/executor.ts";
import { FolderCarrier } from "../src/backends/executors/remote/carrier.ts";
import { Driver } from "../src/backends/executors/remote/driver.ts";
import type { Lot, Platform } from "../src/backends/executors/remote/platform.ts";
import { submissionsFolder, submissionsOf } from "../src/backends/executors/remote/submission.ts";
import { digestOfBytes } from "../src/model/digest.ts";

export const key = digestOfBytes("an action");
export const order: Order = {
  ...{ key, target: "draw", part: "recipe", told: {}, inputs: {}, outputs: {}, guarded: [] },
  ...{ environment: {}, secrets: {}, tools: {}, resources: {}, timeoutMs: undefined, memoryMiB: undefined },
  ...{ attempt: 1, logFile: "/nowhere/log", code: { kind: "command", argv: ["true"], files: [] } },
};
export const setup = {
  ...{ cacheFolder: "", blobsFolder: "", callsFolder: "", callsNotBefore: 0 },
  ...{ mayPay: true, nodeMajor: 20, what: "run r" },
};

export const full = () => Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));

export function drive<L extends Lot>(
  platformOf: (warn: (text: string) => void) => Platform<L>,
  carrier: Partial<FolderCarrier> = {},
) {
  const runFolder = mkdtempSync(join(tmpdir(), "exp-steered-"));
  onTestFinished(() => rmSync(runFolder, { recursive: true, force: true }));
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const executor = new Driver(platformOf(warn), {
    ...{ run: "r", submissions: join(runFolder, submissionsFolder), allSubmissions: () => submissionsOf(runFolder) },
    ...{ setup, budget: new Budget(), carrier: Object.assign(new FolderCarrier("batch.js"), carrier) },
    ...{ driver: "x-1", now: Date.now, isKnown: () => true },
    onInterrupt: () => Promise.resolve("end"),
    warn,
    onProgress: () => undefined,
  });
  const outcomes: Outcome[] = [];
  const [stop, hold] = [new AbortController(), new AbortController()];
  const run = (given = order) =>
    executor.run(given, (_, outcome) => outcomes.push(outcome), { stop: stop.signal, hold: hold.signal });
  return { executor, runFolder, warnings, outcomes, stop, hold, run };
}

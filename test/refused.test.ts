// What the system refuses here for a moment (a folder cannot be made, too many files are open): it costs what needed it then, and no more.

import type * as Fs from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { Budget } from "../src/backends/executors/budget.ts";
import { endGroup, endThoseOf, groupsMemoryMiB } from "../src/backends/executors/local/processes.ts";
import { ContentCarrier } from "../src/backends/executors/remote/content-carrier.ts";
import type { Place } from "../src/backends/executors/remote/place.ts";
import { Seal } from "../src/backends/executors/remote/seal.ts";
import { SubmissionFolder } from "../src/backends/executors/remote/submission.ts";
import { Breaker } from "../src/backends/store/breaker.ts";
import { freshDigests, LocalStore } from "../src/backends/store/local.ts";
import { SharedCache } from "../src/backends/store/shared-cache.ts";
import { SharedFolder } from "../src/backends/store/shared-folder.ts";
import type { SharedStore } from "../src/backends/store/shared.ts";
import type { ActionResult } from "../src/model/action.ts";
import { digestOfBytes, type BlobRef } from "../src/model/digest.ts";
import { Bundler } from "../src/planning/bundle/bundler.ts";
import { esbuildPrinter } from "../src/planning/bundle/print.ts";
import type { OpenRun } from "../src/project/open-run.ts";
import { openBuildSession, openProject, type DecidingSession } from "../src/project/project.ts";
import { Lease } from "../src/runs/lease.ts";
import { RunFolder } from "../src/runs/run.ts";

const refusal = (code: string) => Object.assign(new Error(`${code}: it is refused`), { code });

const proc = vi.hoisted(() => ({ refusedWith: undefined as string | undefined }));
vi.mock("node:fs", async (load) => {
  const fs = await load<typeof Fs>();
  const readdirSync = ((...args: Parameters<typeof fs.readdirSync>) => {
    if (args[0] === "/proc" && proc.refusedWith !== undefined) throw refusal(proc.refusedWith);
    return fs.readdirSync(...args);
  }) as typeof fs.readdirSync;
  return { ...fs, readdirSync };
});

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "exp-refused-"))));
afterEach(() => {
  proc.refusedWith = undefined;
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** A shared cache in a folder, with its entries' content for this machine's store. */
function openShared() {
  const remote: SharedStore = new SharedFolder(join(folder, "team"));
  const store = new LocalStore(join(folder, "blobs"), freshDigests);
  const breaker = () => new Breaker({ after: 3, restMs: 1000, now: () => 0 });
  const warnings: string[] = [];
  const shared = new SharedCache({
    ...{ remote, local: [store], partials: join(folder, "partial"), secret: undefined, mayWrite: true },
    ...{ breakers: { reading: breaker(), writing: breaker() }, width: 4, patienceMs: 60_000 },
    warn: (text) => void warnings.push(text),
  });
  return { remote, store, shared, warnings };
}

/** Something that is asked for twice, and is refused the first time. */
interface Asked {
  readonly ask: () => Promise<unknown>;
  readonly allow: () => void;
}

async function content(): Promise<Asked> {
  const { remote, shared } = openShared();
  const bytes = Buffer.from("made elsewhere");
  const blob = { digest: digestOfBytes(bytes), size: bytes.length };
  await remote.put("cas", blob.digest, { bytes }, new AbortController().signal);
  // Where it would lie while it comes in.
  writeFileSync(join(folder, "partial"), "");
  return { ask: () => shared.bring([{ kind: "file", blob }]), allow: () => rmSync(join(folder, "partial")) };
}

function bundle(): Asked {
  writeFileSync(join(folder, "recipe.ts"), "export const recipe = () => undefined;\n");
  let isRefused = true;
  const bundler = new Bundler({
    ...{ root: folder, folder: join(folder, "bundles"), digestOf: (path) => freshDigests.digestOf(path) },
    makePrinter: esbuildPrinter,
    canonical: (code) => (isRefused ? Promise.reject(refusal("EMFILE")) : Promise.resolve(code)),
  });
  onTestFinished(() => bundler.close());
  const recipe = { file: join(folder, "recipe.ts"), exportName: "recipe", externals: [], neededBy: "a test" };
  return { ask: async () => (await bundler.bundle(recipe)).ok, allow: () => (isRefused = false) };
}

function place(): Asked {
  let isRefused = true;
  const written: Buffer[] = [];
  const reached = { write: async (_, bytes) => void written.push(bytes) } as Partial<Place> as Place;
  const carrier = new ContentCarrier({
    ...{ at: "/place", store: new LocalStore(join(folder, "blobs"), freshDigests), programs: [] },
    ...{ carried: () => [], callFiles: () => [], environment: () => ({}), warn: () => undefined },
    keepCalls: () => Promise.resolve(),
    open: () => (isRefused ? Promise.reject(refusal("EMFILE")) : Promise.resolve(reached)),
  });
  const submission = new SubmissionFolder(join(folder, "submission"));
  submission.writePlace({ at: "/place", key: Seal.make().key });
  const ask = async () => {
    await carrier.giveUp(submission);
    return written.length > 0;
  };
  return { ask, allow: () => (isRefused = false) };
}

test.each([
  ["content of a shared cache", content],
  ["the bundle of a recipe", bundle],
  ["the place where batches tell what they have come to", place],
])("%s that could not be had is asked for anew by who needs it next", async (_, prepare) => {
  const { ask, allow } = await prepare();
  await expect(ask()).rejects.toThrow();
  allow();
  expect(await ask()).toBe(true);
});

test("a result whose content cannot be read is not published, which is told once, and others are", async () => {
  const { remote, store, shared, warnings } = openShared();
  const resultOf = (blob: BlobRef): ActionResult => ({
    outputs: { out: { kind: "file", blob } },
    ...{ at: 1, tookMs: 1, costUsd: 0, attempts: 1, by: "a", executor: "local" },
  });
  const blobs = ["one", "two", "three"].map((text) => store.putBytes(text));
  const paths = vi.spyOn(store, "pathOf");
  for (let i = 0; i < 2; i++)
    paths.mockImplementationOnce(() => {
      throw refusal("EMFILE");
    });
  for (const blob of blobs) shared.publish(blob.digest, resultOf(blob));
  expect(await shared.settle(Infinity)).toBe(0);
  expect(warnings).toEqual([
    `not all that was computed goes to ${remote.place}: EMFILE: it is refused; exp cache push does the rest`,
  ]);
  const { signal } = new AbortController();
  const there = await Promise.all(blobs.map(({ digest }) => remote.has("ac", digest, signal)));
  expect(there).toEqual([false, false, true]);
});

describe("processes", () => {
  test.each(["EMFILE", "ENFILE"])("that cannot be listed (%s) are none at this look", (code) => {
    proc.refusedWith = code;
    expect(endThoseOf(folder)).toEqual([]);
    expect(groupsMemoryMiB([process.pid])).toEqual(new Map([[process.pid, 0]]));
  });

  test.each(["EPERM", "ESRCH"])("that are another user's, or gone (%s), are no more to be ended", (code) => {
    const kill = vi.spyOn(process, "kill").mockImplementation(() => {
      throw refusal(code);
    });
    endGroup(4_194_303);
    expect(kill).toHaveBeenCalledExactlyOnceWith(-4_194_303, "SIGKILL");
  });
});

test("who could not claim an action leaves it to the next who wants it", async () => {
  const project = await openProject(folder, {});
  onTestFinished(() => project.close());
  const run = { folder: new RunFolder(project.paths.runs, "default"), secrets: { mask: (text: string) => text } };
  const lease = Lease.tryTake(join(folder, "lock"), "a test")!;
  const deciding = { trace: { callsHiddenBefore: () => 0 } };
  const session = openBuildSession(project, run as OpenRun, deciding as DecidingSession, {
    ...{ build: 1, lease, limits: {}, budget: new Budget() },
    ...{ keepGoing: false, mayPay: false, checksInputs: false, emit: () => undefined },
    onInterrupt: () => Promise.resolve("end"),
  });
  onTestFinished(async () => {
    await session.closeBuild();
    lease.release();
  });
  const { signal } = new AbortController();
  const claim = () => session.claim(digestOfBytes("an action"), () => undefined, signal);
  const taking = vi.spyOn(Lease, "take").mockRejectedValueOnce(refusal("EMFILE"));
  await expect(claim()).rejects.toThrow("EMFILE");
  taking.mockRestore();
  // It is free: nothing has to be waited for.
  const waits = new Promise((resolve) => setImmediate(() => resolve("it waits")));
  const given = await Promise.race([claim(), waits]);
  expect(given).toBeInstanceOf(Function);
  (given as () => void)();
});

// A volume as the place through which driver and batches reach one another: what was told is heard by whoever asks after that.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Cloud } from "../../src/backends/executors/modal/cloud.ts";
import { VolumePlace } from "../../src/backends/executors/modal/place.ts";
import { loadSdk } from "../../src/backends/executors/modal/sdk.ts";
import { Hearing } from "../../src/backends/executors/remote/hearing.ts";
import { chunkWords, messageFormat, type Chunk } from "../../src/backends/executors/remote/message.ts";
import { Seal } from "../../src/backends/executors/remote/seal.ts";
import { SubmissionFolder } from "../../src/backends/executors/remote/submission.ts";
import { freshDigests, LocalStore } from "../../src/backends/store/local.ts";
import { ModalServer } from "./server/server.ts";

let server: ModalServer;
let cloud: Cloud;
let folder: string;

beforeEach(async () => {
  server = await ModalServer.start();
  Object.assign(process.env, server.environment);
  const sdk = await loadSdk();
  if (!sdk.ok) throw new Error(sdk.error.what);
  const opened = Cloud.open(sdk.value, { app: "exp", environment: undefined, volume: "exp", parallel: 4 });
  if (!opened.ok) throw new Error(opened.error.what);
  cloud = opened.value;
  folder = mkdtempSync(join(tmpdir(), "exp-place-"));
});
afterEach(async () => {
  cloud.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("what a batch told last is heard by a driver that has just seen it end, and one list serves all that are asked after together", async () => {
  const place = new VolumePlace({
    ...{ volume: "exp", files: () => cloud.files(), local: new LocalStore(join(folder, "blobs"), freshDigests) },
    ...{ staging: join(folder, "tmp"), freshMs: 60_000, now: () => performance.now() },
  });
  const hearing = new Hearing({
    ...{ store: new LocalStore(join(folder, "blobs"), freshDigests), keepCalls: () => Promise.resolve() },
    warn: (text) => expect.fail(text),
  });
  const seal = Seal.make();
  const submissions = ["a", "b", "c"].map((name) => new SubmissionFolder(join(folder, name)));
  const hear = () =>
    Promise.all(submissions.map((submission) => hearing.collect({ folder: submission, place, seal }, [0])));
  await hear();
  expect(server.faults.countOf("VolumeListFiles2")).toBe(1);
  const chunk: Chunk = { v: messageFormat, lines: [{ result: { end: true } }] };
  const name = seal.nameOf(...chunkWords(0, 0, 0));
  server.volume("exp").write(`ac/${name.slice(0, 2)}/${name}`, seal.sign(name, JSON.stringify(chunk)));
  place.refresh();
  await hear();
  expect(submissions[0]!.readNews()).toEqual([
    [0, { end: true }],
    [0, { fetched: 0 }],
  ]);
  expect(server.faults.countOf("VolumeListFiles2")).toBe(2);
});

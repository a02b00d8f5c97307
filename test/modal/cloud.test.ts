// The layer over Modal's SDK and volumes by content, against the local Modal: what is told apart, what is asked again, what is sent at all.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status } from "nice-grpc";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { allot, type AllotmentRequest } from "../../src/backends/executors/modal/allotment.ts";
import { Cloud, type ContainerRequest, type Fate } from "../../src/backends/executors/modal/cloud.ts";
import { mayPass, type CloudProblem } from "../../src/backends/executors/modal/problems.ts";
import { loadSdk } from "../../src/backends/executors/modal/sdk.ts";
import type { VolumeFiles } from "../../src/backends/executors/modal/volume.ts";
import type { Digest } from "../../src/model/digest.ts";
import type { Result } from "../../src/util/result.ts";
import { ModalServer } from "./server/server.ts";

let server: ModalServer;
let cloud: Cloud;
let folder: string;
let stop: AbortController;

beforeEach(async () => {
  server = await ModalServer.start();
  Object.assign(process.env, server.environment);
  cloud = await openCloud();
  folder = mkdtempSync(join(tmpdir(), "exp-cloud-"));
  stop = new AbortController();
});
afterEach(async () => {
  cloud.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function openCloud(deadlineMs?: number): Promise<Cloud> {
  const sdk = must(await loadSdk());
  const settings = { app: "exp", environment: undefined, volume: "exp", parallel: 4, tries: 2 };
  return must(Cloud.open(sdk, { ...settings, ...(deadlineMs !== undefined && { deadlineMs }) }));
}

function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`expected to go well: ${JSON.stringify(result.error)}`);
  return result.value;
}

function problem<T>(result: Result<T, CloudProblem>): CloudProblem {
  if (result.ok) throw new Error("expected to fail");
  return result.error;
}

const usual: AllotmentRequest = {
  ...{ options: {}, resources: {}, timeoutMs: undefined, actions: 1, moreTime: 1, moreMemory: 1, nodeMajor: 20 },
};

function request(argv: readonly string[], more: Partial<ContainerRequest & AllotmentRequest> = {}): ContainerRequest {
  const allotment = must(allot({ ...usual, ...more }));
  return { name: "batch-1", tags: { run: "a" }, environment: {}, mountPath: "/exp", argv, allotment, ...more };
}

async function over(id: string): Promise<Fate> {
  for (;;) {
    const fate = must(await cloud.fate({ id }, 5));
    if (fate.kind === "over") return fate;
  }
}

describe("containers", () => {
  for (const { gpu, backend } of [
    { gpu: "H100:2", backend: "V1" },
    { gpu: undefined, backend: "V2" },
  ]) {
    const options = gpu === undefined ? {} : { gpu };

    test(`of the backend ${backend} get what was asked for, and no more of it`, async () => {
      server.registry.addSecret("team", { TEAM: "1" });
      const asked = request(["sh", "-c", "echo $TEAM$MINE; exit 3"], {
        options: { ...options, cpu: 2, memory: 2048, time: 5, regions: ["us-east"], secrets: ["team"] },
        environment: { MINE: "2" },
      });
      const { id, isFound } = must(await cloud.begin(asked, stop.signal));
      expect(isFound).toBe(false);
      const { definition, tags } = server.sandboxes.all.get(id)!;
      expect(definition).toMatchObject({
        ...{ backend, name: "batch-1", milliCpu: 2000, memoryMiB: 2048, lifetimeSeconds: 300, regions: ["us-east"] },
        gpu: gpu === undefined ? undefined : { type: "H100", count: 2 },
      });
      expect(tags).toEqual({ run: "a" });
      expect(server.registry.images.get(definition.imageId)?.commands).toEqual(["FROM node:20-slim"]);
      let printed = "";
      await cloud.follow({ id }, (text) => (printed += text), stop.signal);
      expect(printed).toBe("12\n");
      expect(await over(id)).toEqual({ kind: "over", status: "failure", exitCode: 3, message: "" });
    });

    test(`of the backend ${backend} that the platform has lost are no success, whatever their exit code`, async () => {
      const { id } = must(await cloud.begin(request(["sleep", "60"], { options }), stop.signal));
      expect(must(await cloud.fate({ id }))).toEqual({ kind: "running" });
      await server.sandboxes.lose(server.sandboxes.all.get(id)!);
      expect(await over(id)).toMatchObject({ status: "internal-failure", exitCode: 0 });
    });

    test(`of the backend ${backend} whose creation was not answered are found, not made twice`, async () => {
      const rpc = backend === "V1" ? "SandboxCreate" : "SandboxCreateV2";
      server.faults.add({ rpc, kind: "answer-lost", times: 1 });
      const { id, isFound } = must(await cloud.begin(request(["sleep", "60"], { options }), stop.signal));
      expect(isFound).toBe(true);
      expect(server.sandboxes.live.map((each) => each.id)).toEqual([id]);
      // All four tries of the SDK, and the container is not asked for again: it is looked for.
      server.faults.add({ rpc, kind: "answer-lost", times: 4 });
      const other = must(await cloud.begin(request(["sleep", "60"], { options, name: "batch-2" }), stop.signal));
      expect(other.isFound).toBe(true);
      expect(server.sandboxes.live.length).toBe(2);
    });
  }

  test("are found by name and by tag while they live, and ended", async () => {
    const first = must(await cloud.begin(request(["sleep", "60"]), stop.signal));
    const options = { gpu: "T4" };
    must(await cloud.begin(request(["sleep", "60"], { name: "other", tags: { run: "b" }, options }), stop.signal));
    expect(must(await cloud.find("batch-1"))?.id).toBe(first.id);
    expect(must(await cloud.list({ run: "a" })).map(({ id }) => id)).toEqual([first.id]);
    expect(must(await cloud.list({})).length).toBe(2);
    expect(must(await cloud.tagsOf(first))).toEqual({ run: "a" });
    must(await cloud.end(first));
    expect(await over(first.id)).toMatchObject({ status: "terminated" });
    must(await cloud.end(first));
    expect(must(await cloud.find("batch-1"))).toBe(undefined);
    expect(must(await cloud.list({ run: "a" }))).toEqual([]);
  });

  test("that wait for a GPU when the build stops are given back", async () => {
    server.settings.gpus = 0;
    const waiting = cloud.begin(request(["true"], { options: { gpu: "H100" } }), stop.signal);
    while (server.sandboxes.live.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    expect(problem(await waiting).kind).toBe("ended");
    while (server.sandboxes.live.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    server.settings.gpus = 8;
    server.sandboxes.schedule();
    expect([...server.sandboxes.all.values()].map(({ startedAt }) => startedAt)).toEqual([undefined]);
  });

  test("that begin after they were given up, and of whose beginning no answer comes, are ended", async () => {
    const rpc = "SandboxCreateV2";
    // The first try comes to nothing, the second one is done and not answered: by then nobody wants it any more.
    server.faults.add({ rpc, kind: "refused", code: Status.UNAVAILABLE, message: "down" });
    server.faults.add({ rpc, kind: "answer-lost" });
    const waiting = cloud.begin(request(["sleep", "60"]), stop.signal);
    while (server.faults.countOf(rpc) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    expect(problem(await waiting).kind).toBe("ended");
    expect(server.sandboxes.all.size).toBe(1);
    while (server.sandboxes.live.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test("with a command line of 64 KiB are refused before anybody is asked", async () => {
    const asked = await cloud.begin(request(["sh", "-c", "é".repeat(32_768)]), stop.signal);
    expect(problem(asked)).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("65540 bytes") as string,
    });
    expect(server.faults.counts).toEqual({});
  });

  test("of an image that cannot be built are refused in the words of its build, which is not tried again", async () => {
    server.registry.imageFailure = () => "E: Unable to locate package jqq";
    const image = { from: "node:20-slim", commands: ["RUN apt-get install -y jqq"] };
    const begin = () => cloud.begin(request(["true"], { options: { image } }), stop.signal);
    expect(problem(await begin())).toEqual({
      ...{ kind: "image", message: "E: Unable to locate package jqq", isUnclear: false },
    });
    await begin();
    expect(server.faults.countOf("ImageGetOrCreate")).toBe(1);
  });

  test("with a secret that is not there are refused with its name", async () => {
    const asked = await cloud.begin(request(["true"], { options: { secrets: ["hugging-face"] } }), stop.signal);
    expect(problem(asked).message).toBe('there is no secret "hugging-face" at Modal');
  });
});

describe("calls", () => {
  test("of which the answer may come later are made again; a throttle is waited out", async () => {
    server.faults.add({ rpc: "AppGetOrCreate", kind: "throttled", retryAfterSeconds: 0.1, times: 2 });
    // Four tries of the SDK fail, the next call goes well.
    server.faults.add({ rpc: "AppGetOrCreate", kind: "refused", code: Status.UNAVAILABLE, message: "", times: 4 });
    must(await cloud.greet());
    expect(server.faults.countOf("AppGetOrCreate")).toBe(7);
    must(await cloud.greet());
    expect(server.faults.countOf("AppGetOrCreate")).toBe(7);
  });

  test("that are throttled for longer than is worth waiting come back as a problem that may pass", async () => {
    server.faults.add({ rpc: "AppGetOrCreate", kind: "throttled", retryAfterSeconds: 3600, times: 2 });
    const found = problem(await cloud.greet());
    expect(found.kind).toBe("throttled");
    expect(mayPass(found)).toBe(true);
    must(await cloud.greet());
  });

  test("that are not answered are given up after their time", async () => {
    cloud.close();
    cloud = await openCloud(300);
    server.faults.add({ rpc: "AppGetOrCreate", kind: "silent", times: 2 });
    expect(problem(await cloud.greet())).toEqual({
      ...{ kind: "unreachable", message: "the app: no answer within 0 s", isUnclear: true },
    });
  });

  test("with credentials that are not good are refused at once", async () => {
    process.env.MODAL_TOKEN_SECRET = "as-other";
    cloud.close();
    cloud = await openCloud();
    expect(problem(await cloud.greet())).toEqual({
      ...{ kind: "credentials", message: "Token ID is malformed or was revoked", isUnclear: false },
    });
    delete process.env.MODAL_TOKEN_SECRET;
    cloud.close();
    cloud = await openCloud();
    expect(problem(await cloud.greet()).kind).toBe("credentials");
  });

  test("to a server that is not there come back as unreachable", async () => {
    process.env.MODAL_SERVER_URL = "http://127.0.0.1:9";
    cloud.close();
    cloud = await openCloud();
    expect(problem(await cloud.greet()).kind).toBe("unreachable");
  });
});

describe("files on the volume", () => {
  let files: VolumeFiles;
  beforeEach(async () => {
    files = must(await cloud.files());
  });
  const digestOf = (content: Buffer) => createHash("sha256").update(content).digest("hex") as Digest;
  const outgoing = (path: string, content: Buffer) => ({ path, size: content.length, content: { bytes: content } });
  const stored = (path: string) => server.volume("exp").read(path);
  const zeros = Buffer.alloc(9 * 1024 * 1024);
  const mixed = Buffer.concat([Buffer.from("begin"), zeros, Buffer.from("end"), Buffer.alloc(5)]);

  test("go in and come out whole: none, few, and many bytes, zeros at the ends of blocks", async () => {
    const contents = { empty: Buffer.alloc(0), small: Buffer.from("small"), zeros, mixed };
    must(await files.put(Object.entries(contents).map(([path, content]) => outgoing(path, content))));
    for (const [path, content] of Object.entries(contents)) {
      expect(stored(path)?.equals(content)).toBe(true);
      must(await files.get({ path, digest: digestOf(content), to: join(folder, "new", path) }));
      expect(readFileSync(join(folder, "new", path)).equals(content)).toBe(true);
    }
    expect(must(await files.read("small"))?.toString()).toBe("small");
    expect(must(await files.read("none"))).toBe(undefined);
  });

  test("of which the volume has the content already are not sent", async () => {
    must(await files.put([outgoing("a", mixed)]));
    const { blocksPut, bytesPut } = files.traffic;
    // Of the first block the zeros at its end are cut off, and of the second one.
    expect([blocksPut, bytesPut]).toEqual([2, "begin".length + 1024 * 1024 + "begin".length + "end".length]);
    must(await files.put([outgoing("b", mixed), outgoing("c", Buffer.from("new"))]));
    expect(server.blocks.counts).toMatchObject({ puts: 3, bytesPut: bytesPut + 3 });
    expect(stored("b")?.equals(mixed)).toBe(true);
  });

  test("of known digests are put without being read, and only if they are what they were", async () => {
    const file = join(folder, "x");
    writeFileSync(file, "content");
    const known = { path: "x", size: 7, digest: digestOf(Buffer.from("content")), content: { file } };
    must(await files.put([known]));
    expect(stored("x")?.toString()).toBe("content");
    writeFileSync(file, "Content");
    must(await files.put([{ ...known, path: "twin" }]));
    expect(stored("twin")?.toString()).toBe("content");
    writeFileSync(file, "changed");
    const other = { ...known, digest: digestOf(Buffer.from("missing")) };
    expect(problem(await files.put([other])).message).toBe(`${file} changed while it was sent`);
    // Its last byte is cut off with the zeros: then it has to be read.
    const padded = Buffer.from("padded\0");
    must(await files.put([{ ...outgoing("padded", padded), digest: digestOf(padded) }]));
    expect(stored("padded")?.equals(padded)).toBe(true);
  });

  test("get through a storage that refuses now and then, and answers that are lost", async () => {
    server.blocks.faults.failingPuts = 1;
    server.faults.add({ rpc: "VolumePutFiles2", kind: "answer-lost", after: 1 });
    must(await files.put([outgoing("a", mixed)]));
    server.blocks.faults.failingGets = 1;
    must(await files.get({ path: "a", digest: digestOf(mixed), to: join(folder, "a") }));
    expect(readFileSync(join(folder, "a")).equals(mixed)).toBe(true);
  });

  test("that come damaged are fetched again, and never appear", async () => {
    must(await files.put([outgoing("a", mixed)]));
    const file = { path: "a", digest: digestOf(mixed), to: join(folder, "a") };
    server.blocks.faults.falseGets = 1;
    must(await files.get(file));
    rmSync(file.to);
    server.volume("exp").write("a", "somebody's");
    expect(problem(await files.get(file)).message).toContain("other content than its name says");
    expect(() => readFileSync(file.to)).toThrow("ENOENT");
    expect(problem(await files.getAll([{ ...file, path: "none" }])).kind).toBe("not-found");
  });

  test("many go in few calls, are listed and removed", async () => {
    const many = Array.from({ length: 1200 }, (_, n) =>
      outgoing(`many/${n % 7}/${n}`, Buffer.from(`content ${n % 10}`)),
    );
    must(await files.put(many));
    // Three parts; the blocks of the first are those of all.
    expect(server.faults.countOf("VolumePutFiles2")).toBe(4);
    expect(server.blocks.counts.puts).toBe(10);
    const listed = must(await files.list("many"));
    expect(listed.length).toBe(1200);
    expect(listed.find(({ path }) => path === "many/0/7")?.size).toBe(9);
    expect(must(await files.list("none"))).toEqual([]);
    must(await files.remove("many"));
    must(await files.remove("many"));
    expect(must(await files.list(""))).toEqual([]);
  });

  test("are seen by a container that begins after, and what it writes is read when it is over", async () => {
    must(await files.put([outgoing("in/a", Buffer.from("from here"))]));
    const argv = ["sh", "-c", "cat /exp/in/a > /exp/out; echo ' and back' >> /exp/out"];
    const { id } = must(await cloud.begin(request(argv), stop.signal));
    expect(await over(id)).toMatchObject({ status: "success" });
    expect(must(await files.read("out"))?.toString()).toBe("from here and back\n");
  });
});

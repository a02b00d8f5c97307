// The local Modal, driven by the real SDK: what ../server says of sandboxes, volumes and faults is what executors rely on in their tests.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ModalClient, type Sandbox, type SandboxCreateParams } from "modal";
import { Status } from "nice-grpc";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasBubblewrap, ModalServer } from "./server/server.ts";

let server: ModalServer;
let client: ModalClient;

beforeEach(async () => {
  server = await ModalServer.start();
  Object.assign(process.env, server.environment);
  client = new ModalClient({ maxThrottleWaitSecs: 5 });
});
afterEach(async () => {
  client.close();
  await server.stop();
});

async function create(params: SandboxCreateParams = {}, commands: string[] = []): Promise<Sandbox> {
  const app = await client.apps.fromName("tests", { createIfMissing: true });
  const image = client.images.fromRegistry("node:20-slim").dockerfileCommands(commands);
  return client.sandboxes.create(app, image, { timeoutMs: 60_000, ...params });
}

async function rawStatus({ sandboxId }: Sandbox, backend: string): Promise<number | undefined> {
  const request = { sandboxId, timeout: 10 };
  const { result } =
    backend === "V1" ? await client.cpClient.sandboxWait(request) : await client.cpClient.sandboxWaitV2(request);
  return result?.status;
}

async function makeVolume(): Promise<{ readonly volumeId: string }> {
  return client.volumes.fromName("data", { createIfMissing: true, version: 2 });
}

// With a GPU the SDK speaks to the old backend.
const backends = [
  { backend: "V1", params: { gpu: "A10G" } },
  { backend: "V2", params: {} },
];

describe.each(backends)("a sandbox of the backend $backend", ({ backend, params }) => {
  test("runs its command, and says how it ended", async () => {
    const sandbox = await create({ ...params, command: ["sh", "-c", "echo out; echo err >&2; exit 3"] });
    expect(server.sandboxes.all.get(sandbox.sandboxId)?.definition.backend).toBe(backend);
    expect(await sandbox.stdout.readText()).toBe("out\n");
    expect(await sandbox.stderr.readText()).toBe("err\n");
    expect(await sandbox.wait()).toBe(3);
    expect(await sandbox.poll()).toBe(3);
    expect(await rawStatus(sandbox, backend)).toBe(2);
  });

  test("sees the environment that it was given, of its image and of secrets, and nothing of this machine", async () => {
    server.registry.addSecret("team", { TEAM_KEY: "known" });
    process.env.OF_THE_TEST = "yes";
    const secrets = [await client.secrets.fromName("team", { requiredKeys: ["TEAM_KEY"] })];
    const sandbox = await create({ ...params, command: ["env"], env: { MINE: "1" }, secrets }, ["ENV LAYER=built"]);
    const seen = Object.fromEntries(
      (await sandbox.stdout.readText()).split("\n").map((line) => line.split("=") as [string, string]),
    );
    expect(seen).toMatchObject({ MINE: "1", TEAM_KEY: "known", LAYER: "built", MODAL_SANDBOX_ID: sandbox.sandboxId });
    expect(seen).not.toHaveProperty("OF_THE_TEST");
  });

  test.skipIf(!hasBubblewrap)("sees no files of this machine but the system's", async () => {
    const sandbox = await create({ ...params, command: ["ls", "/", process.cwd()] });
    expect(await sandbox.stdout.readText()).not.toMatch(/^(home|var|mnt|srv)$/m);
    expect(await sandbox.stderr.readText()).toContain("No such file");
  });

  test("reads what is written to it, also before it has begun", async () => {
    server.settings.startMs = 300;
    const sandbox = await create({ ...params, command: ["cat"] });
    await sandbox.stdin.writeText("hello ");
    await sandbox.stdin.writeText("there");
    await sandbox.stdin.close();
    expect(await sandbox.stdout.readText()).toBe("hello there");
    expect(await sandbox.wait()).toBe(0);
    expect(await rawStatus(sandbox, backend)).toBe(1);
  });

  test("is ended after its lifetime: wait says 124, the status timeout", async () => {
    const sandbox = await create({ ...params, command: ["sleep", "60"], timeoutMs: 1000 });
    expect(await sandbox.wait()).toBe(124);
    expect(await rawStatus(sandbox, backend)).toBe(4);
  });

  test("terminated, it ends with all that it has started: wait says 137", async () => {
    const sandbox = await create({ ...params, command: ["sh", "-c", "sleep 61.5 & sleep 61.5"] });
    expect(await sandbox.poll()).toBe(null);
    expect(await sandbox.terminate({ wait: true })).toBe(137);
    expect(await rawStatus(sandbox, backend)).toBe(3);
    expect(server.sandboxes.live).toEqual([]);
  });

  test("is lost by the platform: wait says 0, and only the status tells", async () => {
    const sandbox = await create({ ...params, command: ["sleep", "60"] });
    await server.sandboxes.lose(server.sandboxes.all.get(sandbox.sandboxId)!);
    expect(await sandbox.wait()).toBe(0);
    expect(await rawStatus(sandbox, backend)).toBe(6);
  });

  test("preempted, it hears of it by SIGINT, and is ended when its grace is over", async () => {
    server.settings.misfortune = () => ({ kind: "preempted", afterMs: 300 });
    const command = ["sh", "-c", "trap 'echo told' INT; while :; do sleep 0.05; done"];
    const sandbox = await create({ ...params, command });
    expect(await sandbox.wait()).toBe(0);
    expect(await rawStatus(sandbox, backend)).toBe(6);
    expect(await sandbox.stdout.readText()).toBe("told\n");
  });

  test("runs further commands: bytes in, bytes out, exit codes, an end after their time", async () => {
    const sandbox = await create(params);
    const cat = await sandbox.exec(["cat"], { mode: "binary" });
    const bytes = Uint8Array.from({ length: 300_000 }, (_, n) => n % 251);
    await cat.stdin.writeBytes(bytes);
    await cat.stdin.close();
    expect(Buffer.from(await cat.stdout.readBytes()).equals(Buffer.from(bytes))).toBe(true);
    const failing = await sandbox.exec(["sh", "-c", "echo no >&2; exit $CODE"], { env: { CODE: "7" } });
    expect(await failing.wait()).toBe(7);
    expect(await failing.stderr.readText()).toBe("no\n");
    const late = await sandbox.exec(["sleep", "60"], { timeoutMs: 1000 });
    await expect(late.wait()).resolves.toBe(137);
  });

  test("has a file system that is written, read, listed and removed from here", async () => {
    const { filesystem } = await create(params);
    await filesystem.writeText("one", "/data/deep/a.txt");
    expect(await filesystem.readText("/data/deep/a.txt")).toBe("one");
    await filesystem.makeDirectory("/data/empty");
    const entries = await filesystem.listFiles("/data");
    expect(entries.map(({ name, type }) => [name, type])).toEqual([
      ["deep", "directory"],
      ["empty", "directory"],
    ]);
    expect((await filesystem.stat("/data/deep/a.txt")).size).toBe(3);
    await expect(filesystem.readText("/data/none")).rejects.toMatchObject({ name: "SandboxFilesystemNotFoundError" });
    await expect(filesystem.remove("/data/deep")).rejects.toMatchObject({
      name: "SandboxFilesystemDirectoryNotEmptyError",
    });
    await filesystem.remove("/data/deep", { recursive: true });
    expect((await filesystem.listFiles("/data")).length).toBe(1);
  });

  test("is found by its name while it lives, once, and by its tags", async () => {
    const sandbox = await create({ ...params, name: "batch-1", tags: { run: "a" } });
    await expect(create({ ...params, name: "batch-1" })).rejects.toMatchObject({ name: "AlreadyExistsError" });
    expect((await client.sandboxes.fromName("tests", "batch-1")).sandboxId).toBe(sandbox.sandboxId);
    const others = await Promise.all(
      Array.from({ length: 24 }, () => create({ ...params, gpu: undefined, tags: { run: "b" } })),
    );
    const { appId } = await client.apps.fromName("tests");
    const found = async (tags: Record<string, string>) => {
      const ids: string[] = [];
      for await (const { sandboxId } of client.sandboxes.list({ appId, tags })) ids.push(sandboxId);
      return ids.sort();
    };
    expect(await found({ run: "a" })).toEqual([sandbox.sandboxId]);
    expect(await found({ run: "b" })).toEqual(others.map(({ sandboxId }) => sandboxId).sort());
    await sandbox.setTags({ run: "c" });
    expect(await sandbox.getTags()).toEqual({ run: "c" });
    await sandbox.terminate({ wait: true });
    await expect(client.sandboxes.fromName("tests", "batch-1")).rejects.toMatchObject({ name: "NotFoundError" });
    expect(await found({ run: "c" })).toEqual([]);
  });
});

describe("what sandboxes wait for", () => {
  test("one with a GPU waits until another has ended; the call that makes it waits, too", async () => {
    server.settings.gpus = 1;
    const first = await create({ gpu: "H100", command: ["sleep", "0.6"] });
    const startedAt = performance.now();
    const second = await create({ gpu: "H100", command: ["sh", "-c", "echo $CUDA_VISIBLE_DEVICES"] });
    expect(performance.now() - startedAt).toBeGreaterThan(400);
    expect(await first.wait()).toBe(0);
    expect(await second.stdout.readText()).toBe("0\n");
  });

  test("one that waits and is terminated never begins", async () => {
    server.settings.gpus = 0;
    const waiting = create({ gpu: "H100", name: "waits" });
    const ended = expect(waiting).rejects.toMatchObject({ name: "ConflictError" });
    while (server.sandboxes.live.length === 0) await sleep(20);
    const sandbox = await client.sandboxes.fromName("tests", "waits");
    await sandbox.terminate();
    await ended;
    expect(server.sandboxes.live).toEqual([]);
  });

  test("the new backend has no GPUs", async () => {
    const { appId } = await client.apps.fromName("tests", { createIfMissing: true });
    const definition = { resources: { gpuConfig: { count: 1, gpuType: "H100" } } };
    await expect(client.cpClient.sandboxCreateV2({ appId, definition })).rejects.toMatchObject({
      code: Status.INVALID_ARGUMENT,
    });
  });
});

describe("images", () => {
  test("equal layers are one image, and a layer that fails is told", async () => {
    const app = await client.apps.fromName("tests", { createIfMissing: true });
    const image = () => client.images.fromRegistry("node:20-slim").dockerfileCommands(["RUN apt-get install -y jq"]);
    const [one, other] = [await image().build(app), await image().build(app)];
    expect(one.imageId).toBe(other.imageId);
    expect(server.registry.images.get(one.imageId)?.commands).toEqual([
      "FROM node:20-slim",
      "FROM base",
      "RUN apt-get install -y jq",
    ]);
    server.registry.imageFailure = (commands) =>
      commands.some((line) => /nope/.test(line)) ? "no such package" : undefined;
    server.registry.imageBuildMs = 50;
    const failing = client.images.fromRegistry("node:20-slim").dockerfileCommands(["RUN apt-get install nope"]);
    await expect(failing.build(app)).rejects.toThrow("no such package");
  });
});

describe("volumes", () => {
  const mounted = async (command: string, params: SandboxCreateParams = {}) =>
    create({ command: ["sh", "-c", command], volumes: { "/vol": (await makeVolume()) as never }, ...params });

  test("what one writes, another sees that begins after the end of the first", async () => {
    await (await mounted("mkdir -p /vol/a; echo one > /vol/a/b; rm -f /vol/none")).wait();
    expect(server.volume("data").read("a/b")?.toString()).toBe("one\n");
    expect(await (await mounted("cat /vol/a/b")).stdout.readText()).toBe("one\n");
    await (await mounted("rm /vol/a/b")).wait();
    expect([...server.volume("data").files.keys()]).toEqual([]);
  });

  test("while it runs nobody sees it, until it says sync; and another only when it reloads", async () => {
    const reader = await mounted("sleep 60");
    const writer = await mounted("echo early > /vol/x; read go; sync /vol; echo synced; sleep 60");
    await sleep(200);
    expect(server.volume("data").files.size).toBe(0);
    await writer.stdin.writeText("go\n");
    await writer.stdout.getReader().read();
    expect(server.volume("data").read("x")?.toString()).toBe("early\n");
    const look = async () => (await reader.exec(["cat", "/vol/x"])).wait();
    expect(await look()).toBe(1);
    await reader.reloadVolumes();
    expect(await look()).toBe(0);
  });

  test("a slow commit may come after the end of its sandbox", async () => {
    server.settings.isOverBeforeCommit = true;
    server.settings.commitMs = 400;
    await (await mounted("echo late > /vol/x")).wait();
    expect(server.volume("data").files.size).toBe(0);
    await sleep(700);
    expect(server.volume("data").files.size).toBe(1);
  });

  test("what a lost sandbox had not committed is lost", async () => {
    const writer = await mounted("echo x > /vol/kept; sync /vol; echo y > /vol/gone; echo done; sleep 60");
    await writer.stdout.getReader().read();
    await server.sandboxes.lose(server.sandboxes.all.get(writer.sandboxId)!);
    expect([...server.volume("data").files.keys()]).toEqual(["kept"]);
  });

  test.skipIf(!hasBubblewrap)("read-only, nothing is written to it; of a part, the rest is not seen", async () => {
    const volume = await client.volumes.fromName("data", { createIfMissing: true, version: 2 });
    server.volume("data").write("in/a", "a");
    server.volume("data").write("out/b", "b");
    const part = volume.withMountOptions({ readOnly: true, subPath: "in" });
    const sandbox = await create({ command: ["sh", "-c", "ls /vol; echo x > /vol/c"], volumes: { "/vol": part } });
    expect(await sandbox.stdout.readText()).toBe("a\n");
    expect(await sandbox.wait()).not.toBe(0);
  });

  const blockOf = (content: Buffer) => {
    let end = content.length;
    while (end > 0 && content[end - 1] === 0) end -= 1;
    const kept = content.subarray(0, end);
    return { kept, contentsSha256: createHash("sha256").update(kept).digest() };
  };

  test("files go in by blocks of which only the missing ones are sent, and come out", async () => {
    const { volumeId } = await makeVolume();
    // Of two blocks and a bit; the second is zeros, of which nothing is kept.
    const content = Buffer.concat([
      Buffer.alloc(8 * 1024 * 1024, 7),
      Buffer.alloc(8 * 1024 * 1024),
      Buffer.from("end\0\0"),
    ]);
    const parts = [0, 1, 2].map((n) => blockOf(content.subarray(n * 8 * 1024 * 1024, (n + 1) * 8 * 1024 * 1024)));
    const file = {
      path: "in/large",
      size: content.length,
      blocks: parts.map(({ contentsSha256 }) => ({ contentsSha256 })),
    };
    const first = await client.cpClient.volumePutFiles2({ volumeId, files: [file] });
    expect(first.missingBlocks.map(({ blockIndex }) => blockIndex)).toEqual([0, 1, 2]);
    expect(server.volume("data").files.size).toBe(0);
    for (const { blockIndex, putUrl } of first.missingBlocks)
      expect((await fetch(putUrl, { method: "PUT", body: new Uint8Array(parts[blockIndex]!.kept) })).status).toBe(200);
    const second = await client.cpClient.volumePutFiles2({ volumeId, files: [file, { ...file, path: "in/twin" }] });
    expect(second.missingBlocks).toEqual([]);
    expect(server.blocks.counts.puts).toBe(3);
    const { getUrls, size } = await client.cpClient.volumeGetFile2({ volumeId, path: "in/large" });
    const pieces = await Promise.all(getUrls.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())));
    expect(size).toBe(content.length);
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    const padded = await client.cpClient.volumeGetFile2({ volumeId, path: "in/large", clientPadsBlocks: true });
    const lengths = padded.getUrls.map(async (url) => (await (await fetch(url)).arrayBuffer()).byteLength);
    expect(await Promise.all(lengths)).toEqual([8 * 1024 * 1024, 0, 3]);
    const part = await client.cpClient.volumeGetFile2({
      volumeId,
      path: "in/large",
      start: content.length - 5,
      len: 3,
    });
    expect(await (await fetch(part.getUrls[0]!)).text()).toBe("end");
    await expect(
      client.cpClient.volumePutFiles2({ volumeId, files: [file], disallowOverwriteExistingFiles: true }),
    ).rejects.toMatchObject({ code: Status.ALREADY_EXISTS });
  });

  test("blocks are known without the zeros at their end, whoever wrote them", async () => {
    const { volumeId } = await makeVolume();
    server.volume("data").write("padded", "end\0\0");
    const { contentsSha256 } = blockOf(Buffer.from("end\0\0"));
    const files = [{ path: "twin", size: 5, blocks: [{ contentsSha256 }] }];
    expect((await client.cpClient.volumePutFiles2({ volumeId, files })).missingBlocks).toEqual([]);
    expect(server.volume("data").read("twin")?.toString()).toBe("end\0\0");
  });

  test("a block of other content than was said stays missing", async () => {
    const { volumeId } = await makeVolume();
    const { contentsSha256 } = blockOf(Buffer.from("said"));
    const files = [{ path: "x", size: 4, blocks: [{ contentsSha256 }] }];
    const { missingBlocks } = await client.cpClient.volumePutFiles2({ volumeId, files });
    await fetch(missingBlocks[0]!.putUrl, { method: "PUT", body: "sent" });
    expect((await client.cpClient.volumePutFiles2({ volumeId, files })).missingBlocks.length).toBe(1);
  });

  test("files are listed by folder, or all, and removed", async () => {
    const { volumeId } = await makeVolume();
    for (const path of ["a/b/c", "a/d", "e"]) server.volume("data").write(path, path);
    const list = async (path: string, recursive: boolean) => {
      const paths: string[] = [];
      for await (const { entries } of client.cpClient.volumeListFiles2({ volumeId, path, recursive }))
        paths.push(...entries.map((entry) => entry.path));
      return paths.sort();
    };
    expect(await list("/", false)).toEqual(["a", "e"]);
    expect(await list("a", false)).toEqual(["a/b", "a/d"]);
    expect(await list("/", true)).toEqual(["a", "a/b", "a/b/c", "a/d", "e"]);
    await expect(list("none", false)).rejects.toMatchObject({ code: Status.NOT_FOUND });
    await expect(client.cpClient.volumeRemoveFile2({ volumeId, path: "a" })).rejects.toMatchObject({
      code: Status.INVALID_ARGUMENT,
    });
    await client.cpClient.volumeRemoveFile2({ volumeId, path: "a", recursive: true });
    expect(await list("/", true)).toEqual(["e"]);
  });

  test("one of another version than asked for is refused by the SDK", async () => {
    await client.volumes.fromName("old", { createIfMissing: true, version: 1 });
    await expect(client.volumes.fromName("old", { version: 2 })).rejects.toMatchObject({ name: "InvalidError" });
  });
});

describe("faults", () => {
  test("who asks too often is told when to come again, and how often it asked is counted", async () => {
    await client.apps.fromName("tests", { createIfMissing: true });
    server.faults.add({ rpc: "AppGetOrCreate", kind: "throttled", retryAfterSeconds: 0.2, times: 2 });
    const startedAt = performance.now();
    await client.apps.fromName("tests");
    expect(performance.now() - startedAt).toBeGreaterThan(350);
    expect(server.faults.countOf("AppGetOrCreate")).toBe(4);
    server.faults.add({ rpc: "AppGetOrCreate", kind: "throttled", retryAfterSeconds: 60 });
    await expect(client.apps.fromName("tests")).rejects.toMatchObject({ code: Status.RESOURCE_EXHAUSTED });
  });

  test("of a lost answer the work is done: the SDK asks again, and is told what it did itself", async () => {
    server.faults.add({ rpc: "SandboxCreateV2", kind: "answer-lost" });
    await expect(create({ name: "once" })).rejects.toMatchObject({ name: "AlreadyExistsError" });
    expect(server.sandboxes.live.length).toBe(1);
    server.settings.honoursIdempotency = true;
    server.faults.add({ rpc: "SandboxCreateV2", kind: "answer-lost" });
    const sandbox = await create({ name: "twice" });
    expect(server.sandboxes.live.map(({ id }) => id)).toContain(sandbox.sandboxId);
    expect(server.sandboxes.live.length).toBe(2);
  });

  test("an error is told as often as was asked for, after calls that go well", async () => {
    const refused = { kind: "refused", code: Status.UNAVAILABLE, message: "down" } as const;
    server.faults.add({ rpc: "VolumeGetOrCreate", ...refused, after: 1, times: 4 });
    await makeVolume();
    await expect(makeVolume()).rejects.toMatchObject({ code: Status.UNAVAILABLE });
    await makeVolume();
    expect(server.faults.countOf("VolumeGetOrCreate")).toBe(6);
  });

  test("an answer that is slow, and one that never comes", async () => {
    server.faults.add({ rpc: "VolumeGetOrCreate", kind: "slow", ms: 300 });
    const startedAt = performance.now();
    await makeVolume();
    expect(performance.now() - startedAt).toBeGreaterThan(250);
    server.faults.add({ rpc: "VolumeGetOrCreate", kind: "silent" });
    const answer = makeVolume().then(
      () => "answered",
      () => "refused",
    );
    expect(await Promise.race([answer, sleep(500, "silence")])).toBe("silence");
  });

  test("other credentials are refused, and what it does not know is refused by name", async () => {
    const stranger = new ModalClient({ tokenId: "ak-other", tokenSecret: "as-other" });
    await expect(stranger.apps.fromName("tests")).rejects.toMatchObject({ code: Status.UNAUTHENTICATED });
    await expect(client.functions.fromName("tests", "f")).rejects.toThrow("does not know ModalClient.functionGet");
  });
});

// Every place of a shared cache keeps the same promises: what is put can be got, whole or from somewhere on, and nothing is overwritten.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SharedFolder } from "../../src/backends/store/shared-folder.ts";
import { openSharedS3 } from "../../src/backends/store/shared-s3.ts";
import { SharedHttp } from "../../src/backends/store/shared-http.ts";
import type { Listed, SharedStore } from "../../src/backends/store/shared.ts";
import type { Digest } from "../../src/model/digest.ts";
import {
  bucketCredentials,
  hasNginx,
  startBucket,
  startFolderServer,
  startNginx,
  startProxy,
  temporaryFolder,
  type Proxy,
} from "./places.ts";
import { hasSwift, startSwiftBucket, swiftCredentials } from "./swift.ts";

const { signal } = new AbortController();
const nameOf = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex") as Digest;

async function bytesOf(store: SharedStore, name: Digest, from?: number): Promise<Buffer | undefined> {
  const entry = await store.get("cas", name, { signal, ...(from !== undefined && { from }) });
  if (entry === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.bytes) pieces.push(piece);
  const all = Buffer.concat(pieces);
  return from === undefined || entry.from === from ? all : all.subarray(from);
}

/** One Swift for all tests: below a prefix of its own each finds nothing. */
let swift: Promise<string> | undefined;
let prefixes = 0;
const undone: (() => void)[] = [];
afterAll(() => {
  for (const undo of undone.reverse()) undo();
});

/** Several times, for a store learns from the first what its server does. */
async function expectFirstToStay(store: SharedStore): Promise<void> {
  for (const key of ["one", "another", "a third"]) {
    const digest = nameOf(key);
    expect(await store.put("ac", digest, { bytes: Buffer.from("first") }, signal)).toBe("put");
    expect(await store.put("ac", digest, { bytes: Buffer.from("second") }, signal)).toBe("there");
    const entry = await store.get("ac", digest, { signal });
    let text = "";
    for await (const piece of entry!.bytes) text += Buffer.from(piece).toString("utf8");
    expect(text).toBe("first");
  }
}

const places: readonly (readonly [name: string, isThere: boolean, open: () => Promise<SharedStore>])[] = [
  ["a folder", true, () => Promise.resolve(new SharedFolder(join(temporaryFolder(), "not made yet")))],
  [
    "nginx with WebDAV",
    hasNginx,
    async () => new SharedHttp({ url: (await startNginx()).url, token: undefined, width: 8 }),
  ],
  [
    "a bucket",
    true,
    async () => {
      Object.assign(process.env, bucketCredentials);
      return (await openSharedS3({ url: (await startBucket()).url, width: 8 }))!;
    },
  ],
  [
    "a bucket of OpenStack Swift",
    hasSwift,
    async () => {
      Object.assign(process.env, swiftCredentials);
      swift ??= startSwiftBucket((undo) => undone.push(undo));
      const url = (await swift).replace("/exp?", `/exp-${prefixes++}?`);
      return (await openSharedS3({ url, width: 8 }))!;
    },
  ],
];

for (const [name, isThere, open] of places)
  describe.skipIf(!isThere)(name, () => {
    test("gives what was put, of both kinds, and nothing for what was not", async () => {
      const store = await open();
      const bytes = randomBytes(300_000);
      const digest = nameOf(bytes);
      expect(await bytesOf(store, digest)).toBeUndefined();
      expect(await store.has("cas", digest, signal)).toBe(false);
      expect(await store.put("cas", digest, { bytes }, signal)).toBe("put");
      expect(await store.has("cas", digest, signal)).toBe(true);
      expect(await store.has("ac", digest, signal)).toBe(false);
      expect((await bytesOf(store, digest))!.equals(bytes)).toBe(true);
      expect(await bytesOf(store, nameOf("other"))).toBeUndefined();
    });

    test("takes files, empty ones too, and gives them from the middle on", async () => {
      const store = await open();
      const folder = temporaryFolder();
      for (const bytes of [Buffer.alloc(0), randomBytes(1), randomBytes(5_000_000)]) {
        const file = join(folder, "file");
        writeFileSync(file, bytes);
        const digest = nameOf(bytes);
        expect(await store.put("cas", digest, { file, size: bytes.length }, signal)).toBe("put");
        expect((await bytesOf(store, digest))!.equals(bytes)).toBe(true);
        const middle = bytes.length >> 1;
        if (middle > 0) expect((await bytesOf(store, digest, middle))!.equals(bytes.subarray(middle))).toBe(true);
      }
    });

    test("never overwrites", async () => {
      await expectFirstToStay(await open());
    });

    test("of many who put the same at once, all end well, and the entry is whole", async () => {
      const store = await open();
      const bytes = randomBytes(200_000);
      const digest = nameOf(bytes);
      // Each with a signal of its own, as the program asks: on one that all share, their listeners would be counted as a leak.
      const put = () => store.put("cas", digest, { bytes }, new AbortController().signal);
      const ends = await Promise.all(Array.from({ length: 12 }, put));
      expect(ends).toContain("put");
      expect((await bytesOf(store, digest))!.equals(bytes)).toBe(true);
    });

    test("whose entries can be listed notes uses, and removes what was not used since", async () => {
      const store = await open();
      const { keeper } = store;
      if (keeper === undefined) return;
      const listed = async () => {
        const all: Listed[] = [];
        for await (const some of keeper.list("cas", signal)) all.push(...some);
        return all;
      };
      const bytes = randomBytes(10_000);
      const digest = nameOf(bytes);
      expect(await listed()).toEqual([]);
      expect(await keeper.touch("cas", digest, signal)).toBe(false);
      await store.put("cas", digest, { bytes }, signal);
      expect(await keeper.touch("cas", digest, signal)).toBe(true);
      const [entry, ...more] = await listed();
      expect([entry, more]).toMatchObject([{ name: digest, size: bytes.length }, []]);
      expect((await bytesOf(store, digest))!.equals(bytes)).toBe(true);
      expect((await store.get("cas", digest, { signal }))!.usedAt).toBeGreaterThan(entry!.usedAt - 2000);
      expect(await keeper.remove("cas", digest, entry!.usedAt - 10_000, signal)).toBe(false);
      expect(await store.has("cas", digest, signal)).toBe(true);
      expect(await keeper.remove("cas", digest, Infinity, signal)).toBe(true);
      expect([await store.has("cas", digest, signal), await listed()]).toEqual([false, []]);
      expect(await keeper.remove("cas", digest, Infinity, signal)).toBe(true);
    });

    test("can be left in the middle of an answer", async () => {
      const store = await open();
      const bytes = randomBytes(20_000_000);
      const digest = nameOf(bytes);
      await store.put("cas", digest, { bytes }, signal);
      const leave = new AbortController();
      const entry = await store.get("cas", digest, { signal: leave.signal });
      const read = async () => {
        for await (const piece of entry!.bytes) if (piece.length > 0) leave.abort(new Error("enough"));
      };
      await expect(read()).rejects.toThrow();
      expect((await bytesOf(store, digest))!.length).toBe(bytes.length);
    });
  });

describe("how often a server is asked for one put:", () => {
  const put = (store: SharedStore, bytes: Buffer) => store.put("cas", nameOf(bytes), { bytes }, signal);
  const http = (url: string) => new SharedHttp({ url, token: undefined, width: 8 });
  const methods = ({ asked }: Proxy) => asked.map(({ method }) => method);
  /** The first put, and what finds out whether the server keeps what is there. */
  const atFirst = ["HEAD", "PUT", "PUT", "PUT"];

  test("one that keeps what is there once, also for what is there", async () => {
    const proxy = await startProxy((await startFolderServer(temporaryFolder())).url, () => undefined);
    const store = http(proxy.url);
    for (let n = 0; n < 20; n++) expect(await put(store, randomBytes(100))).toBe("put");
    expect(methods(proxy)).toEqual([...atFirst, ...Array.from({ length: 19 }, () => "PUT")]);
    const before = proxy.asked.length;
    const bytes = randomBytes(100);
    expect([await put(store, bytes), await put(store, bytes)]).toEqual(["put", "there"]);
    expect(methods(proxy).slice(before)).toEqual(["PUT", "PUT"]);
  });

  test("and sent nothing more that is there, as soon as something was", async () => {
    const proxy = await startProxy((await startFolderServer(temporaryFolder())).url, () => undefined);
    const store = http(proxy.url);
    const all = Array.from({ length: 5 }, () => randomBytes(100));
    for (const bytes of all) expect(await put(store, bytes)).toBe("put");
    const before = proxy.asked.length;
    for (const bytes of all) expect(await put(store, bytes)).toBe("there");
    expect(methods(proxy).slice(before)).toEqual(["PUT", "HEAD", "HEAD", "HEAD", "HEAD"]);
    expect([await put(store, randomBytes(100)), await put(store, randomBytes(100))]).toEqual(["put", "put"]);
    expect(methods(proxy).slice(before + 5)).toEqual(["HEAD", "PUT", "PUT"]);
  });

  test("whether it has something large, before that is sent", async () => {
    const proxy = await startProxy((await startFolderServer(temporaryFolder())).url, () => undefined);
    const store = http(proxy.url);
    const bytes = randomBytes(300_000);
    expect([await put(store, bytes), await put(store, bytes)]).toEqual(["put", "there"]);
    expect(methods(proxy)).toEqual(["HEAD", "PUT", "HEAD"]);
  });

  test("one that overwrites whatever it is told is looked at first, each time", async () => {
    const { url } = await startFolderServer(temporaryFolder(), { overwrites: true });
    await expectFirstToStay(http(url));
  });

  test("a bucket that keeps what is there once; content that was there counts as used", async () => {
    Object.assign(process.env, bucketCredentials);
    const { url } = await startBucket();
    const there = new Set<string>();
    // As Amazon's does, and the one that can be had here does not.
    const proxy = await startProxy(new URL(url).searchParams.get("endpoint")!, ({ method, path }) => {
      if (method !== "PUT") return undefined;
      return there.size === there.add(path).size ? { kind: "status", status: 412 } : undefined;
    });
    const store = (await openSharedS3({
      url: `s3://team/exp?endpoint=${proxy.url}&region=us-east-1`,
      width: 8,
    }))!;
    for (let n = 0; n < 5; n++) expect(await put(store, randomBytes(100))).toBe("put");
    expect(methods(proxy)).toEqual([...atFirst, ...Array.from({ length: 4 }, () => "PUT")]);
    await expectFirstToStay(store);
    const before = proxy.asked.length;
    const bytes = randomBytes(100);
    expect([await put(store, bytes), await put(store, bytes)]).toEqual(["put", "there"]);
    expect(methods(proxy).slice(before)).toEqual(["PUT", "PUT", "HEAD"]);
  });
});

test("a folder where nothing may be written says so, and leaves nothing half-written behind", async () => {
  const root = temporaryFolder();
  const store = new SharedFolder(root);
  mkdirSync(join(root, "cas"));
  // A file where a folder is needed: root may write anywhere else.
  const digest = nameOf("a");
  writeFileSync(join(root, "cas", digest.slice(0, 2)), "");
  await expect(store.put("cas", digest, { bytes: Buffer.from("a") })).rejects.toThrow();
  expect(readdirSync(join(root, "tmp"))).toEqual([]);
});

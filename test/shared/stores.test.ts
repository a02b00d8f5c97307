// Every place of a shared cache keeps the same promises: what is put can be got, whole or from somewhere on, and nothing is overwritten.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SharedFolder } from "../../src/backends/store/shared-folder.ts";
import { openSharedS3 } from "../../src/backends/store/shared-s3.ts";
import { SharedHttp } from "../../src/backends/store/shared-http.ts";
import type { Listed, SharedStore } from "../../src/backends/store/shared.ts";
import type { Digest } from "../../src/model/digest.ts";
import { bucketCredentials, hasNginx, startBucket, startNginx, temporaryFolder } from "./places.ts";
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
      return (await openSharedS3({ url: await startSwiftBucket(), width: 8 }))!;
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
      const store = await open();
      const digest = nameOf("key");
      expect(await store.put("ac", digest, { bytes: Buffer.from("first") }, signal)).toBe("put");
      expect(await store.put("ac", digest, { bytes: Buffer.from("second") }, signal)).toBe("there");
      const entry = await store.get("ac", digest, { signal });
      let text = "";
      for await (const piece of entry!.bytes) text += Buffer.from(piece).toString("utf8");
      expect(text).toBe("first");
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

// Many and large files are hashed by threads: what comes out is what one thread would have found, and a thread that fails costs time only.

import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  openSync,
  writeSync,
  closeSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import makeXxhash from "xxhash-wasm";
import { pieceBytesOf } from "../src/backends/store/hash-file.ts";
import { HashPool } from "../src/backends/store/hash-pool.ts";
import { StatCache } from "../src/backends/store/stat-cache.ts";
import { statOf, statText } from "../src/util/stat.ts";

const library = await makeXxhash();
const xxhash = { create: () => library.create64() };
const threadFile = join(import.meta.dirname, "..", "dist", "hash-thread.cjs");
const MiB = 1 << 20;

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "exp-hashing-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function withCache<T>(file: string, use: (cache: StatCache) => Promise<T>): Promise<T> {
  const pool = new HashPool(file);
  const cache = new StatCache(join(folder, "cache"), xxhash, pool);
  try {
    return await use(cache);
  } finally {
    cache.close();
    pool.close();
  }
}

/** A file of that size with something in it at its start, its end and where pieces meet, and times that are long past. */
function write(name: string, size: number, word = name): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  truncateSync(path, size);
  const fd = openSync(path, "r+");
  for (let at = 0; at < size; at += pieceBytesOf(size)) writeSync(fd, word.slice(0, size - at), at);
  if (size > word.length) writeSync(fd, word, size - word.length);
  closeSync(fd);
  utimesSync(path, 1e9, 1e9);
  return path;
}

/** Within the clock's tick of its last change nothing is known of a file for long. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 30));

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const stats = () =>
  readFileSync(join(folder, "cache", "stats.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { p: string; d: string; x?: string; r?: 1 });

/** Threads are worth their start for this much. */
const large = 200 * MiB;
/** So many that they are not looked at before they are hashed, and so many that threads do it. */
const sizesOfMany = [1500, 9000];
const isPlain = () => true;

describe.each([
  ["by threads", threadFile],
  ["where no thread can be started", "/nowhere/thread.js"],
])("digests %s", (_, file) => {
  test("are those of the content, for files of all sizes", async () => {
    const sizes = [0, 1, 65_535, 65_536, MiB - 1, MiB, 3 * MiB + 1, 64 * MiB, large];
    const paths = sizes.map((size) => write(`file of ${size}`, size));
    for (let i = 0; i < 600; i++) paths.push(write(`small ${i}`, 10));
    const found = await withCache(file, (cache) => cache.digestsOf([...paths, ...paths, folder, join(folder, "none")]));
    expect(found.size).toBe(paths.length);
    for (const path of paths) expect(found.get(path)?.digest).toBe(sha256(path));
    expect(found.get(paths[4]!)!.size).toBe(MiB - 1);
  });

  test.each(sizesOfMany)("are those of the content, for %d files of which nothing is known", async (count) => {
    const paths = Array.from({ length: count }, (_, i) => write(`small ${i}`, 10 + (i % 5)));
    paths.push(write("not so small", 3 * MiB), write("empty", 0));
    const link = join(folder, "link");
    symlinkSync(paths[0]!, link);
    await tick();
    const asked = [...paths, link, folder, join(folder, "none")];
    const found = await withCache(file, (cache) => cache.digestsOf(asked, isPlain));
    expect(found.size).toBe(paths.length + 1);
    for (const path of [...paths, link]) expect(found.get(path)!.digest).toBe(sha256(path));
    for (const path of [...paths, link]) expect(found.get(path)!.seen).toBe(statText(statOf(path)!));
    const lines = stats();
    expect(lines.filter(({ r }) => r !== undefined)).toEqual([]);
    expect(lines.filter(({ x }) => x !== undefined).map(({ p }) => p)).toEqual([join(folder, "not so small")]);
    // All of them are known now, and one that is edited is found among them.
    writeFileSync(paths[1000]!, "edited");
    const again = await withCache(file, (cache) => cache.digestsOf(asked, isPlain));
    expect(again.get(paths[1000]!)!.digest).toBe(sha256(paths[1000]!));
    expect(stats()).toHaveLength(lines.length + 1);
  });

  test.each(sizesOfMany)(
    "are not relied on where the clock has not passed a file's last change, among %d",
    async (count) => {
      const paths = Array.from({ length: count }, (_, i) => write(`small ${i}`, 10));
      utimesSync(paths[1000]!, 4e9, 4e9);
      await tick();
      const found = await withCache(file, (cache) => cache.digestsOf(paths));
      expect(found.get(paths[1000]!)!.digest).toBe(sha256(paths[1000]!));
      expect(stats().flatMap(({ p, r }) => (r === undefined ? [] : [p]))).toEqual([paths[1000]]);
    },
  );

  test("of a large file that was only touched are those known, and of one that was edited anywhere are new", async () => {
    const path = write("large", large);
    await tick();
    await withCache(file, (cache) => cache.digestsOf([path]));
    const known = stats().at(-1)!;
    expect(known.x!.split(".")).toHaveLength(4);
    // A digest that no content has shows that it was taken from there.
    const marked = { ...known, d: "0".repeat(64) };
    writeFileSync(join(folder, "cache", "stats.jsonl"), JSON.stringify(marked) + "\n");
    utimesSync(path, 2e9, 1.1e9);
    await tick();
    const touched = await withCache(file, (cache) => cache.digestsOf([path]));
    expect(touched.get(path)!.digest).toBe(marked.d);
    for (const at of [0, pieceBytesOf(large) * 2 - 1, large - 1]) {
      const fd = openSync(path, "r+");
      writeSync(fd, "#", at);
      closeSync(fd);
      utimesSync(path, 1e9, 1e9);
      const edited = await withCache(file, (cache) => cache.digestsOf([path]));
      expect(edited.get(path)!.digest).toBe(sha256(path));
    }
  });
});

test("a large file that is edited while it is hashed has the digest of what it holds in the end", async () => {
  const path = write("large", large);
  await tick();
  const found = await withCache(threadFile, async (cache) => {
    const early = cache.digestsOf([path]);
    await tick();
    writeFileSync(path, Buffer.alloc(large, "other"));
    return early;
  });
  expect(found.get(path)!.digest).toBe(sha256(path));
  const last = await withCache(threadFile, (cache) => cache.digestsOf([path]));
  expect(last.get(path)!.digest).toBe(sha256(path));
});

test("what may be a pipe is not opened: who writes into it waits for somebody else", async () => {
  const paths = Array.from({ length: 1500 }, (_, i) => write(`small ${i}`, 10));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const writer = spawn("sh", ["-c", `printf hello > pipe`], { cwd: folder });
  try {
    const found = await withCache(threadFile, (cache) => cache.digestsOf([...paths, pipe], (path) => path !== pipe));
    expect(found.size).toBe(paths.length);
    const reader = execFileSync("cat", [pipe], { encoding: "utf8", timeout: 5000 });
    expect(reader).toBe("hello");
  } finally {
    writer.kill();
  }
});

test("a file that is gone is left out", async () => {
  const paths = Array.from({ length: 3000 }, (_, i) => write(`small ${i}`, 10));
  rmSync(paths[7]!);
  const found = await withCache(threadFile, (cache) => cache.digestsOf(paths));
  expect(found.has(paths[7]!)).toBe(false);
  expect(found.size).toBe(paths.length - 1);
});

// With one processor no thread hashes files.
test.skipIf(availableParallelism() === 1)(
  "answers are those of their orders, also where one waits for a library that the next one does not need",
  async () => {
    const paths = Array.from({ length: 8 }, (_, i) => write(`small ${i}`, 10));
    const terms = { at: BigInt(4e18), device: BigInt(statSync(folder).dev) };
    const pool = new HashPool(threadFile);
    try {
      const asked = paths.map((path, i) =>
        pool.run({ kind: "files", paths: [path], ...terms, most: i % 2 === 0 ? Infinity : 1 << 20 }),
      );
      const sent = await Promise.race([asked[0], asked[1]]);
      expect(sent).toBeDefined();
      for (let left = pool.takeBack(); left !== undefined; left = pool.takeBack()) left.tell([]);
      const answers = await Promise.all(asked);
      const digests = answers.map((answer) => answer?.files[0]?.digest);
      expect(digests.filter((digest) => digest !== undefined).length).toBeGreaterThan(1);
      digests.forEach((digest, i) => digest === undefined || expect(digest).toBe(sha256(paths[i]!)));
    } finally {
      pool.close();
    }
  },
);

test("a pool that is closed does nothing more: what waited is told so, and no thread is started for it", async () => {
  const path = write("file", 10);
  const pool = new HashPool(threadFile);
  const orders = Array.from({ length: 4 * pool.width }, () => pool.run({ kind: "digest", path }));
  pool.close();
  expect(await Promise.all(orders)).toEqual(orders.map(() => undefined));
  expect(await pool.run({ kind: "digest", path })).toBe(undefined);
});

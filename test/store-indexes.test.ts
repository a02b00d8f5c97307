// The cache of results and the memory of digests keep indexes of their logs. Whoever writes a long log leaves its index behind; by it, without it and by a
// wrong one, the answers are the same.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalActionCache } from "../src/backends/store/action-cache.ts";
import { Segment } from "../src/backends/store/segment.ts";
import { StatCache } from "../src/backends/store/stat-cache.ts";
import type { ActionResult } from "../src/model/action.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { LineIndex } from "../src/util/line-index.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "exp-indexes-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const count = 5_000;
const numbers = Array.from({ length: count }, (_, i) => i);

describe("results", () => {
  const keyOf = (i: number) => digestOfBytes(`key ${i}`);
  const resultOf = (i: number): ActionResult => ({
    ...{ outputs: {}, at: i, tookMs: i, costUsd: 0, attempts: 1 },
    ...{ by: "somebody", executor: "local" },
  });
  /** As another build finds it, which is over by now. */
  function written(): string {
    const root = join(folder, "actions");
    const cache = new LocalActionCache(root, join(folder, "uses"));
    for (const i of numbers) cache.put(keyOf(i), resultOf(i));
    cache.close(0);
    return root;
  }
  const segmentOf = (root: string) => readdirSync(root).find((name) => name.endsWith(".jsonl"))!;
  const open = (root: string) => new Segment(root, segmentOf(root), false);

  test("are found by the index that their writer has left", () => {
    const root = written();
    const [log, index] = [".jsonl", ".index"].map((end) => join(root, segmentOf(root).replace(".jsonl", end)));
    expect(LineIndex.open(index!, log!)?.size).toBe(count);
    // Nothing of the log is read before it is asked for, and of that only the lines that it takes.
    const segment = open(root);
    expect(segment.get(keyOf(17))).toEqual(resultOf(17));
    expect(segment.get(keyOf(count))).toBeUndefined();
  });

  test.each(["by its index", "without one", "with an index of another log"])(
    "of a segment, few or all of them, %s",
    (how) => {
      const root = written();
      const index = join(root, segmentOf(root).replace(".jsonl", ".index"));
      if (how === "without one") rmSync(index);
      if (how === "with an index of another log") writeFileSync(index, readFileSync(index).reverse());
      const segment = open(root);
      for (const i of [4_999, 0, ...numbers, 3]) expect(segment.get(keyOf(i))).toEqual(resultOf(i));
      expect(segment.get(keyOf(count))).toBeUndefined();
      segment.close();
    },
  );

  test("whose keys share a hash are not taken for one another, and the first of a key counts", () => {
    const root = join(folder, "actions");
    mkdirSync(root);
    const [one, other] = [21_534, 29_105];
    const lines = [...numbers, one, one].map((i, n) => JSON.stringify({ k: keyOf(i), r: resultOf(n) }));
    writeFileSync(join(root, "one.jsonl"), `${lines.join("\n")}\n`);
    for (const again of [false, true]) {
      const segment = open(root);
      // Many, so that by now it reads all of them.
      for (const asked of [[one], numbers, [one]])
        for (const i of asked)
          expect(segment.get(keyOf(i)), `again: ${again}`).toEqual(resultOf(i === one ? count : i));
      expect(open(root).get(keyOf(other))).toBeUndefined();
      expect(segment.get(keyOf(other))).toBeUndefined();
    }
  });

  test("whose lines are torn are not there, and their neighbours are", () => {
    const root = join(folder, "actions");
    mkdirSync(root);
    const lines = numbers.map((i) => JSON.stringify({ k: keyOf(i), r: resultOf(i) }));
    lines[7] = lines[7]!.slice(0, 90);
    lines[8] = lines[8]!.slice(0, 20);
    writeFileSync(join(root, "one.jsonl"), `${lines.join("\n")}\n`);
    for (const again of [false, true]) {
      const segment = open(root);
      expect(
        numbers.filter((i) => segment.get(keyOf(i)) === undefined),
        `again: ${again}`,
      ).toEqual([7, 8]);
    }
  });
});

describe("digests", () => {
  const log = () => join(folder, "cache", "stats.jsonl");
  const indexed = () => LineIndex.open(join(folder, "cache", "stats.index"), log());
  const paths = numbers.map((i) => `data/${i}`);
  const open = () => new StatCache(join(folder, "cache"), undefined);
  beforeEach(() => {
    mkdirSync(join(folder, "data"));
    for (const path of paths) writeFileSync(join(folder, path), path);
  });
  const learn = (cache: StatCache, which = paths) => {
    for (const path of which) cache.digestOf(join(folder, path));
  };
  const tick = () => new Promise((resolve) => setTimeout(resolve, 30));

  test("whoever learns many leaves an index of all lines; who learns few after it leaves that as it is", async () => {
    await tick();
    const first = open();
    learn(first);
    first.close();
    expect(indexed()!.size).toBe(count);
    expect(indexed()!.end).toBe(statSync(log()).size);
    const end = indexed()!.end;
    for (const path of paths.slice(0, 10)) writeFileSync(join(folder, path), "edited");
    await tick();
    const second = open();
    learn(second);
    second.close();
    expect(indexed()!.end).toBe(end);
    expect(statSync(log()).size).toBeGreaterThan(end);
    const third = open();
    expect(third.digestOf(join(folder, paths[3]!))?.digest).toBe(digestOfBytes("edited"));
    expect(third.digestOf(join(folder, paths[count - 1]!))?.digest).toBe(digestOfBytes(paths[count - 1]!));
    third.close();
  });

  test("who asks one thing of a long log that has no index leaves one", async () => {
    await tick();
    const first = open();
    learn(first);
    first.close();
    rmSync(join(folder, "cache", "stats.index"));
    const second = open();
    learn(second, paths.slice(0, 1));
    second.close();
    expect(indexed()!.size).toBe(count);
    expect(indexed()!.end).toBe(statSync(log()).size);
  });

  test("an index grows by what was learnt with it", async () => {
    await tick();
    const first = open();
    learn(first, paths.slice(500));
    first.close();
    for (const path of paths.slice(0, 2_500)) writeFileSync(join(folder, path), "edited");
    await tick();
    const second = open();
    learn(second);
    second.close();
    const index = indexed()!;
    expect(index.end).toBe(statSync(log()).size);
    // Each line where its path says that it is.
    for (const path of paths.map((one) => join(folder, one)))
      expect(index.offsetsOf(path).map((offset) => (JSON.parse(index.lineAt(offset)) as { p: string }).p)).toContain(
        path,
      );
  });

  test("the log does not grow for ever of files that are written again and again", async () => {
    let longest = 0;
    for (let build = 0; build < 12; build++) {
      for (const path of paths) writeFileSync(join(folder, path), `build ${build}`);
      await tick();
      const cache = open();
      learn(cache);
      cache.close();
      longest = Math.max(longest, readFileSync(log(), "utf8").split("\n").length - 1);
    }
    expect(longest).toBeLessThanOrEqual(5 * count);
    const last = open();
    for (const path of paths) expect(last.digestOf(join(folder, path))?.digest).toBe(digestOfBytes("build 11"));
    last.close();
  });

  test("where another build has written meanwhile, no index says where its lines lie", async () => {
    await tick();
    const [one, other] = [open(), open()];
    // Names of one length, and so lines that begin where the other's lines begin.
    learn(one, paths.slice(1_000).reverse());
    learn(other, paths.slice(1_000));
    other.close();
    one.close();
    const index = indexed();
    for (const path of paths.slice(1_000).map((name) => join(folder, name)))
      for (const offset of index?.offsetsOf(path) ?? [])
        expect(JSON.parse(index!.lineAt(offset))).toMatchObject({ p: path });
    // And a line of the other's that was torn does no harm.
    appendFileSync(log(), '{"p":"torn\n');
    const third = open();
    for (const path of paths) expect(third.digestOf(join(folder, path))?.digest).toBe(digestOfBytes(path));
    third.close();
  });
});

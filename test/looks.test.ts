// Looks at files that are left out because something else has proved what they would: where it has not, there is a look.

import type * as Fs from "node:fs";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { LocalActionCache } from "../src/backends/store/action-cache.ts";
import { hashResting } from "../src/backends/store/hash-file.ts";
import type { ActionResult } from "../src/model/action.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { Lease } from "../src/runs/lease.ts";
import { FileClock, isStill, statOf } from "../src/util/stat.ts";
import { benchOf, plainExpfile, plainRule } from "./reliability/bench.ts";

const idle = vi.hoisted(() => () => undefined);
const seen = vi.hoisted(() => ({
  beforeRead: idle,
  afterRead: idle,
  listed: 0,
  read: [] as string[],
}));
vi.mock("node:fs", async (load) => {
  const fs = await load<typeof Fs>();
  const readSync = (...args: Parameters<typeof fs.readSync>) => {
    seen.beforeRead();
    const got = fs.readSync(...args);
    seen.afterRead();
    return got;
  };
  const readdirSync = ((...args: Parameters<typeof fs.readdirSync>) => {
    seen.listed++;
    return fs.readdirSync(...args);
  }) as typeof fs.readdirSync;
  const readFileSync = ((...args: Parameters<typeof fs.readFileSync>) => {
    seen.read.push(String(args[0]));
    return fs.readFileSync(...args);
  }) as typeof fs.readFileSync;
  return { ...fs, readSync, readdirSync, readFileSync };
});

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "exp-looks-"))));
afterEach(() => {
  seen.beforeRead = seen.afterRead = idle;
  rmSync(folder, { recursive: true, force: true });
});

describe("a file that is edited while it is hashed", () => {
  /** A file of `size` bytes that was last changed `agoMs` ago and is edited once, by `edit`, before or after something of it was read. */
  function hashEdited(
    size: number,
    agoMs: number,
    edit: (path: string) => void,
    when: "beforeRead" | "afterRead" = "afterRead",
  ) {
    const path = join(folder, "file");
    writeFileSync(path, "a".repeat(size));
    const clock = new FileClock(join(folder, "clock"));
    onTestFinished(() => clock.close());
    // Its state changed when it was written, whatever its times say: the tick is set instead.
    const stat = statOf(path)!;
    const at = stat.ctimeNs + BigInt(agoMs) * 1_000_000n;
    seen[when] = () => {
      seen[when] = idle;
      edit(path);
    };
    return { path, hashed: hashResting(path, { at, device: clock.device, most: Infinity }, undefined) };
  }
  const overwrite = (path: string) => writeFileSync(path, "b", { flag: "r+" });
  const grow = (path: string) => appendFileSync(path, "more");

  test("is not looked at again where its stat would tell: the one that is remembered is not the one it has now", () => {
    const { path, hashed } = hashEdited(10, 1000, (file) => {
      overwrite(file);
      utimesSync(file, 1e9, 1e9);
    });
    expect(hashed).toMatchObject({ digest: digestOfBytes("a".repeat(10)), isRacy: false });
    expect(isStill(path, hashed!.seen)).toBe(false);
  });

  test.each([
    ["that is racy", 10, 0, overwrite, "afterRead"],
    ["that is not small", 64 << 10, 1000, overwrite, "afterRead"],
    ["that has grown when it is read", 10, 1000, grow, "beforeRead"],
  ] as const)("has no digest where it is one %s", (_, size, agoMs, edit, when) => {
    const changed = (path: string) => {
      edit(path);
      utimesSync(path, 1e9, 1e9);
    };
    expect(hashEdited(size, agoMs, changed, when).hashed).toBe(undefined);
    expect(hashEdited(size, agoMs, idle).hashed?.digest).toBe(digestOfBytes("a".repeat(size)));
  });
});

test("the folder of results is listed again only when it has changed, and what another build brought is seen at once", async () => {
  const clock = new FileClock(join(folder, "clock"));
  onTestFinished(() => clock.close());
  const root = join(folder, "actions");
  mkdirSync(root);
  const [key, other] = [digestOfBytes("one"), digestOfBytes("other")];
  const result: ActionResult = { outputs: {}, at: 1, tookMs: 1, costUsd: 0, attempts: 1, by: "a", executor: "local" };
  const cacheOf = (name: string) => new LocalActionCache(root, join(folder, name), clock);
  const cache = cacheOf("uses");
  expect(cache.get(key)).toBe(undefined);
  const second = cacheOf("second");
  second.put(key, result);
  cache.refresh();
  expect(cache.get(key)).toEqual(result);
  await clock.pass(clock.now());
  cache.refresh();
  seen.listed = 0;
  for (let i = 0; i < 10; i++) cache.refresh();
  expect(seen.listed).toBe(0);
  // In the tick of its last change a folder may change again and look the same.
  const racy = vi.spyOn(clock, "isRacy").mockReturnValue(true);
  cache.refresh();
  expect(seen.listed).toBe(1);
  racy.mockRestore();
  cache.refresh();
  seen.listed = 0;
  // Another line of a segment that is known moves no folder; another segment does.
  second.put(other, result);
  cache.refresh();
  expect(cache.get(other)).toEqual(result);
  expect(seen.listed).toBe(0);
  const third = cacheOf("third");
  third.put(digestOfBytes("third"), result);
  seen.listed = 0;
  cache.refresh();
  expect(seen.listed).toBe(1);
  expect(cache.get(digestOfBytes("third"))).toEqual(result);
  for (const one of [cache, second, third]) one.close(0);
});

describe("a lease that was just taken", () => {
  const file = () => join(folder, "lock");
  const reads = () => seen.read.filter((path) => path === file()).length;

  test("is released without being read", () => {
    seen.read = [];
    const now = vi.spyOn(Date, "now").mockReturnValue(1e12);
    onTestFinished(() => now.mockRestore());
    Lease.tryTake(file(), "a test")!.release();
    expect(reads()).toBe(0);
    expect(statOf(file())).toBe(undefined);
  });

  test("and is another's by now, or was taken long ago by the clock, is not removed unread", () => {
    const now = vi.spyOn(Date, "now").mockReturnValue(1e12);
    onTestFinished(() => now.mockRestore());
    const lost = Lease.tryTake(file(), "a test")!;
    rmSync(file());
    const taker = Lease.tryTake(file(), "another")!;
    lost.release();
    expect(taker.isHeld()).toBe(true);
    // A laptop that slept: the network's file system may show what it remembers of the file.
    now.mockReturnValue(1e12 + 60_000);
    seen.read = [];
    taker.release();
    expect(reads()).toBe(1);
    expect(statOf(file())).toBe(undefined);
  });
});

test("an output that is edited between its place and the end of the build is not taken for up to date by the next", async () => {
  // The second target's recipe edits what the first one has left, and keeps its size.
  const bench = benchOf({
    ...plainExpfile(["one", "two"], "const o = one(); return { one: o, two: two({ out: o.out }) };"),
    ...plainRule("one", "outputs: { out: text() }", `await outputs.out.write("as made");`),
    ...plainRule(
      "two",
      "inputs: { out: text() }, outputs: { out: text() }",
      `fs.writeFileSync(process.env.EXP_TEST_MARKS.replace(/[.]marks$/, "") + "/runs/default/one/out.txt", "edited!");
      await outputs.out.write("two");`,
    ),
  });
  const place = "runs/default/one/out.txt";
  await bench.build();
  expect(bench.rig.read(place)).toBe("edited!");
  await bench.build();
  expect(bench.rig.read(place)).toBe("as made");
  expect(bench.marks.counts).toEqual({ one: 1, two: 1 });
});

// `exp gc` and what is no blob: stamps, facts about files, the segments of the action cache.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { compactStats, StatCache } from "../src/backends/store/stat-cache.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { readLog } from "../src/util/append-log.ts";
import { statOf, statText } from "../src/util/stat.ts";
import { builtTwice, epoch, everythingOld, gc, gcBeside } from "./gc.fixture.ts";
import { benchOf, chain, oneTarget, until } from "./reliability/bench.ts";
import type { Rig } from "./rig.ts";

const waiting = oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");');

/** Without what lies beside them: the targets that may be recalled. */
const stampsOf = (rig: Rig) =>
  readdirSync(rig.path("cache/stamps"))
    .filter((name) => !name.startsWith("run-"))
    .sort();

function makeOlder(rig: Rig, name: string, days: number): void {
  const then = new Date(Date.now() - days * 86_400_000);
  utimesSync(rig.path(name), then, then);
}

describe("stamps", () => {
  test("one that is older than the limit goes and costs the quick answer only; a younger one stays and answers", async () => {
    const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
    await bench.build();
    const [first] = stampsOf(bench.rig);
    await bench.build(["-c", "other"]);
    expect(stampsOf(bench.rig)).toHaveLength(2);
    makeOlder(bench.rig, `cache/stamps/${first}`, 100);
    expect((await gc(bench.rig, "--max-age", "101d")).leftovers.files).toBe(0);
    expect(stampsOf(bench.rig)).toHaveLength(2);
    expect((await gc(bench.rig, "--max-age", "99d")).leftovers.files).toBe(1);
    expect(stampsOf(bench.rig)).not.toContain(first);
    expect(stampsOf(bench.rig)).toHaveLength(1);
    bench.marks.clear();
    expect((await bench.build()).end.outcome).toBe("up-to-date");
    expect(bench.marks.counts).toEqual({});
    expect(stampsOf(bench.rig)).toContain(first);
  });

  test("one of today stays, whatever the limit", async () => {
    const bench = benchOf(chain);
    await bench.build();
    expect((await gc(bench.rig, ...everythingOld)).leftovers.files).toBe(0);
    expect(stampsOf(bench.rig)).toHaveLength(1);
  });

  test("while a build is at work none goes", async () => {
    const bench = benchOf(waiting);
    const build = bench.start("build", "--json");
    await until(() => bench.marks.counts.it === 1);
    bench.rig.write({ "cache/stamps/of-another": "" });
    makeOlder(bench.rig, "cache/stamps/of-another", 400);
    expect((await gcBeside(bench.rig, "--dry-run")).leftovers.files).toBe(1);
    await gcBeside(bench.rig);
    expect(stampsOf(bench.rig)).toEqual(["of-another"]);
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
    await gc(bench.rig);
    expect(stampsOf(bench.rig)).not.toContain("of-another");
  });
});

interface Fact {
  readonly p: string;
  readonly s: string;
  readonly d: string;
  readonly x?: string;
}

const factsOf = (rig: Rig) => readLog<Fact>(rig.path("cache/stats.jsonl")).lines;

/** Facts about files that are not there: as many as make the log worth rewriting. */
function factsOfNothing(): string {
  const lines = Array.from({ length: 10_000 }, (_, i) =>
    JSON.stringify({ p: `/no such folder/file ${i}`, s: "1:2:3:4", d: digestOfBytes(String(i)) }),
  );
  const text = lines.join("\n") + "\n";
  expect(text.length).toBeGreaterThan(2 ** 20);
  return text;
}

function append(rig: Rig, name: string, text: string): void {
  rig.write({ [name]: (rig.has(name) ? rig.read(name) : "") + text });
}

describe("what is known of files", () => {
  test("goes where the file is gone or another; what is right stays, each as it was and in its order", async () => {
    const bench = benchOf(chain);
    await bench.build();
    bench.rig.write({ "data/small.txt": "now\n", "data/large.bin": "large".repeat(300_000) });
    const [small, large] = ["data/small.txt", "data/large.bin"].map((name) => bench.rig.path(name)) as [string, string];
    const isSmall = statText(statOf(small)!);
    const before = factsOf(bench.rig);
    const right = before.filter(({ p, s }) => statOf(p) !== undefined && statText(statOf(p)!) === s);
    expect(right.length).toBeGreaterThan(10);
    const more: readonly (Fact & { readonly r?: 1 })[] = [
      { p: small, s: "4:1:1:1", d: digestOfBytes("then\n") },
      { p: small, s: isSmall, d: digestOfBytes("in the same tick\n"), r: 1 },
      { p: small, s: isSmall, d: digestOfBytes("now\n") },
      // Touched since: by its xxhash its content may be known again.
      { p: large, s: "1500000:1:1:1", d: digestOfBytes("large"), x: "0123" },
    ];
    append(bench.rig, "cache/stats.jsonl", factsOfNothing());
    append(bench.rig, "cache/stats.jsonl", more.map((fact) => JSON.stringify(fact) + "\n").join("") + '{"p":"torn');
    await gc(bench.rig, "--max-size", "none", ...everythingOld);
    expect(factsOf(bench.rig)).toEqual([...right, ...more.slice(1)]);
    expect(bench.rig.read("cache/stats.jsonl")).not.toContain("torn");
    expect(readdirSync(bench.rig.path("cache")).filter((name) => name.includes(".tmp"))).toEqual([]);
    bench.marks.clear();
    expect((await bench.build()).end.outcome).toBe("up-to-date");
    expect(bench.marks.counts).toEqual({});
  });

  test("of a project that was moved, all of it goes", async () => {
    const bench = benchOf(chain);
    bench.rig.write({ "cache/stats.jsonl": factsOfNothing() });
    await gc(bench.rig, "--max-size", "none", ...everythingOld);
    expect(factsOf(bench.rig)).toEqual([]);
    await bench.build();
  });

  test("is left as it is while it is little, and while a build is at work", async () => {
    const bench = benchOf(waiting);
    const little = factsOfNothing().slice(0, 100_000);
    bench.rig.write({ "cache/stats.jsonl": little });
    await gc(bench.rig, "--max-size", "none", ...everythingOld);
    expect(bench.rig.read("cache/stats.jsonl")).toBe(little);
    const much = factsOfNothing();
    bench.rig.write({ "cache/stats.jsonl": much });
    const build = bench.start("build", "--json");
    await until(() => bench.marks.counts.it === 1);
    await gcBeside(bench.rig, "--max-size", "none", ...everythingOld);
    expect(bench.rig.read("cache/stats.jsonl").slice(0, much.length)).toBe(much);
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
  });

  test("who has it open while it is compacted answers right, and so does whoever comes after", () => {
    const folder = mkdtempSync(join(tmpdir(), "exp-stats-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [kept, edited, late] = ["kept", "edited", "late"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const file of [kept, edited]) writeFileSync(file, "first");
    writeFileSync(join(folder, "stats.jsonl"), factsOfNothing());
    const isRight = (cache: StatCache) => {
      expect(cache.digestOf(kept)?.digest).toBe(digestOfBytes("first"));
      expect(cache.digestOf(edited)?.digest).toBe(digestOfBytes("second"));
      expect(cache.digestOf(late)?.digest).toBe(digestOfBytes("late"));
    };
    const open = new StatCache(folder, undefined);
    expect(open.digestOf(kept)?.digest).toBe(digestOfBytes("first"));
    expect(open.digestOf(edited)?.digest).toBe(digestOfBytes("first"));
    writeFileSync(edited, "second");
    compactStats(folder);
    writeFileSync(late, "late");
    isRight(open);
    open.close();
    const after = new StatCache(folder, undefined);
    isRight(after);
    after.close();
  });
});

interface Entry {
  readonly k: string;
  readonly r: { readonly by: string };
}

const segmentsOf = (rig: Rig) =>
  readdirSync(rig.path("cache/actions"))
    .sort()
    .map((name) => rig.path(`cache/actions/${name}`));

/** An entry of more than a MiB that holds its own content. */
function largeEntry(i: number, by: string): string {
  const text = String(i % 10).repeat(1 << 20);
  const blob = { digest: digestOfBytes(text), size: text.length };
  const r = { outputs: { out: { kind: "file", blob, text } }, at: Date.now(), tookMs: 1, costUsd: 0, by };
  return JSON.stringify({ k: digestOfBytes(`key ${i}`), r: { ...r, executor: "local", attempts: 1 } }) + "\n";
}

describe("the action cache", () => {
  test("merged, it becomes segments that can be read in one piece; each entry is in one of them, the first one", async () => {
    const bench = await builtTwice();
    const large = Array.from({ length: 132 }, (_, i) => largeEntry(i, "first@here"));
    bench.rig.write({
      "cache/actions/0-merged-00000000.jsonl": large.slice(0, 100).join(""),
      "cache/actions/0-merged-00000001.jsonl": large.slice(100).join("") + '{"k":"torn',
      "cache/actions/0-merged-00000002.jsonl": [3, 130].map((i) => largeEntry(i, "second@here")).join(""),
    });
    const before = segmentsOf(bench.rig).flatMap((file) => readLog<Entry>(file).lines);
    await gc(bench.rig, "--max-size", "none", "--max-age", "none");
    const segments = segmentsOf(bench.rig);
    expect(segments).toHaveLength(2);
    for (const file of segments) expect(statSync(file).size).toBeLessThan(130 * 2 ** 20);
    const after = segments.flatMap((file) => readLog<Entry>(file).lines);
    expect(after.map(({ k }) => k).sort()).toEqual([...new Set(before.map(({ k }) => k))].sort());
    expect(after.filter(({ r }) => r.by === "second@here")).toEqual([]);
    await bench.build(epoch(1));
    expect(bench.marks.counts).toEqual({});
  });

  test("a segment of another machine, where its writer cannot be asked, is left to that machine", async () => {
    const bench = await builtTwice();
    const theirs = "cache/actions/0a0b0c0d-17-00000000ffffffff.jsonl";
    const text = segmentsOf(bench.rig)
      .map((file) => readFileSync(file, "utf8"))
      .join("");
    bench.rig.remove("cache/actions");
    bench.rig.write({ [theirs]: text });
    expect((await gc(bench.rig, ...everythingOld)).cache.goes.results).toBeGreaterThan(0);
    expect(bench.rig.read(theirs)).toBe(text);
    // What it says of results whose content is gone by now is not believed.
    await bench.build(epoch(1));
    expect(bench.marks.counts.one0).toBe(1);
  });
});

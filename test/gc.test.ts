// `exp gc`: what goes, what stays, what it says before and does then, beside builds and after crashes.

import { cpSync, readdirSync, renameSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { LocalCollection } from "../src/backends/store/local-collection.ts";
import { lowerFlag, raiseFlag } from "../src/backends/store/mark.ts";
import { hostTag } from "../src/util/host.ts";
import { collect, type Collected } from "../src/project/collect/collect.ts";
import { pathsOf } from "../src/project/paths.ts";
import { blobsOf, builtTwice, epoch, everythingOld, gc, told } from "./gc.fixture.ts";
import { benchOf, chain, oneTarget, randomFrom, until } from "./reliability/bench.ts";
import type { Rig } from "./rig.ts";
import { countOf, seed } from "./reliability/counts.ts";

describe("what goes", () => {
  test("what no run stands on goes when it is old; what the run stands on stays, and nothing is computed again", async () => {
    const bench = await builtTwice();
    const before = blobsOf(bench.rig).length;
    const done = await gc(bench.rig, ...everythingOld);
    expect(done.gone!.cache.blobs).toBeGreaterThan(8);
    expect(blobsOf(bench.rig).length).toBe(before - done.gone!.cache.blobs);
    // No build has to heed the mark any more.
    expect(bench.rig.has("cache/blobs/.mark")).toBe(false);
    expect((await bench.build()).targets).toEqual({ numbers: "fresh", pages: "fresh", end: "fresh" });
    expect(bench.marks.counts).toEqual({});
    // Whatever the run stands on is there: its files can be put back, and its items merged.
    bench.rig.remove("runs/default/pages");
    expect((await bench.build()).targets.pages).toBe("cached");
    bench.rig.edit("rules/numbers.ts", 'texts.join("")', 'texts.join("") + ""');
    await bench.build();
    expect(bench.marks.counts).toEqual({ merge: 1 });
    // What went is computed again.
    bench.marks.clear();
    await bench.build(epoch(1));
    expect(bench.marks.counts.one0).toBe(1);
  });

  test("what was used last is kept when the cache has to be small", async () => {
    const bench = benchOf(chain);
    for (const n of [1, 2, 3]) await bench.build(epoch(n));
    // Taken from the cache by another run, which is then gone: used last, though made first.
    bench.rig.write({ "configs/other.yaml": "version: 1\n" });
    await bench.build(["-c", "configs/other.yaml", ...epoch(1)]);
    bench.rig.remove("runs/other");
    const all = (await gc(bench.rig, "--dry-run", "--max-size", "none")).cache.now.bytes;
    const small = await gc(bench.rig, "--max-size", String(Math.round(all * 0.7)));
    expect(small.gone!.cache.bytes).toBeGreaterThanOrEqual(Math.floor(all * 0.3));
    bench.marks.clear();
    await bench.build(epoch(1));
    expect(bench.marks.counts).toEqual({});
    await bench.build(epoch(2));
    expect(Object.keys(bench.marks.counts).length).toBeGreaterThan(0);
  });

  test("what a run stood on until lately is not old, however long ago it was made", async () => {
    const bench = await builtTwice();
    const old = Date.now() - 200 * 86_400_000;
    const makeOlder = (name: string) => {
      const lines = bench.rig.read(name).split("\n");
      const isOfResult = (line: string) => line.includes('"r":{');
      const edited = lines.map((line) => (isOfResult(line) ? line.replace(/"at":\d+/, `"at":${old}`) : line));
      bench.rig.write({ [name]: edited.join("\n") });
    };
    makeOlder("runs/default/trace/trace.jsonl");
    for (const name of readdirSync(bench.rig.path("cache/actions"))) makeOlder(`cache/actions/${name}`);
    for (const digest of blobsOf(bench.rig))
      utimesSync(bench.rig.path(`cache/blobs/${digest.slice(0, 2)}/${digest}`), old / 1000, old / 1000);
    expect((await gc(bench.rig, "--dry-run", "--max-age", "90d")).cache.goes.blobs).toBe(0);
    expect((await gc(bench.rig, "--dry-run", ...everythingOld)).cache.goes.blobs).toBeGreaterThan(8);
  });

  test("a result whose content is lost goes, whatever the limits", async () => {
    const bench = benchOf(chain);
    await bench.build();
    bench.rig.remove("runs/default");
    const entries = () =>
      readdirSync(bench.rig.path("cache/actions")).flatMap((name) =>
        bench.rig.read(`cache/actions/${name}`).match(/\n/g),
      );
    const before = entries().length;
    expect((await gc(bench.rig, "--max-age", "none", "--max-size", "none")).gone!.cache.results).toBe(0);
    const [lost] = bench.rig
      .read(`cache/actions/${readdirSync(bench.rig.path("cache/actions"))[0]!}`)
      .match(/(?<="kind":"tree","blob":\{"digest":")[0-9a-f]{64}/)!;
    bench.rig.remove(`cache/blobs/${lost.slice(0, 2)}/${lost}`);
    expect((await gc(bench.rig, "--max-age", "none", "--max-size", "none")).gone!.cache.results).toBe(1);
    expect(entries().length).toBe(before - 1);
  });

  test("the limits of the Expfile hold, flags come before them, and a limit that says nothing is a mistake", async () => {
    const bench = await builtTwice();
    const limit = (text: string) =>
      bench.rig.edit("Expfile.ts", /\} \}(?:, \{.*\})?\);\s*$/, `} }${text === "" ? "" : `, ${text}`});\n`);
    limit('{ cache: { maxAge: "0 s" } }');
    expect((await gc(bench.rig, "--dry-run")).cache.goes.blobs).toBeGreaterThan(0);
    expect((await gc(bench.rig, "--dry-run", "--max-age", "none")).cache.goes.blobs).toBe(0);
    limit("");
    expect((await gc(bench.rig, "--dry-run")).cache.goes.blobs).toBe(0);
    limit('{ cache: { maxSize: "50 elephants" } }');
    const wrong = await bench.exp("gc");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('cache.maxSize is no size: "50 elephants"');
    const flag = await bench.exp("gc", "--max-age", "soon");
    expect([flag.code, flag.stderr]).toEqual([2, expect.stringContaining('--max-age takes a time, not "soon"')]);
  });

  test.each(["told from its split", "not told, for the split is lost"])(
    "items of earlier builds that the present fan-out stands on stay, be they %s",
    async (told) => {
      const bench = benchOf(chain);
      const items = (n: number) => ["--set", `numbers.items=${n}`];
      await bench.build(items(100));
      await bench.build(items(103));
      await bench.build(items(101));
      // The split is too large to be kept inline: it lies in the archive.
      if (told.startsWith("not")) bench.rig.remove("runs/.archive/blobs");
      expect((await gc(bench.rig, ...everythingOld)).gone!.cache.blobs).toBeGreaterThan(0);
      bench.rig.edit("rules/numbers.ts", 'texts.join("")', 'texts.join("") + ""');
      bench.marks.clear();
      await bench.build(items(101));
      expect(bench.marks.counts).toEqual({ merge: 1 });
    },
  );

  test("a fan-out that was stopped half-way keeps its items", async () => {
    const bench = benchOf(chain);
    await bench.build(epoch(1));
    const build = bench.start("build", ...epoch(2), "--set", "numbers.ms=40", "-j", "1", "--json");
    await until(() => (bench.marks.counts.one6 ?? 0) === 2);
    build.process.kill("SIGINT");
    expect((await build.finished).code).toBe(130);
    bench.marks.clear();
    await gc(bench.rig, ...everythingOld, "--max-size", "0");
    await bench.build();
    expect(bench.marks.counts.one0).toBeUndefined();
    expect(bench.marks.counts.one3).toBeUndefined();
  });

  test("what runs reach stays above every limit, and is said", async () => {
    const bench = await builtTwice();
    const { stdout } = await bench.exp("gc", "--max-size", "10 B");
    expect(stdout).toMatch(/are reached by runs, more than the limit of 10 B: remove or unpin runs/);
    expect((await bench.build()).targets).toEqual({ numbers: "fresh", pages: "fresh", end: "fresh" });
  });

  test("leftovers go: prints of recipes that are no more, stamps and folders of the dead", async () => {
    const bench = benchOf(chain);
    await bench.build();
    bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(11)");
    await bench.build();
    const old = new Date(Date.now() - 200 * 86_400_000);
    for (const folder of ["bundles", "stamps"])
      for (const name of readdirSync(bench.rig.path(`cache/${folder}`)))
        utimesSync(bench.rig.path(`cache/${folder}/${name}`), old, old);
    bench.rig.write({ "cache/tmp/00000000-1/file": "", [`cache/blobs/ab/x.00000000-1.00000000.tmp`]: "" });
    const done = await gc(bench.rig);
    expect(done.leftovers.files).toBeGreaterThanOrEqual(3);
    expect(readdirSync(bench.rig.path("cache/stamps"))).toEqual([]);
    bench.marks.clear();
    expect((await bench.build()).targets).toEqual({ numbers: "fresh", pages: "fresh", end: "fresh" });
  });
});

describe("what it says", () => {
  test("a dry run changes nothing, and its figures are what gc then does", async () => {
    const bench = await builtTwice();
    const [blobs, archived] = [blobsOf(bench.rig), blobsOf(bench.rig, "runs/.archive")];
    const dry = await gc(bench.rig, "--dry-run", ...everythingOld);
    expect(dry).toMatchObject({ dryRun: true, gone: null });
    expect([blobsOf(bench.rig), blobsOf(bench.rig, "runs/.archive")]).toEqual([blobs, archived]);
    expect(bench.rig.has("cache/gc.json")).toBe(false);
    const real = await gc(bench.rig, ...everythingOld);
    const { tookMs, costUsd, ...amount } = dry.cache.goes;
    expect(tookMs).toBeGreaterThan(8 * 4);
    expect(costUsd).toBe(0);
    expect(real.cache).toEqual(dry.cache);
    expect(real.gone!.cache).toEqual({ blobs: amount.blobs, results: amount.results, bytes: amount.bytes });
    expect((await gc(bench.rig, "--dry-run", ...everythingOld)).cache.goes).toMatchObject({
      blobs: 0,
      results: 0,
      bytes: 0,
    });
  });

  test("in words: how much goes and what it would cost to get it back", async () => {
    const bench = await builtTwice();
    const dry = await bench.exp("gc", "-n", ...everythingOld);
    expect(dry.stdout).toMatch(
      /^cache: .* in \d+ blobs and \d+ results; runs reach .* of it\n {2}would go: .* in \d+ blobs? and \d+ results? \(.* not used for 0 ms\)\n {2}to get it back: /,
    );
    expect(dry.stdout).toMatch(/\narchive: .* in \d+ blobs\n$/);
    const real = await bench.exp("gc", ...everythingOld);
    expect(real.stdout).toBe(dry.stdout.replaceAll("would go", "gone"));
    expect((await bench.exp("gc", ...everythingOld)).stdout).toContain("nothing to remove");
  });
});

const slow = {
  ...chain,
  ...oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");'),
};
const waiting: Readonly<Record<string, string>> = {
  ...chain,
  "rules/it.rule.ts": slow["rules/it.rule.ts"]!,
  "rules/it.ts": slow["rules/it.ts"]!,
  "Expfile.ts": chain["Expfile.ts"]!.replace(
    "import { pages }",
    'import { it } from "./rules/it.rule.ts";\nimport { pages }',
  ).replace("main: () => {", "other: () => ({ it: it() }), main: () => {"),
  "configs/slow.yaml": "version: 1\nexperiment: other\n",
};

/** Somebody on another machine who holds a lease, and beats. */
function holderElsewhere(rig: Rig, name: string, what: string) {
  let beat = 0;
  const write = () => {
    const text = { id: what, host: "far-away", machine: "0".repeat(16), pid: 7, started: "1", user: "somebody", what };
    rig.write({ [`${name}.new`]: JSON.stringify({ ...text, beat: beat++ }) });
    renameSync(rig.path(`${name}.new`), rig.path(name));
  };
  write();
  const timer = setInterval(write, 50);
  const stop = () => clearInterval(timer);
  onTestFinished(stop);
  return { stop, end: () => (stop(), rig.remove(name)) };
}

/** In this process: when it returns, the collection has looked and marked, and waits for those who hold leases. */
function collectNow(rig: Rig): Promise<Collected> {
  const limits = { maxSizeBytes: Infinity, maxAgeMs: 0 };
  return collect(pathsOf(rig.root), { limits, isDryRun: false, withArchive: true, now: Date.now() });
}

describe("beside builds", () => {
  test("while a build is at work nothing goes; it says which, and the next collection sweeps", async () => {
    const bench = benchOf(waiting);
    await bench.build(["--experiment", "main", ...epoch(1)]);
    await bench.build(epoch(2));
    const build = bench.start("build", "-c", "slow", "--json");
    await until(() => bench.marks.counts.it === 1);
    const before = blobsOf(bench.rig);
    const dry = await gc(bench.rig, "--dry-run", ...everythingOld);
    const blocked = await bench.exp("gc", "--json", ...everythingOld);
    expect(blocked.code).toBe(3);
    expect(told(blocked).waitsFor.join()).toContain(`process ${build.process.pid} (run slow)`);
    expect(blobsOf(bench.rig)).toEqual(before);
    expect((await bench.exp("gc", "--json", ...everythingOld)).code).toBe(3);
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
    // What was marked goes, whatever the limits are by now.
    const done = await gc(bench.rig, "--max-age", "none");
    expect(done.cache.goes.blobs).toBe(dry.cache.goes.blobs);
    expect(done.gone!.cache.blobs).toBe(dry.cache.goes.blobs);
    expect((await bench.build()).targets).toEqual({ numbers: "fresh", pages: "fresh", end: "fresh" });
  });

  test("a build that begins after the mark saves what it needs, and the sweep leaves that alone", async () => {
    const bench = benchOf(waiting);
    await bench.build(["--experiment", "main", ...epoch(1)]);
    await bench.build(epoch(2));
    const build = bench.start("build", "-c", "slow", "--json");
    await until(() => bench.marks.counts.it === 1);
    expect((await bench.exp("gc", ...everythingOld)).code).toBe(3);
    bench.marks.clear();
    await bench.build(epoch(1));
    expect(bench.marks.counts).toEqual({});
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
    await gc(bench.rig, ...everythingOld);
    bench.marks.clear();
    bench.rig.remove("runs/default/numbers");
    bench.rig.remove("runs/default/pages");
    expect((await bench.build()).targets).toMatchObject({ numbers: "cached", pages: "cached" });
    expect(bench.marks.counts).toEqual({});
  });

  test("what a build that began before the mark took from the cache stays", async () => {
    const bench = benchOf({
      ...waiting,
      "Expfile.ts": waiting["Expfile.ts"]!.replace(
        "const p = pages({ all: n.all })",
        "const i = it(); const p = pages({ all: n.all, it: i.out })",
      ).replace("return { numbers: n,", "return { it: i, numbers: n,"),
      "rules/pages.rule.ts": waiting["rules/pages.rule.ts"]!.replace("{ all: text() }", "{ all: text(), it: text() }"),
      "configs/third.yaml": "version: 1\nexperiment: main\n",
    });
    bench.allow("go");
    await bench.build(["--experiment", "main", ...epoch(1)]);
    await bench.build(epoch(2));
    bench.forbid("go");
    bench.rig.edit("rules/it.ts", '"done"', '"done".trim()');
    bench.marks.clear();
    const build = bench.start("build", "-c", "third", ...epoch(1), "--json");
    await until(() => bench.marks.counts.it === 1);
    // The pages of the first epoch are marked while the build that will take them is under way.
    expect((await bench.exp("gc", ...everythingOld)).code).toBe(3);
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
    await gc(bench.rig, ...everythingOld);
    bench.rig.remove("runs/third/pages");
    expect((await bench.build(["-c", "third"])).targets).toMatchObject({ numbers: "fresh", pages: "cached" });
    expect(bench.marks.counts).toEqual({ it: 1 });
  });

  test("a lease that a killed build left behind holds nothing up", async () => {
    const bench = benchOf(waiting);
    await bench.build(["--experiment", "main", ...epoch(1)]);
    await bench.build(epoch(2));
    const build = bench.start("build", "-c", "slow", "--json");
    await until(() => bench.marks.counts.it === 1);
    build.process.kill("SIGKILL");
    await build.finished;
    expect(readdirSync(bench.rig.path("cache/leases"))).toHaveLength(1);
    expect((await gc(bench.rig, ...everythingOld)).gone!.cache.blobs).toBeGreaterThan(0);
  });

  test("a build on another machine holds it up as long as it beats, and is named", async () => {
    const bench = await builtTwice();
    const lease = holderElsewhere(bench.rig, "cache/leases/far", "run far");
    const lock = holderElsewhere(bench.rig, "runs/default/lock", "exp build");
    const before = blobsOf(bench.rig);
    const blocked = await bench.exp("gc", "--json", ...everythingOld);
    expect(blocked.code).toBe(3);
    expect(told(blocked).waitsFor).toEqual([
      "somebody@far-away, process 7 (exp build)",
      "somebody@far-away, process 7 (run far)",
    ]);
    lock.end();
    const named = await bench.exp("gc", ...everythingOld);
    expect([named.code, named.stdout]).toEqual([
      3,
      expect.stringContaining("  it stays until this has ended: somebody@far-away, process 7 (run far)\n"),
    ]);
    expect(blobsOf(bench.rig)).toEqual(before);
    lease.end();
    expect((await gc(bench.rig, ...everythingOld)).gone!.cache.blobs).toBeGreaterThan(8);
  });

  test("a lease that another machine left behind, and that beats no more, holds nothing up", async () => {
    const bench = await builtTwice();
    holderElsewhere(bench.rig, "cache/leases/far", "run far").stop();
    expect((await gc(bench.rig, ...everythingOld)).gone!.cache.blobs).toBeGreaterThan(8);
    expect(bench.rig.has("cache/leases/far")).toBe(true);
  });

  // A holder elsewhere, of whom it is not known yet whether it lives, keeps a collection between its mark and its sweep.
  test.each(["", " by an earlier collection"])(
    "what a build came to rely on, and wrote down after the first look, stays, marked%s as it is",
    async (by) => {
      const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
      await bench.build();
      bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(11)");
      await bench.build(["-c", "other", ...epoch(1)]);
      cpSync(bench.rig.path("runs/other"), bench.rig.path("other"), { recursive: true });
      await bench.exp("runs", "rm", "other", "--yes");
      // Of a run that was there, or of one that was not.
      if (by === "") bench.rig.write({ "runs/other/trace/trace.jsonl": '{"v":1}\n' });
      const before = [blobsOf(bench.rig), blobsOf(bench.rig, "runs/.archive")];
      const lease = holderElsewhere(bench.rig, "cache/leases/far", "run other");
      if (by !== "") expect((await bench.exp("gc", ...everythingOld)).code).toBe(3);
      lease.stop();
      const collecting = collectNow(bench.rig);
      bench.rig.remove("runs/other");
      renameSync(bench.rig.path("other"), bench.rig.path("runs/other"));
      lease.end();
      const { cache, archive, gone, waitsFor } = await collecting;
      expect(waitsFor).toEqual([]);
      expect(cache.goes.blobs).toBeGreaterThan(8);
      expect(archive!.goes).toMatchObject({ bundles: 1 });
      expect([gone!.cache.blobs, gone!.archive]).toEqual([0, { blobs: 0, bundles: 0, bytes: 0 }]);
      expect([blobsOf(bench.rig), blobsOf(bench.rig, "runs/.archive")]).toEqual(before);
    },
  );

  test("what a build put anew after the mark stays, though no run stands on it: blobs, and the code that it archived", async () => {
    const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
    await bench.build();
    bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(11)");
    await bench.build(["-c", "other", ...epoch(1)]);
    await bench.exp("runs", "rm", "other", "--yes");
    const inodeOf = (digest: string) => statSync(bench.rig.path(`cache/blobs/${digest.slice(0, 2)}/${digest}`)).ino;
    const before = new Map(blobsOf(bench.rig).map((digest) => [digest, inodeOf(digest)]));
    const archived = blobsOf(bench.rig, "runs/.archive");
    const bundles = readdirSync(bench.rig.path("runs/.archive/code"));
    const lease = holderElsewhere(bench.rig, "cache/leases/far", "run far");
    lease.stop();
    const collecting = collectNow(bench.rig);
    bench.rig.remove("cache/actions");
    await bench.build(["-c", "other", ...epoch(1)]);
    const anew = [...before.keys()].filter((digest) => inodeOf(digest) !== before.get(digest));
    expect(anew.length).toBeGreaterThan(8);
    bench.rig.remove("runs/other");
    lease.end();
    const { cache, archive, gone } = await collecting;
    expect(gone!.cache.blobs).toBe(cache.goes.blobs - anew.length);
    expect(blobsOf(bench.rig)).toEqual(expect.arrayContaining(anew));
    expect([archive!.goes.bundles, gone!.archive!.bundles]).toEqual([1, 0]);
    expect(readdirSync(bench.rig.path("runs/.archive/code"))).toEqual(bundles);
    // All that a record of code names is there.
    const left = blobsOf(bench.rig, "runs/.archive");
    expect(archived).toEqual(expect.arrayContaining(left));
    for (const name of bundles)
      for (const [digest] of bench.rig.read(`runs/.archive/code/${name}`).matchAll(/[0-9a-f]{64}/g))
        expect(left).toContain(digest);
  });

  test("a blob of which a build is just putting a copy in its place is not swept; what a dead one left of a copy goes", async () => {
    const bench = benchOf(waiting);
    await bench.build(["--experiment", "main", ...epoch(1)]);
    await bench.build(epoch(2));
    const holder = bench.start("build", "-c", "slow", "--json");
    await until(() => bench.marks.counts.it === 1);
    expect((await bench.exp("gc", ...everythingOld)).code).toBe(3);
    const root = bench.rig.path("cache/blobs");
    const collection = new LocalCollection(root);
    const census = collection.census();
    const folders = readdirSync(root).filter((name) => /^[0-9a-f]{2}$/.test(name));
    // As a sweep of each folder that is just under way: the build waits with its first copy.
    for (const folder of folders) raiseFlag(join(root, folder));
    const build = bench.start("build", ...epoch(1), "--json");
    const copies = () =>
      readdirSync(root, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith(".tmp"));
    await until(() => copies().length > 0);
    const [saved] = copies().map((name) => /^[0-9a-f]{2}\/([0-9a-f]{64})\./.exec(name)?.[1]);
    expect(saved).toBeDefined();
    // It goes on when the sweep is over, not before.
    const copy = copies();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(copies()).toEqual(copy);
    const [dead] = collection
      .markedIn(census)
      .map((member) => census.digests.digestAt(member))
      .filter((digest) => digest !== saved);
    bench.rig.write({
      [`cache/blobs/${dead!.slice(0, 2)}/${dead!}.${hostTag().slice(0, 8)}00000000-1.00000000.tmp`]: "",
    });
    const swept = collection.sweep(census, () => false).map((member) => census.digests.digestAt(member));
    expect(swept.length).toBeGreaterThan(8);
    expect(swept).not.toContain(saved);
    expect(swept).toContain(dead);
    expect(copies().join()).not.toContain(dead);
    for (const folder of folders) lowerFlag(join(root, folder));
    bench.allow("go");
    expect([(await build.finished).code, (await holder.finished).code]).toEqual([0, 0]);
    expect(blobsOf(bench.rig)).toContain(saved);
  });

  test("after a build that computed something a collection runs by itself, once a day", async () => {
    const bench = benchOf(chain);
    const byItself = { env: { ...bench.options.env, EXP_GC: undefined, CI: undefined } };
    await bench.rig.build(epoch(1), 0, byItself);
    await until(() => bench.rig.has("cache/gc.json"));
    const first = statSync(bench.rig.path("cache/gc.json")).mtimeMs;
    await until(() => !bench.rig.has("cache/gc.lock"));
    // What it says is written when it has given the lock back.
    await until(() => /^\d{4}-.*\ncache: /.test(bench.rig.read("cache/gc.log")));
    await bench.rig.build(epoch(2), 0, byItself);
    expect(statSync(bench.rig.path("cache/gc.json")).mtimeMs).toBe(first);
    expect((await bench.exp("gc", "--background")).stdout).toBe("");
    bench.rig.remove("cache/gc.json");
    await bench.rig.build(epoch(3), 0, { env: { ...bench.options.env, EXP_GC: undefined, CI: "true" } });
    expect(bench.rig.has("cache/gc.json")).toBe(false);
  });
});

describe("the archive", () => {
  test("keeps the code and the splits of all builds of runs that are there; what only a removed run had goes", async () => {
    const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
    await bench.build(epoch(1));
    bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(11)");
    await bench.build(epoch(2));
    expect((await gc(bench.rig, ...everythingOld)).gone!.archive).toMatchObject({ blobs: 0, bundles: 0 });
    bench.rig.edit("rules/end.ts", "end.repeat(11)", "end.repeat(12)");
    await bench.build(["-c", "other", ...epoch(3)]);
    const archived = blobsOf(bench.rig, "runs/.archive");
    const bundles = readdirSync(bench.rig.path("runs/.archive/code"));
    expect((await bench.exp("runs", "rm", "other", "--yes")).code).toBe(0);
    const dry = await gc(bench.rig, "--dry-run");
    expect(dry.archive.goes).toMatchObject({ bundles: 1 });
    const real = await gc(bench.rig);
    expect(real.gone!.archive).toEqual(dry.archive.goes);
    const left = blobsOf(bench.rig, "runs/.archive");
    expect(left.length).toBe(archived.length - real.gone!.archive.blobs);
    for (const name of readdirSync(bench.rig.path("runs/.archive/code")))
      for (const [digest] of bench.rig.read(`runs/.archive/code/${name}`).matchAll(/[0-9a-f]{64}/g))
        expect(left).toContain(digest);
    // Built again, the code is archived again.
    await bench.build(["-c", "other", ...epoch(3)]);
    // (A small split is kept with its result, so that it has no need of its blob.)
    const again = blobsOf(bench.rig, "runs/.archive");
    expect(archived.filter((digest) => !again.includes(digest)).length).toBeLessThanOrEqual(1);
    expect(readdirSync(bench.rig.path("runs/.archive/code"))).toEqual(bundles);
  });
});

describe("what else the archive holds", () => {
  test("keeps what it names, be it of a later exp", async () => {
    const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
    await bench.build();
    bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(11)");
    const bundles = readdirSync(bench.rig.path("runs/.archive/code"));
    await bench.build(["-c", "other"]);
    const [own] = readdirSync(bench.rig.path("runs/.archive/code")).filter((name) => !bundles.includes(name));
    await bench.exp("runs", "rm", "other", "--yes");
    bench.rig.write({ "runs/.archive/notes/first.json": JSON.stringify({ newer: [own!.slice(0, 64)] }) });
    expect((await gc(bench.rig)).gone!.archive.bundles).toBe(0);
    expect(bench.rig.has(`runs/.archive/code/${own}`)).toBe(true);
    bench.rig.remove("runs/.archive/notes");
    expect((await gc(bench.rig)).gone!.archive.bundles).toBe(1);
  });

  test("code that an import took in after the mark stays, though no run names it yet", async () => {
    const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
    await bench.build();
    bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(11)");
    await bench.build(["-c", "other"]);
    expect((await bench.exp("runs", "export", "other", "-o", "other.tgz")).code).toBe(0);
    await bench.exp("runs", "rm", "other", "--yes");
    const bundles = readdirSync(bench.rig.path("runs/.archive/code"));
    const lease = holderElsewhere(bench.rig, "cache/leases/far", "run far");
    lease.stop();
    const collecting = collectNow(bench.rig);
    expect((await bench.exp("runs", "import", "other.tgz")).code).toBe(0);
    bench.rig.remove("runs/other");
    lease.end();
    const { archive, gone } = await collecting;
    expect([archive!.goes.bundles, gone!.archive!.bundles]).toEqual([1, 0]);
    expect(readdirSync(bench.rig.path("runs/.archive/code"))).toEqual(bundles);
    const left = blobsOf(bench.rig, "runs/.archive");
    for (const name of bundles)
      for (const [digest] of bench.rig.read(`runs/.archive/code/${name}`).matchAll(/[0-9a-f]{64}/g))
        expect(left).toContain(digest);
  });
});

describe("crashes", () => {
  test("killed at any moment, it leaves a cache that is right, and the next one finishes", async () => {
    const bench = benchOf(chain);
    const random = randomFrom(seed);
    let killed = 0;
    for (let round = 0; round < countOf("killedCollections"); round++) {
      await bench.build(epoch(2 * round));
      await bench.build(epoch(2 * round + 1));
      const collection = bench.start("gc", ...everythingOld);
      await new Promise((resolve) => setTimeout(resolve, 60 + random() * 200));
      if (collection.process.kill("SIGKILL")) killed++;
      await collection.finished;
      bench.rig.remove("runs/default/pages");
      bench.marks.clear();
      expect((await bench.build()).targets).toMatchObject({ numbers: "fresh", pages: "cached" });
      expect(bench.marks.counts).toEqual({});
    }
    expect(killed).toBeGreaterThan(0);
    await gc(bench.rig, ...everythingOld);
    expect((await gc(bench.rig, "--dry-run", ...everythingOld)).cache.goes.blobs).toBe(0);
  });
});

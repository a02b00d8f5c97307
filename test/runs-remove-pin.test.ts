// `exp runs rm`, `pin` and `unpin`: what goes with a run, what is named before, what a pin keeps.

import { mkdirSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Rig } from "./rig.ts";
import { benchOf, chain, oneTarget, until } from "./reliability/bench.ts";

const epoch = (n: number) => ["--set", `numbers.epoch=${n}`];
const two = { ...chain, "configs/other.yaml": "version: 1\n" };

async function gone(rig: Rig): Promise<number> {
  const done = await rig.exp("gc", "--json", "--max-age", "0s");
  expect(done.code).toBe(0);
  return (JSON.parse(done.stdout) as { gone: { cache: { blobs: number } } }).gone.cache.blobs;
}

describe("rm", () => {
  test("says what goes and removes nothing before --yes", async () => {
    const bench = benchOf(chain);
    await bench.build();
    const done = await bench.exp("runs", "rm", "default");
    expect(done.code).toBe(3);
    expect(done.stdout).toMatch(
      /^default: would be removed: .*, and what it knows of 28 results that took .*\nnothing is removed yet: exp runs rm default --yes\n$/,
    );
    expect((await bench.build()).end.outcome).toBe("up-to-date");
    expect((await bench.exp("runs", "rm", "default", "--yes")).code).toBe(0);
    expect(readdirSync(bench.rig.path("runs"))).toEqual([".archive"]);
    expect((await bench.exp("runs")).stdout).toContain("no runs yet");
  });

  test("what another run stands on stays; what only the removed one had is left to gc", async () => {
    const bench = benchOf(two);
    await bench.build(epoch(1));
    await bench.build(["-c", "other", ...epoch(1)]);
    await bench.build(epoch(2));
    await bench.exp("runs", "rm", "default", "--yes");
    expect(await gone(bench.rig)).toBeGreaterThan(5);
    bench.marks.clear();
    bench.rig.remove("runs/other/pages");
    expect((await bench.build(["-c", "other"])).targets).toEqual({ numbers: "fresh", pages: "cached", end: "fresh" });
    await bench.build(epoch(1));
    expect(bench.marks.counts).toEqual({});
  });

  test("names people's work: edited outputs, what was set aside, files that exp did not make", async () => {
    const bench = benchOf(chain);
    await bench.build();
    bench.rig.edit("runs/default/end/end.txt", "some words", "my words");
    await bench.build();
    bench.rig.write({
      "runs/default/notes.md": "mine\n",
      "runs/default/numbers/all.txt": "edited\n",
      "runs/default/pages/pages/more.txt": "more\n",
      // Exp's own, of a comparison and of work elsewhere.
      "runs/default/differs/end/out.txt": "other\n",
      "runs/default/.submitted/one/intent.json": "{}",
    });
    const { stdout } = await bench.exp("runs", "rm", "default", "--json");
    expect((JSON.parse(stdout) as { peoplesWork: unknown }[])[0]!.peoplesWork).toEqual([
      { kind: "set aside", path: "set-aside/end_end.txt" },
      { kind: "not made by exp", path: "notes.md" },
      { kind: "edited", path: "numbers/all.txt" },
      { kind: "edited", path: "pages/pages" },
    ]);
    const words = await bench.exp("runs", "rm", "default", "--yes");
    expect(words.stdout).toContain("  set aside: default/set-aside/end_end.txt\n");
  });

  test("waits for a build of the run, and says who builds it", async () => {
    const bench = benchOf(
      oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");'),
    );
    const build = bench.start("build", "--json");
    await until(() => bench.marks.counts.it === 1);
    const removal = bench.start("runs", "rm", "default", "--yes");
    let said = "";
    removal.process.stderr!.on("data", (piece: Buffer) => (said += piece.toString()));
    await until(() => said.includes("waiting for"));
    expect(said).toContain(`process ${build.process.pid} (exp build)`);
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
    expect((await removal.finished).code).toBe(0);
    expect(bench.rig.has("runs/default")).toBe(false);
  });

  test("a run that is not there, with the one that was probably meant; none of several goes then", async () => {
    const bench = benchOf(chain);
    await bench.build();
    const done = await bench.exp("runs", "rm", "default", "defualt", "--yes");
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining('Did you mean "default"?')]);
    expect(bench.rig.has("runs/default/run.yaml")).toBe(true);
    expect((await bench.exp("runs", "rm")).stderr).toContain("exp runs rm NAME");
  });

  test("what a removal that was broken off left is swept", async () => {
    const bench = benchOf(chain);
    await bench.build();
    mkdirSync(bench.rig.path("runs/.removed-old-00000000/trace"), { recursive: true });
    await bench.exp("gc");
    expect(readdirSync(bench.rig.path("runs")).sort()).toEqual([".archive", "default"]);
  });
});

describe("pin", () => {
  test("what any build of a pinned run made stays, until it is unpinned", async () => {
    const bench = benchOf(chain);
    await bench.build(epoch(1));
    await bench.build(epoch(2));
    await bench.exp("runs", "pin", "default", "--note", "the figures of the paper");
    expect(await gone(bench.rig)).toBe(0);
    bench.marks.clear();
    await bench.build(epoch(1));
    expect(bench.marks.counts).toEqual({});
    await bench.exp("runs", "unpin", "default");
    expect(await gone(bench.rig)).toBeGreaterThan(0);
  });

  test("is shown, and a pinned run is removed by --force only", async () => {
    const bench = benchOf(chain);
    await bench.build();
    expect((await bench.exp("runs", "pin", "default", "--note", "of the paper")).stdout).toContain("default is pinned");
    expect((await bench.exp("runs")).stdout).toMatch(/3 done, pinned/);
    expect((await bench.exp("runs", "show", "default")).stdout).toMatch(/^pinned .* by .*: of the paper$/m);
    const [run] = JSON.parse((await bench.exp("runs", "--json")).stdout) as { pinned: unknown }[];
    expect(run!.pinned).toMatchObject({ format: 1, note: "of the paper" });
    const refused = await bench.exp("runs", "rm", "default", "--yes");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/is pinned by .*: of the paper/)]);
    expect((await bench.exp("runs", "rm", "default", "--yes", "--force")).code).toBe(0);
    expect(bench.rig.has("runs/default")).toBe(false);
  });

  test("by a newer exp it is not guessed at", async () => {
    const bench = benchOf(chain);
    await bench.build();
    bench.rig.write({ "runs/default/pin.json": '{ "format": 2 }' });
    const done = await bench.exp("gc");
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining("update this one")]);
  });
});

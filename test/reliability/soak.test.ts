// A long row of builds with random edits: what they hold is right, and neither disk, nor memory, nor open files grow with their number.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benchOf, chain, expectNoScratch, expectNothingPartial, randomFrom, until, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

interface Size {
  readonly files: number;
  readonly bytes: number;
}

function sizeOf(folder: string): Size {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => statSync(join(entry.parentPath, entry.name)));
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/** The most memory of the driver, KiB, and the most files that it had open, while a recipe waits. */
async function costOf(bench: Bench, words: string): Promise<{ readonly peakKiB: number; readonly open: number }> {
  bench.forbid("go");
  bench.marks.clear();
  bench.rig.write({ "data/words.txt": words });
  const building = bench.start("build", "--json");
  await until(() => bench.marks.counts.end === 1);
  const about = `/proc/${building.process.pid}`;
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`${about}/status`, "utf8"));
  const open = readdirSync(`${about}/fd`).length;
  bench.allow("go");
  expect((await building.finished).code).toBe(0);
  return { peakKiB: Number(peak?.[1]), open };
}

const edits: readonly ((bench: Bench, value: number) => void)[] = [
  (bench, value) => bench.rig.write({ "data/words.txt": `words ${value % 7}\n` }),
  (bench, value) => {
    const code = bench.rig.read("rules/end.ts");
    bench.rig.write({ "rules/end.ts": code.replace(/end\.repeat\(\d+\)/, `end.repeat(${(value % 5) + 20})`) });
  },
  (bench, value) =>
    bench.rig.write({ "configs/default.yaml": `version: 1\nnumbers: { items: ${12 + (value % 6)} }\n` }),
  (bench, value) => bench.rig.write({ "configs/default.yaml": `version: 1\nnumbers: { epoch: ${value % 4} }\n` }),
  (bench) => bench.rig.remove("runs/default/end/end.txt"),
  (bench, value) => bench.rig.write({ "runs/default/pages/pages/part0/page 0.txt": `edited ${value}` }),
  () => undefined,
];

test(`builds in a row, with random edits (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const bench = benchOf(chain);
  bench.rig.edit("rules/end.ts", "await outputs.end.write", 'await waitFor("go"); await outputs.end.write');
  bench.allow("go");
  await bench.build();
  const total = countOf("soak");
  const first = await costOf(bench, "the first\n");
  const sizes: Size[] = [];
  let edited = 0;
  for (let round = 1; round <= total; round++) {
    const edit = Math.floor(random() * (edits.length + 1));
    const value = Math.floor(random() * 1000);
    if (edit < edits.length) edits[edit]!(bench, value);
    if (edit < edits.length - 1) edited++;
    // As people do: most ask for the screen, some for events.
    const done = await bench.exp("build", ...(random() < 0.3 ? ["--json"] : []));
    expect(done.code, `build ${round} of seed ${seed}:\n${done.stdout}${done.stderr}`).toBe(0);
    if (round % Math.ceil(total / 10) === 0) {
      // What people set aside is theirs, and grows with what they do.
      bench.rig.remove("runs/default/set-aside");
      sizes.push(sizeOf(bench.rig.root));
    }
  }
  const last = await costOf(bench, "the last\n");
  const text = bench.rig.read("runs/default/end/end.txt");
  // The same as in a project that never saw an edit.
  const config = bench.rig.read("configs/default.yaml");
  const clean = benchOf({ ...chain, "configs/default.yaml": config, "data/words.txt": "the last\n" });
  writeFileSync(clean.rig.path("rules/end.ts"), bench.rig.read("rules/end.ts"));
  clean.allow("go");
  await clean.build();
  expect(text).toBe(clean.rig.read("runs/default/end/end.txt"));
  expectNothingPartial(bench.rig);
  expectNoScratch(bench.rig);

  // The trace keeps what was: memory follows it, a few bytes a build. Open files follow nothing.
  const mib = (kib: number) => Math.round(kib / 1024);
  expect(last.open).toBeLessThanOrEqual(first.open + 2);
  expect(last.peakKiB).toBeLessThan(first.peakKiB * 1.5);
  found(`${total} builds, ${edited} of them after an edit`);
  found(
    `the driver's peak: ${mib(first.peakKiB)} MiB at the first build, ${mib(last.peakKiB)} MiB at the last; open files: ${first.open} and ${last.open}`,
  );
  found(
    `files of the project, in ten parts of the row: ${sizes.map(({ files, bytes }) => `${files} (${(bytes / 2 ** 20).toFixed(1)} MiB)`).join(", ")}`,
  );

  // A build that has nothing to do writes nothing: not here, not there.
  await bench.build();
  const before = sizeOf(bench.rig.root);
  for (let i = 0; i < Math.max(5, total / 50); i++) await bench.exp("build");
  const after = sizeOf(bench.rig.root);
  for (let i = 0; i < 5; i++) await bench.exp("build", `-j${i + 1}`);
  for (const name of ["status", "why", "plan"]) await bench.exp(name);
  for (let i = 0; i < 5; i++) await bench.exp("build");
  const afterOthers = sizeOf(bench.rig.root);
  found(
    `growth by builds with nothing to do: ${after.bytes - before.bytes} bytes; by 5 with other options: ${afterOthers.bytes - after.bytes} bytes (stamps)`,
  );
  expect(after.files - before.files).toBeLessThanOrEqual(1);
});

test("the cache's own files stop growing when nothing new is made, without the fast path too", async () => {
  const bench = benchOf(chain);
  await bench.build();
  // What was hashed within the tick in which it was written is hashed once more.
  bench.rig.remove("cache/stamps");
  await bench.build();
  const sizes = () =>
    Object.fromEntries(
      ["runs", "cache/actions", "cache/blobs", "cache/bundles", "cache/expfile"].map((name) => [
        name,
        sizeOf(bench.rig.path(name)),
      ]),
    );
  const before = sizes();
  const stats = statSync(bench.rig.path("cache/stats.jsonl")).size;
  for (let round = 0; round < Math.max(5, countOf("soak") / 20); round++) {
    // Without its stamp a build has to look for itself.
    bench.rig.remove("cache/stamps");
    await bench.build();
  }
  expect(sizes()).toEqual(before);
  expect(statSync(bench.rig.path("cache/stats.jsonl")).size).toBe(stats);
});

// Too few open files, too little disk, at every point of a build: a sentence that says so or a build that succeeds, and nothing lost.

import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { program, type Finished } from "../rig.ts";
import { benchOf, chain, contentOf, eventsOf, expectNothingPartial, randomFrom, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";
import { canMount, mount, remount } from "./disks.ts";

const targets = ["numbers", "pages", "end"];
const outputs = (bench: Bench) =>
  Object.fromEntries(targets.map((name) => [name, contentOf(bench.rig.path(`runs/default/${name}`))]));

/** A build in a shell that sets limits first. */
function buildUnder(bench: Bench, limits: string, ...args: string[]): Promise<Finished> {
  const { PATH, HOME } = process.env;
  const child = spawn("sh", ["-c", `${limits}; exec "$0" "$@"`, process.execPath, program, "build", ...args], {
    cwd: bench.rig.root,
    env: { PATH, HOME, NO_COLOR: "1", ...bench.options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (piece: Buffer) => (stdout += piece.toString("utf8")));
  child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString("utf8")));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

/** What a build that reported it had made is not made again by the next. */
function reportedItems(stdout: string): number {
  return eventsOf(stdout).filter((event) => event.kind === "item-finished" && event.origin === "computed").length;
}

test(`limits on open files, from far too few to enough (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const clean = benchOf(chain);
  await clean.build();
  const right = outputs(clean);
  const tally = { built: 0, refused: 0, node: 0 };
  for (let round = 0; round < countOf("fileLimits"); round++) {
    const bench = benchOf(chain);
    const limit = 18 + Math.floor(random() * 40);
    const done = await buildUnder(bench, `ulimit -n ${limit}`, "--json");
    const said = done.stdout + done.stderr;
    const context = `limit ${limit}, round ${round} of seed ${seed}:\n${said}`;
    // With too few, Node itself does not start: it says so in its own words.
    const isNode = !said.includes('"event"') && /EMFILE|too many open files|node::|libuv|uv_/i.test(said);
    if (done.code === 0) tally.built++;
    else if (isNode) tally.node++;
    else {
      tally.refused++;
      expect(said, context).not.toContain("internal error");
      expect(said, context).toMatch(/too many (open )?files|EMFILE/i);
    }
    const made = reportedItems(done.stdout);
    bench.marks.clear();
    await bench.build();
    expect(outputs(bench), context).toEqual(right);
    const again = Object.keys(bench.marks.counts).filter((name) => name.startsWith("one")).length;
    expect(again, context).toBeLessThanOrEqual(24 - made);
    expectNothingPartial(bench.rig);
  }
  found(
    `limits of 18 to 57 open files: ${tally.built} built, ${tally.refused} said why not, ${tally.node} did not start`,
  );
});

for (const folder of ["cache", "runs"]) {
  test.skipIf(!canMount)(
    `a disk under ${folder}/ that fills up at any point (needs mount; seed ${seed})`,
    patience,
    async () => {
      const random = randomFrom(seed);
      const clean = benchOf(chain);
      await clean.build();
      const right = outputs(clean);
      const tally = { built: 0, refused: 0 };
      for (let round = 0; round < countOf("fullDisks"); round++) {
        const bench = benchOf(chain);
        // Of pages of 4 KiB; a build needs some hundred of them.
        const limit =
          round % 3 === 2
            ? `nr_inodes=${2 + Math.floor(random() * 120)}`
            : `size=${4 * (1 + Math.floor(random() * 110))}k`;
        mount(bench.rig.path(folder), limit);
        const done = await bench.exp("build", "--json");
        const context = `${limit}, round ${round} of seed ${seed}:\n${done.stdout}${done.stderr}`;
        if (done.code === 0) tally.built++;
        else {
          tally.refused++;
          expect(done.stdout + done.stderr, context).not.toContain("internal error");
          expect(done.stdout + done.stderr, context).toMatch(/disk is full|no space left/i);
        }
        const made = reportedItems(done.stdout);
        remount(bench.rig.path(folder), "size=50m,nr_inodes=100000");
        bench.marks.clear();
        await bench.build();
        expect(outputs(bench), context).toEqual(right);
        const again = Object.keys(bench.marks.counts).filter((name) => name.startsWith("one")).length;
        expect(again, context).toBeLessThanOrEqual(24 - made);
        expectNothingPartial(bench.rig);
      }
      found(
        `${folder}/ on disks of many sizes: ${tally.built} built, ${tally.refused} said that the disk is full; all went on with room`,
      );
    },
  );
}

// Random damage to random files of a run, its archive and the cache: the next build repairs it, or says in words which file is at fault.

import {
  appendFileSync,
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benchOf, chain, contentOf, expectNothingPartial, randomFrom, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

const targets = ["numbers", "pages", "end"];
const outputs = (bench: Bench) =>
  Object.fromEntries(targets.map((name) => [name, contentOf(bench.rig.path(`runs/default/${name}`))]));

type Damage = readonly [name: string, hurt: (path: string, random: () => number) => void];

const damages: readonly Damage[] = [
  [
    "a flipped bit",
    (path, random) => {
      const bytes = readFileSync(path);
      if (bytes.length > 0) bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
      writeFileSync(path, bytes);
    },
  ],
  ["cut off", (path, random) => truncateSync(path, Math.floor(random() * statSync(path).size))],
  ["emptied", (path) => truncateSync(path, 0)],
  ["deleted", (path) => rmSync(path)],
  ["lengthened", (path, random) => appendFileSync(path, random() < 0.5 ? "\0".repeat(300) : '{"torn":')],
  [
    "zeros in its middle",
    (path, random) => {
      const bytes = readFileSync(path);
      bytes.fill(0, Math.floor(random() * bytes.length));
      writeFileSync(path, bytes);
    },
  ],
  ["another file's content", (path) => writeFileSync(path, "null\n[]\n{}\n7\n")],
];

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

test(`random damage (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const bench = benchOf(chain);
  await bench.build();
  const right = outputs(bench);
  const whole = `${bench.rig.root}.whole`;
  cpSync(bench.rig.root, whole, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  const tally = { repaired: 0, refused: 0 };
  try {
    for (let round = 0; round < countOf("damages"); round++) {
      const files = [...filesBelow(bench.rig.path("runs")), ...filesBelow(bench.rig.path("cache"))];
      const hurt = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
        const path = files[Math.floor(random() * files.length)]!;
        const [name, apply] = damages[Math.floor(random() * damages.length)]!;
        const before = statSync(path, { throwIfNoEntry: false });
        if (before === undefined) return "";
        chmodSync(path, 0o644);
        apply(path, random);
        // As a failing disk does it: nobody wrote, so no time moves. Stats still tell, by the change time.
        if (random() < 0.5 && statSync(path, { throwIfNoEntry: false }) !== undefined)
          utimesSync(path, before.atime, before.mtime);
        return `${path.slice(bench.rig.root.length + 1)}: ${name}`;
      });
      // What is not needed is not looked at: half of the time something is.
      const isDue = random() < 0.5;
      if (isDue) bench.rig.write({ "data/words.txt": `words ${round % 3}\n` });
      const done = await bench.exp("build");
      const context = `round ${round} of seed ${seed}:\n${hurt.join("\n")}\n${done.stdout}${done.stderr}`;
      expect(done.stdout + done.stderr, context).not.toContain("internal error");
      if (done.code === 0) {
        tally.repaired++;
        const { end: _, ...others } = outputs(bench);
        const { end: __, ...expected } = right;
        expect(others, context).toEqual(expected);
        const words = bench.rig.read("data/words.txt");
        expect(bench.rig.read("runs/default/end/end.txt").split(words).length - 1, context).toBe(10);
        expectNothingPartial(bench.rig);
        for (const args of [["status"], ["why", "end"], ["runs"]]) {
          const asked = await bench.exp(...args);
          expect([args[0], asked.code, asked.stderr.includes("internal error")], context).toEqual([args[0], 0, false]);
        }
      } else {
        tally.refused++;
        // In words, with the file; and only where there is nothing left to go on with.
        expect(done.stderr, context).toMatch(/runs\/|cache\//);
      }
      // Every fifth round begins anew; the others go on with what the last one left.
      if (done.code === 0 && round % 5 !== 4) continue;
      for (const name of ["runs", "cache", "data"]) {
        bench.rig.remove(name);
        cpSync(join(whole, name), bench.rig.path(name), { recursive: true, preserveTimestamps: true });
      }
    }
  } finally {
    rmSync(whole, { recursive: true, force: true });
  }
  found(
    `${countOf("damages")} rounds: ${tally.repaired} repaired without a word or with one, ${tally.refused} refused with the file's name`,
  );
});

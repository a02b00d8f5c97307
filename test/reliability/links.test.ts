// Stores on a file system without hard links, as network stores and FAT are: locks hold, builds beside builds and kills end as they should.

import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../rig.ts";
import { benchOf, chain, contentOf, expectNothingPartial, oneTarget, randomFrom, until, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

const shim = `--require ${join(repository, "test", "reliability", "shims", "no-links.cjs")}`;
/** As the systems say it: FAT, network file systems, FUSE. */
const refusals = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"] as const;

function without(bench: Bench, code: string): { readonly env: Record<string, string | undefined> } {
  return { env: { ...bench.options.env, NODE_OPTIONS: shim, EXP_TEST_LINKS: code } };
}

const targets = ["numbers", "pages", "end"];
const outputs = (bench: Bench) =>
  Object.fromEntries(targets.map((name) => [name, contentOf(bench.rig.path(`runs/default/${name}`))]));

for (const code of refusals) {
  test(`where links are refused with ${code}: builds, waits, and takes over`, async () => {
    const bench = benchOf(
      oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");'),
    );
    const first = bench.rig.start(["build", "--json"], without(bench, code));
    await until(() => bench.marks.counts.it === 1);
    const second = bench.rig.start(["build", "--json"], without(bench, code));
    await second.saw('"event":"waiting-for-lock"');
    first.process.kill("SIGKILL");
    await first.finished;
    await until(() => bench.marks.counts.it === 2);
    bench.allow("go");
    expect((await second.finished).code).toBe(0);
    expect(bench.rig.read("runs/default/it/out.txt")).toBe("done");
    expect(bench.rig.has("runs/default/lock")).toBe(false);
  });
}

test(`two builds at once make everything once and right (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const bench = benchOf(chain);
  const rounds = countOf("pairsWithoutLinks");
  for (let round = 0; round < rounds; round++) {
    bench.marks.clear();
    const options = without(bench, refusals[round % 3]!);
    const args = ["build", "--set", `numbers.epoch=${round}`, "--json"];
    const first = bench.rig.start(args, options);
    await new Promise((resolve) => setTimeout(resolve, random() * 300));
    const second = bench.rig.start(args, options);
    const ends = [await first.finished, await second.finished];
    const context = `round ${round} of seed ${seed}:\n${ends.map((end) => end.stdout + end.stderr).join("\n")}`;
    expect(
      ends.map((end) => end.code),
      context,
    ).toEqual([0, 0]);
    expect(
      Object.values(bench.marks.counts).filter((count) => count !== 1),
      context,
    ).toEqual([]);
    expectNothingPartial(bench.rig);
  }
  found(`${rounds} rounds of two builds without hard links: every action executed once`);
});

test(`builds killed at any moment are finished by the next ones (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed + 1);
  const bench = benchOf(chain);
  const total = countOf("killsWithoutLinks");
  let kills = 0;
  for (let epoch = 0; kills < total; epoch++) {
    const clean = benchOf(chain);
    await clean.build(["--set", `numbers.epoch=${epoch}`]);
    for (let isDone = false; !isDone;) {
      const building = bench.rig.start(["build", "--set", `numbers.epoch=${epoch}`, "--json"], without(bench, "EPERM"));
      const moment = new Promise((resolve) => setTimeout(resolve, random() * 1200));
      const ended = await Promise.race([building.finished.then(() => true), moment.then(() => false)]);
      if (!ended && kills < total) {
        building.process.kill("SIGKILL");
        kills++;
      }
      const done = await building.finished;
      isDone = done.code === 0;
      if (!isDone) expect(done.code, done.stdout + done.stderr).toBe(null);
    }
    expect(outputs(bench), `epoch ${epoch} of seed ${seed}`).toEqual(outputs(clean));
    expectNothingPartial(bench.rig);
  }
  found(`${kills} kills without hard links`);
});

// Runs that earlier exps wrote: today's reads, explains, reproduces them, and has nothing to do. And what a later exp writes is refused with a
// sentence that helps. The corpus is described in test/compat/README.md.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Recheck } from "../src/model/recheck.ts";
import type { RunStateJson } from "../src/runs/run.ts";
import { corpus, members, openMember as open } from "./compat/open.ts";
import type { Rig } from "./rig.ts";

/** As it was when the corpus was written. */
const env = { GREETING: "hello" };

const exp = (rig: Rig, ...args: string[]) => rig.start(args, { env }).finished;
async function json<T>(rig: Rig, args: readonly string[], code = 0): Promise<T> {
  const done = await exp(rig, ...args, "--json");
  if (done.code !== code) throw new Error(`exit code ${done.code}, expected ${code}:\n${done.stdout}\n${done.stderr}`);
  return JSON.parse(done.stdout) as T;
}
const reproduce = (rig: Rig, code: number, ...args: string[]) =>
  json<{ readonly actions: readonly Recheck[] }>(rig, ["reproduce", ...args], code);
const others = (actions: readonly Recheck[]) =>
  actions.flatMap(({ target, verdict }) => (verdict.kind === "same" ? [] : [{ target, ...verdict }]));
const targets = ["given", "prepare", "square", "sum", "judge", "enough"];
const allFresh = Object.fromEntries(targets.map((target) => [target, "fresh"]));

describe.each(members)("runs of %s", (member) => {
  const runs = readdirSync(join(corpus, member, "runs")).filter((name) => !name.startsWith("."));
  const keepsInputs = member !== "0.1.0-a";

  test.each(runs)("a build of %s has nothing to do", async (run) => {
    const built = await open(member).build(["--run", run], 0, { env });
    expect([built.targets, built.end.outcome, built.end.counts.computed]).toEqual([allFresh, "up-to-date", 0]);
  });

  test("a build has nothing to do when cache/ was not kept", async () => {
    const rig = open(member);
    rig.remove("cache");
    const built = await rig.build([], 0, { env });
    expect([built.targets, built.end.outcome]).toEqual([allFresh, "up-to-date"]);
  });

  test("states and outputs are shown", async () => {
    const rig = open(member);
    const state = await json<RunStateJson>(rig, ["runs", "show", "default"]);
    expect(state).toMatchObject({
      run: "default",
      experiment: "kept",
      builds: 3,
      config: { source: "configs/default.yaml" },
    });
    expect(Object.entries(state.targets).map(([name, { status }]) => [name, status])).toEqual(
      targets.map((target) => [target, "done"]),
    );
    expect((await exp(rig, "show", "sum.sum")).stdout).toContain(rig.read("runs/default/sum/sum.txt"));
  });

  test("why tells what the last change was, and what an edit would do", async () => {
    const rig = open(member);
    expect((await exp(rig, "why", "prepare")).stdout).toMatch(
      /^prepare is fresh[^]*function count[^]*input numbers \(data\/numbers.txt\): 6 B → 4 B/,
    );
    rig.edit("rules/words.ts", ".length", ".length - 1");
    rig.edit("notes/one.txt", "first", "one");
    expect((await exp(rig, "why", "prepare")).stdout).toMatch(
      /^prepare is stale[^]*rules\/words.ts[^]*function count[^]*notes\/one.txt\): 11 B → 9 B/,
    );
  });

  /** Of what could not be run again, because it was not archived then: which input that was. */
  const lost = (why: string) => ({ target: "prepare", kind: "not-run", why: expect.stringContaining(why) as string });

  test.each(runs)("%s is reproduced", async (run) => {
    const { actions } = await reproduce(open(member), keepsInputs ? 0 : 3, run);
    expect(new Set(actions.map(({ target }) => target))).toEqual(new Set(targets));
    expect(others(actions)).toEqual(keepsInputs ? [] : [lost('the content of "folder"')]);
  });

  test("its first build, of other data and code, is reproduced", async () => {
    const { actions } = await reproduce(open(member), keepsInputs ? 0 : 3, "default@1");
    expect(others(actions)).toEqual(
      keepsInputs ? [] : [lost("data/numbers.txt (6 bytes, sha256 14c5e74c4b96ccef41cd94db73a9ec3348038ac094")],
    );
  });

  test("an edit makes only what it reaches", async () => {
    const rig = open(member);
    rig.edit("rules/enough.ts", "threshold: 3", "threshold: 4");
    expect((await rig.build([], 0, { env })).targets).toEqual({ ...allFresh, enough: "computed" });
  });
});

describe("what a newer exp wrote is refused", () => {
  const member = members.at(-1)!;
  const code = "0000000000000000000000000000000000000000000000000000000000000000";
  const trace = "runs/default/trace/trace.jsonl";
  const cases: readonly [what: string, edit: (rig: Rig) => void, commands: readonly string[], says: RegExp][] = [
    [
      "run.yaml",
      (rig) => rig.edit("runs/default/run.yaml", "format: 1", "format: 2"),
      ["build", "status", "why prepare", "runs show default", "reproduce default", "accept sum --because x"],
      /runs\/default\/run\.yaml.*written by a newer exp \(format 2, this one reads 1\): update exp/,
    ],
    [
      "a trace",
      (rig) => rig.edit(trace, '{"v":1}', '{"v":2}'),
      ["build", "plan", "why prepare", "reproduce default", "clean sum", "show sum", "gc --max-size 1"],
      /trace\.jsonl: the trace has format 2, and this exp reads 1\n.*It was written by a newer exp: update this one\./,
    ],
    [
      "a pinned run's trace",
      (rig) => rig.edit("runs/other/trace/trace.jsonl", '{"v":1}', '{"v":2}'),
      ["gc --max-size 1"],
      /trace\.jsonl: the trace has format 2, and this exp reads 1\n.*It was written by a newer exp: update this one\./,
    ],
    [
      "an action's record",
      (rig) => rig.edit(trace, '"rec":{"format":1', '"rec":{"format":2'),
      ["build", "why prepare"],
      /trace\.jsonl: a record of the trace has format 2, and this exp reads 1\n.*update this one\./,
    ],
    [
      "a pin",
      (rig) => rig.edit("runs/other/pin.json", '"format": 1', '"format": 2'),
      ["runs", "runs rm other --yes", "gc --max-size 1"],
      /pin\.json: the pin has format 2, and this exp reads 1\n.*update this one\./,
    ],
    [
      "code in the archive",
      (rig) => {
        rig.write({ [`runs/.archive/code/${code}.json`]: JSON.stringify({ format: 2, code }) });
        rig.edit("rules/enough.ts", "threshold: 3", "threshold: 4");
      },
      ["build", "plan"],
      /0\.json: the archived code has format 2, and this exp reads 1\n.*update this one\./,
    ],
  ];

  test.each(cases)("%s", async (_what, edit, commands, says) => {
    for (const command of commands) {
      const rig = open(member);
      edit(rig);
      const before = rig.read(trace);
      const done = await exp(rig, ...command.split(" "));
      expect([command, done.code, done.stderr.trim() + done.stdout]).toEqual([command, 2, expect.stringMatching(says)]);
      expect(rig.read(trace)).toBe(before);
    }
  });

  test("but what cache/ holds in a format of its own is made anew", async () => {
    const rig = open(member);
    const { counts } = (await rig.build([], 0, { env })).end;
    expect(counts.computed).toBe(0);
    // Or nobody would look at the rest.
    rig.remove("cache/stamps");
    rig.edit("cache/expfile/kept.json", /"format":\d+/, '"format":99');
    rig.edit("cache/bundles/kept.jsonl", /"id":"\[\d+,/g, '"id":"[99,');
    const again = await rig.build([], 0, { env });
    expect([again.targets, again.end.outcome]).toEqual([allFresh, "up-to-date"]);
  });
});

// The command line: what each command prints, its JSON, its exit code, and what it suggests to a slip of the hand.

import { describe, expect, test } from "vitest";
import { makeProject, type Finished, type Rig } from "./rig.ts";
import { targets, wordsProject } from "./words.fixture.ts";

const json = <T>(done: Finished): T => JSON.parse(done.stdout) as T;

interface Named {
  readonly name: string;
  readonly state: string;
}
const states = (targets: readonly Named[]) => Object.fromEntries(targets.map(({ name, state }) => [name, state]));

async function built(more: Readonly<Record<string, string>> = {}): Promise<Rig> {
  const rig = wordsProject(more);
  await rig.build();
  return rig;
}

describe("plan", () => {
  test("ends with 3 when work is due and with 0 when there is none", async () => {
    const rig = wordsProject();
    expect((await rig.exp("plan")).code).toBe(3);
    await rig.build();
    expect((await rig.exp("plan")).code).toBe(0);
    expect((await rig.exp("build", "--dry-run", "--judge.weight", "2")).code).toBe(3);
  });

  test("tells what is stale and what may turn out the same, and runs nothing", async () => {
    const rig = await built();
    const done = await rig.exp("plan", "--judge.weight", "2", "--json");
    const plan = json<{ run: string; experiment: string; targets: Named[] }>(done);
    expect(plan).toMatchObject({ run: "default", experiment: "words" });
    expect(states(plan.targets)).toEqual({ prepare: "fresh", draw: "fresh", judge: "stale", report: "unknown" });
    expect((await rig.exp("build")).stdout).toContain("up to date");
  });

  test("names the reasons, and what depends on what", async () => {
    const rig = await built();
    const { stdout } = await rig.exp("plan", "--judge.weight", "2");
    expect(stdout).toMatch(/judge +stale .*config judge\.weight: 1 → 2/);
    expect(stdout).toMatch(/report +unknown .*depends on judge, which has to run first/);
  });

  test("knows what the cache has", async () => {
    const rig = await built();
    const plan = json<{ targets: Named[] }>(
      await rig.exp("plan", "--run", "second", "--json", "-c", "configs/default.yaml"),
    );
    expect(states(plan.targets).prepare).toBe("cached");
  });

  test("is about the targets that are named and what they need", async () => {
    const rig = wordsProject();
    const plan = json<{ targets: Named[] }>(await rig.exp("plan", "draw", "--json"));
    expect(plan.targets.map(({ name }) => name)).toEqual(["prepare", "draw"]);
  });
});

describe("status", () => {
  test("tells the state of every target, when it was made and what it cost", async () => {
    const rig = await built();
    const status = json<{ run: string; builds: number; config: unknown; targets: Record<string, unknown>[] }>(
      await rig.exp("status", "--json"),
    );
    expect(status).toMatchObject({
      run: "default",
      builds: 1,
      config: { source: "configs/default.yaml", overrides: [] },
    });
    expect(status.targets.map(({ target, state }) => [target, state])).toEqual([
      ["prepare", "fresh"],
      ["draw", "fresh"],
      ["judge", "fresh"],
      ["report", "fresh"],
    ]);
    expect(status.targets[1]).toMatchObject({ items: { fresh: 4, cached: 0, stale: 0 }, executor: "local" });
    expect(typeof status.targets[0]?.finishedAt).toBe("number");
  });

  test("tells what failed, also in the next session", async () => {
    const rig = await built();
    rig.edit("rules/judge.ts", "const drawn =", 'throw new Error("out of words");\n  const drawn =');
    await rig.exp("build");
    const { stdout } = await rig.exp("status");
    expect(stdout).toMatch(/judge +failed/);
    expect(stdout).toContain("out of words");
  });

  test("before the first build everything is due", async () => {
    const rig = wordsProject();
    const { stdout, code } = await rig.exp("status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/prepare +stale/);
  });
});

describe("why", () => {
  test("tells of a past build by its number", async () => {
    const rig = await built();
    await rig.build(["--judge.weight", "2"]);
    await rig.build(["--judge.weight", "3"]);
    expect((await rig.exp("why", "judge", "--build", "2")).stdout).toContain("config judge.weight: 1 → 2");
    expect((await rig.exp("why", "judge", "--build", "3")).stdout).toContain("config judge.weight: 2 → 3");
    expect((await rig.exp("why", "judge", "--build", "1")).stdout).toContain("new: no earlier result");
  });

  test("a build that there was not is an error", async () => {
    const rig = await built();
    const done = await rig.exp("why", "judge", "--build", "7");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("build 7");
  });

  test("as JSON it gives the reasons with both sides", async () => {
    const rig = await built();
    const [why] = json<{ target: string; state: string; reasons: unknown[] }[]>(
      await rig.exp("why", "judge", "--judge.weight", "2", "--json"),
    );
    expect(why).toMatchObject({ target: "judge", state: "stale" });
    expect(why?.reasons).toMatchObject([{ kind: "config", path: "judge.weight", before: 1, after: 2 }]);
  });

  test("a change of an upstream value is told as an input's", async () => {
    const rig = await built();
    rig.edit("data/fruit.txt", "apple", "apricot");
    await rig.build();
    expect((await rig.exp("why", "draw")).stdout).toContain("input lexicon");
  });

  test("without a target it asks for one", async () => {
    const rig = wordsProject();
    const done = await rig.exp("why");
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toContain("which target?");
  });
});

describe("graph", () => {
  test("draws a tree by default, with states and the count of a fan-out", async () => {
    const rig = await built();
    expect((await rig.exp("graph")).stdout).toBe(
      ["report  fresh", "└─ judge  fresh", "   └─ draw ×4  fresh", "      └─ prepare  fresh", ""].join("\n"),
    );
  });

  test.each([
    ["mermaid", "flowchart TD", "n0 --> n1"],
    ["dot", "digraph exp {", "n0 -> n1;"],
    ["svg", "<svg", "</svg>"],
  ])("draws %s", async (format, from, holds) => {
    const rig = await built();
    const { stdout, code } = await rig.exp("graph", "--format", format);
    expect(code).toBe(0);
    expect(stdout.startsWith(from)).toBe(true);
    expect(stdout).toContain(holds);
    for (const name of ["prepare", "draw", "judge", "report"]) expect(stdout).toContain(name);
  });

  test("as JSON it gives targets, what they depend on and their states", async () => {
    const rig = await built();
    const byFlag = json<{ targets: unknown[] }>(await rig.exp("graph", "--format", "json"));
    expect(byFlag.targets[1]).toEqual({
      name: "draw",
      dependsOn: ["prepare"],
      state: "fresh",
      items: { fresh: 4, cached: 0, stale: 0 },
    });
    expect(json(await rig.exp("graph", "--json"))).toEqual(byFlag);
  });

  test("a format that there is not suggests one that is", async () => {
    const done = await wordsProject().exp("graph", "--format", "mermiad");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('Did you mean "--format mermaid"?');
  });
});

describe("runs", () => {
  test("lists every run with its notes and where it stands", async () => {
    const rig = await built();
    rig.write({ "configs/other.yaml": "version: 1\nextends: default.yaml\nnotes: { what: The other one }\n" });
    await rig.build(["-c", "configs/other.yaml", "prepare"]);
    const { stdout } = await rig.exp("runs");
    expect(stdout).toMatch(/default@1 +words +4 done/);
    expect(stdout).toMatch(/other@1 +words +1 done .*The other one/);
    const list = json<{ run: string; notes?: unknown }[]>(await rig.exp("runs", "list", "--json"));
    expect(list.map(({ run }) => run)).toEqual(["default", "other"]);
    expect(list[1]?.notes).toEqual({ what: "The other one" });
  });

  test("shows a run's builds, of which each has what changed and why", async () => {
    const rig = await built();
    await rig.build(["--judge.weight", "2"]);
    const shown = json<{ builds: number; history: { build: number; changed: Record<string, unknown> }[] }>(
      await rig.exp("runs", "show", "default", "--json"),
    );
    expect(shown.builds).toBe(2);
    expect(shown.history.map(({ build }) => build)).toEqual([1, 2]);
    expect(Object.keys(shown.history[1]!.changed)).toEqual(["judge", "report"]);
    const { stdout } = await rig.exp("runs", "show", "default@2");
    expect(stdout).toContain("config judge.weight: 1 → 2");
    expect(stdout).not.toContain("default@1 ");
  });

  test("a build that changes nothing is no entry of the history", async () => {
    const rig = await built();
    rig.write({ "data/fruit.txt": rig.read("data/fruit.txt") });
    await rig.build();
    const shown = json<{ builds: number; history: unknown[] }>(await rig.exp("runs", "show", "default", "--json"));
    expect(shown).toMatchObject({ builds: 1, history: [{ build: 1 }] });
  });

  test("a damaged history is said; what can be read is shown, and the next build loses nothing of it", async () => {
    const rig = await built();
    await rig.build(["--judge.weight", "2"]);
    await rig.build(["--judge.weight", "3"]);
    const [first, second, third] = rig.read("runs/default/history.jsonl").split("\n");
    const damaged = [first, second!.slice(0, 100), "{}", "\0\0", "[1]", third].join("\n");
    rig.write({ "runs/default/history.jsonl": `${damaged}\n` });
    const warning =
      "warning: runs/default/history.jsonl: 4 lines cannot be read; builds that only they told of are not known. The file is left as it is\n";
    for (const args of [["status"], ["runs"], ["runs", "show", "default"], ["runs", "show", "default", "--json"]]) {
      const done = await rig.exp(...args);
      expect([args, done.code, done.stderr]).toEqual([args, 0, warning]);
    }
    const shown = json<{ history: { build: number }[] }>(await rig.exp("runs", "show", "default", "--json"));
    expect(shown.history.map(({ build }) => build)).toEqual([1, 3]);
    await rig.build(["--judge.weight", "4"]);
    expect(rig.read("runs/default/history.jsonl").startsWith(`${damaged}\n{"build":4,`)).toBe(true);
    rig.write({ "runs/default/history.jsonl": `${first}\n${second!.slice(0, 100)}` });
    expect((await rig.exp("runs")).stderr).toBe(
      "warning: runs/default/history.jsonl: a line cannot be read; builds that only it told of are not known. The file is left as it is\n",
    );
  });

  test("how long something took is not shown when the record of it was lost", async () => {
    const rig = await built();
    rig.remove("runs/default/run.yaml");
    await rig.build();
    expect(rig.read("runs/default/run.yaml")).not.toContain("took_ms");
    expect((await rig.exp("status")).stdout).not.toMatch(/took|\d ms/);
    // Fetched, not made: nobody ran it in this run.
    await rig.build(["--run", "other"]);
    expect((await rig.exp("status", "--run", "other")).stdout).not.toMatch(/took|\d ms/);
    await rig.build(["--judge.weight", "2"]);
    expect((await rig.exp("status")).stdout).toMatch(/judge +fresh +(just now|\d+ \w+ ago) +[\d.]+ (ms|s|min) /);
  });

  test("a run that there is not suggests one that is", async () => {
    const rig = await built();
    const done = await rig.exp("runs", "show", "defualt");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('Did you mean "default"?');
  });
});

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])("prints a script for %s", async (shell) => {
    const done = await wordsProject().exp("completion", shell);
    expect(done.code).toBe(0);
    expect(done.stdout).toContain("completion --words");
  });

  test("gives targets, runs and keys, one a line", async () => {
    const rig = await built();
    expect((await rig.exp("completion", "--words", "targets")).stdout).toBe("prepare\ndraw\njudge\nreport\n");
    expect((await rig.exp("completion", "--words", "runs")).stdout).toBe("default\n");
    expect((await rig.exp("completion", "--words", "keys")).stdout).toMatch(/judge\.weight\n(.*\n)*seed\n/);
  });

  test("looks at the run that the line says, by its name or by its config", async () => {
    const rig = await built({ "configs/wide.yaml": "version: 1\nextends: default.yaml\nexperiment: small\n" });
    rig.edit(
      "Expfile.ts",
      "export default experiments({",
      "export default experiments({ small: () => ({ only: prepare() }),",
    );
    rig.edit("configs/default.yaml", "version: 1", "version: 1\nexperiment: words");
    rig.edit("configs/wide.yaml", "extends: default.yaml\n", "");
    const targets = async (...line: string[]) =>
      (await rig.exp("completion", "--words", "targets", "--", ...line)).stdout.trimEnd().split("\n");
    expect(await targets("build")).toEqual(["prepare", "draw", "judge", "report"]);
    expect(await targets("build", "-c", "wide")).toEqual(["only"]);
    expect(await targets("build", "--config=configs/wide.yaml")).toEqual(["only"]);
    await rig.build(["-c", "wide"]);
    expect(await targets("why", "--run", "wide", "--json")).toEqual(["only"]);
    await rig.build(["--run", "other", "--draw.samples", "1"]);
    const items = await rig.exp("completion", "--words", "items", "--", "draw", "why", "--run", "other");
    expect(items.stdout.trimEnd().split("\n").sort()).toEqual(["draw[0/0]", "draw[2/0]"]);
  });

  test("gives configs and items without asking the Expfile", async () => {
    const rig = await built({ "configs/long.yaml": "version: 1\n", "configs/notes.txt": "" });
    rig.write({ "Expfile.ts": "export default {" });
    expect((await rig.exp("completion", "--words", "configs")).stdout).toBe("default\nlong\n");
    const items = (await rig.exp("completion", "--words", "items", "draw")).stdout.trimEnd().split("\n");
    expect(items.sort()).toEqual(["draw[0/0]", "draw[0/1]", "draw[2/0]", "draw[2/1]"]);
    expect((await rig.exp("completion", "--words", "items", "judge")).stdout).toBe("");
  });

  test("says nothing where there is no project, or a broken one", async () => {
    const rig = makeProject({});
    expect(await rig.exp("completion", "--words", "targets")).toEqual({ code: 0, stdout: "", stderr: "" });
    rig.write({ "Expfile.ts": "export default {" });
    expect(await rig.exp("completion", "--words", "targets")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("doctor", () => {
  test("tells what is there, and what to do about what is not", async () => {
    const rig = wordsProject();
    const done = await rig.exp("doctor", "--json");
    expect(done.code).toBe(0);
    const findings = json<{ what: string; state: string; found: string }[]>(done);
    const stateOf = (what: string) => findings.find((finding) => finding.what === what)?.state;
    for (const what of ["Node", "exp", "bundler", "project", "cache", "runs", "config"])
      expect(stateOf(what)).toBe("ok");
  });

  test("a config that is wrong is among the findings, and nothing is left behind", async () => {
    const rig = wordsProject({ "configs/default.yaml": "version: 1\njugde: { weight: 1 }\n" });
    const { stdout } = await rig.exp("doctor");
    expect(stdout).toContain('unknown key "jugde"');
    expect(rig.has("runs")).toBe(false);
  });
});

describe("slips of the hand", () => {
  test.each([
    [["biuld"], 'unknown command "biuld"', 'Did you mean "exp build"?'],
    [["build", "--kep-going"], 'unknown flag "--kep-going"', 'Did you mean "--keep-going"?'],
    [["build", "raport"], 'unknown target "raport"', 'Did you mean "report"?'],
    [["build", "--judge.wieght", "2"], 'unknown key "wieght" in judge', 'Did you mean "weight"?'],
    [["build", "--set", "jugde.weight=2"], 'unknown key "jugde"', 'Did you mean "judge"?'],
    [["build", "-c", "configs/defualt.yaml"], "there is no config configs/defualt.yaml", 'Did you mean "-c default"?'],
    [
      ["build", "-c", "confgs/default.yaml"],
      "-c confgs/default.yaml: there is no config",
      'Did you mean "-c default"?',
    ],
    [["plan", "-c", "defualt"], "there is no config defualt", 'Did you mean "-c default"? configs/ has default.'],
    [["plan", "-c", "frobnicate"], "there is no config frobnicate", "configs/ has default."],
    [["plan", "-c", "configs"], "configs is a folder, not a config", "configs/default.yaml"],
    [["plan", "-c"], "--config needs a value", "--config <config>"],
    [["runs", "lst"], 'unknown words "lst"', 'Did you mean "exp runs list"?'],
    [["runs", "shwo", "default"], 'unknown words "shwo default"', 'Did you mean "exp runs show default"?'],
    [["hlep"], 'unknown command "hlep"', 'Did you mean "exp help"?'],
    [["help", "biuld"], 'unknown command "biuld"', 'Did you mean "exp build"?'],
    [["report"], 'unknown command "report"', "exp build report"],
    [["--verison"], 'unknown flag "--verison"', 'Did you mean "--version"?'],
    [["plan", "--contrl", "near"], 'unknown flag "--contrl"', 'Did you mean "--control"?'],
    [["plan", "--set", "weight=2"], 'unknown key "weight" at the top', "It belongs into a section: judge.weight."],
    [["plan", "--set", "judge.weight"], "an override is path=value", "Write --set judge.weight=VALUE."],
    [["plan", "--control", "naer"], 'control names "naer"', 'Did you mean "near"?'],
    [["plan", "--experiment", "wrods"], 'no experiment "wrods"', 'Did you mean "words"?'],
    [["why", "judge", "--build", "last"], "--build takes the number of a build", "exp runs show"],
    [["clean", "--run", "other"], 'there is no run "other"', "exp runs lists them"],
    [["init", "here"], 'exp init takes no words: "here" is too much', "mkdir here; cd here; exp init"],
    [["doctor", "me"], 'exp doctor takes no words: "me" is too much', "exp doctor --help"],
    [["completion", "zhs"], 'there is no completion for "zhs"', 'Did you mean "exp completion zsh"?'],
    [["why", "jugde"], 'unknown target "jugde"', 'Did you mean "judge"?'],
    [["clean", "jugde"], 'unknown target "jugde"', 'Did you mean "judge"?'],
    [["sweep", "defualt"], 'there is no run "defualt"', "exp runs lists them"],
    [["build", "-j", "0"], "-j takes a whole number above 0", "-j 4"],
    [["build", "--outputs", "al"], '--outputs takes all or asked, not "al"', 'Did you mean "--outputs all"?'],
    [["plan", "--executor", "modla"], '--executor takes local, slurm or modal, not "modla"', "--executor modal"],
    [["graph", "--format", "png"], '--format takes tree, mermaid, dot, svg or json, not "png"', "exp graph --help"],
    [["build", "-j", "1e3"], "-j takes a whole number above 0", "1e3"],
    [["build", "--limit", "four"], "--limit takes NAME=NUMBER", "--limit api:anthropic=4"],
    [["build", "--run", "../up"], '"../up" cannot be the name of a run', "--run NAME"],
    [["completion", "tcsh"], 'there is no completion for "tcsh"', "bash|zsh|fish"],
  ])("exp %j says what and what instead, and ends with 2", async (args, what, instead) => {
    const done = await wordsProject().exp(...args);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(what);
    expect(done.stderr).toContain(instead);
    expect(done.stdout).toBe("");
  });

  test("a run that is misspelt in a question is told; a build begins it, and says which one is near", async () => {
    const rig = await built();
    for (const command of ["plan", "status", "clean"]) {
      const done = await rig.exp(command, "--run", "defualt");
      expect(done.code).toBe(2);
      expect(done.stderr).toContain('there is no run "defualt"\n  Did you mean "default"?');
    }
    expect(rig.has("runs/defualt")).toBe(false);
    expect((await rig.exp("build", "--run", "defaults")).stdout).toContain(
      "run defaults is new; there is a run default",
    );
    expect((await rig.exp("build", "--run", "defaults")).stdout).not.toContain("is new");
    await rig.build(["--run", "seed-1"]);
    expect((await rig.exp("plan", "--run", "seed-2")).code).toBe(3);
  });

  test("a clean of all targets says how many, and how a result is taken back", async () => {
    const rig = await built();
    const done = await rig.exp("clean");
    expect(done.stdout.replace(/(\d+ ms|[\d.]+ s)/g, "a while"))
      .toBe(`prepare: cleaned; 1 result took a while to compute
draw: cleaned; 4 items and the merge took a while to compute
judge: cleaned; 1 result took a while to compute
report: cleaned; 1 result took a while to compute
run default: all 4 targets cleaned, 9 results of a while; exp build makes them anew
the results are hidden from this run, not deleted: exp build --run OTHER fetches them, exp build --from OTHER:TARGET takes one back from there
`);
    expect((await rig.build(["--run", "other"])).targets).toEqual(targets("cached"));
    expect((await rig.build(["--from", "other:draw", "draw"])).end.counts.computed).toBe(0);
    expect((await rig.exp("clean", "draw", "--outputs")).stdout).toBe(
      "draw: files removed; the next build fetches them back\n",
    );
  });

  test.each([[["clean"]], [["clean", "--outputs"]]])("an edited output is set aside by exp %j", async (args) => {
    const rig = await built();
    rig.write({ "runs/default/report/page.md": "my notes" });
    const done = await rig.exp(...args, "report", "judge");
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toContain(
      "\nruns/default/report/page.md had been edited: the edited version is now runs/default/set-aside/report_page.md\n",
    );
    expect(rig.read("runs/default/set-aside/report_page.md")).toBe("my notes");
    expect(rig.has("runs/default/report/page.md") || rig.has("runs/default/set-aside/judge_scores.json")).toBe(false);
  });

  test("a question about a run that there is not ends with 2; a plan of it may be asked for", async () => {
    const rig = await built();
    const begin = "exp build --run nope -c configs/default.yaml begins one.";
    for (const command of ["status", "why judge", "show judge", "accept judge --because x", "verify", "clean"]) {
      const done = await rig.exp(...command.split(" "), "--run", "nope");
      expect([command, done.code, done.stdout]).toEqual([command, 2, ""]);
      expect(done.stderr).toContain('there is no run "nope"\n  exp runs lists them.');
    }
    expect((await rig.exp("status", "--run", "nope")).stderr).toBe(
      `there is no run "nope"\n  exp runs lists them. ${begin}\n`,
    );
    expect((await rig.exp("plan", "--run", "nope")).code).toBe(3);
    expect((await rig.exp("graph", "--run", "nope")).code).toBe(0);
    expect(rig.has("runs/nope")).toBe(false);
  });

  test("a config is found by its path, by its name, and without .yaml", async () => {
    const rig = wordsProject({
      "configs/long.yaml": "version: 1\nextends: default.yaml\n",
      "other.yml": "version: 1\nextends: configs/default.yaml\n",
    });
    for (const config of ["configs/long.yaml", "long.yaml", "long", "configs/long"])
      expect((await rig.exp("plan", "prepare", "-c", config)).stdout).toContain("run long");
    for (const config of ["other.yml", "other"])
      expect((await rig.exp("plan", "prepare", "-c", config)).stdout).toContain("run other");
  });

  test("a build that the run has not had is told with those that it has", async () => {
    const rig = await built();
    const done = await rig.exp("runs", "show", "default@9");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("It has default@1.");
    expect((await rig.exp("runs", "default")).stderr).toContain('Did you mean "exp runs show default"?');
  });

  test("a line that is indented too deep is the one that is underlined", async () => {
    const rig = wordsProject({ "configs/default.yaml": "version: 1\ndraw:\n  samples: 2\n    weight: 3\n" });
    expect((await rig.exp("build")).stderr)
      .toBe(`configs/default.yaml:4:5 this line is indented deeper than line 3, which has a value already
  4 │     weight: 3
    │     ^^^^^^^^^
  Indent it by 2 spaces, as line 3. If it goes on with the text of line 3, put that text in quotes.
`);
  });

  test("a key that is wrong in the file is underlined where it stands, with who needed it", async () => {
    const rig = wordsProject({
      "configs/default.yaml": "version: 1\narms: { near: { offset: 0 } }\njudge:\n  weigth: 2\n",
    });
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stderr).toBe(`configs/default.yaml:4:3 unknown key "weigth" in judge
  4 │   weigth: 2
    │   ^^^^^^
  needed by target "judge"
  Did you mean "weight"?
`);
  });

  test("all problems of a config are reported together", async () => {
    const rig = wordsProject({
      "configs/default.yaml": 'version: 1\njudge: { weigth: 2 }\ndraw: { samples: "many" }\n',
    });
    const { stderr } = await rig.exp("build");
    expect(stderr).toContain("weigth");
    expect(stderr).toContain("configs/default.yaml:3");
  });
});

describe("help and exit codes", () => {
  test("every command has a help that names its flags", async () => {
    const rig = makeProject({});
    const { stdout } = await rig.exp("--help");
    expect(stdout).toContain("Exit codes: 0 done");
    for (const command of ["build", "plan", "status", "why", "clean", "graph", "runs", "init", "doctor", "completion"])
      expect(stdout).toMatch(new RegExp(`^  ${command}`, "m"));
    const build = await rig.exp("build", "--help");
    expect(build.code).toBe(0);
    for (const flag of [
      "-c, --config",
      "--run",
      "--set",
      "--reset",
      "-j, --jobs",
      "-k, --keep-going",
      "--dry-run",
      "--json",
    ])
      expect(build.stdout).toContain(flag);
  });

  test("without a command it shows the help and ends with 2", async () => {
    const done = await makeProject({}).exp();
    expect(done.code).toBe(2);
    expect(done.stdout + done.stderr).toContain("exp");
  });

  test("where there is no project it says how to make one, and ends with 2", async () => {
    const done = await makeProject({}).exp("build");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("exp init");
  });

  test("a target that fails ends the build with 1, and what does not depend on it goes on with -k", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const make = (name, load) => rule(contract({ name, outputs: { value: json() } }), load)();
export default experiments({
  main: () => ({
    bad: make("bad", () => import("./parts.ts").then((m) => m.bad)),
    good: make("good", () => import("./parts.ts").then((m) => m.good)),
  }),
});
`,
      "parts.ts": `export const bad = async () => { throw new Error("no luck"); };
export const good = async ({ outputs }) => outputs.value.write(1);
`,
    });
    const done = await rig.build(["-k"], 1);
    expect(done.targets).toEqual({ bad: "failed", good: "computed" });
    expect(done.end.outcome).toBe("failed");
    const { stdout } = await rig.exp("build");
    expect(stdout).toContain("bad failed: no luck");
    expect(stdout).toMatch(/parts\.ts:1/);
  });

  test("an Expfile that does not compile ends with 2 and names the place", async () => {
    const rig = wordsProject();
    rig.edit("Expfile.ts", 'from "./rules/words.ts"', 'from "./rules/wrods.ts"');
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stderr).toMatch(/Expfile\.ts:2:\d+ .*rules\/wrods\.ts/);
  });

  test("a recipe that does not compile ends with 2 and names the place and the target", async () => {
    const rig = wordsProject();
    rig.edit("rules/judge.ts", "./scoring/one.ts", "./scoring/eleven.ts");
    const done = await rig.exp("build", "judge");
    expect(done.code).toBe(2);
    expect(done.stdout + done.stderr).toMatch(/rules\/judge\.ts:2:\d+ /);
    expect(done.stdout + done.stderr).toContain('target "judge"');
  });

  test("Ctrl-C ends a build with 130, and the next one goes on with what was finished", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const first = rule(contract({ name: "first", outputs: { value: json() } }), () => import("./parts.ts").then((m) => m.first));
const second = rule(contract({ name: "second", inputs: { value: json() }, outputs: { value: json() } }), {
  recipe: () => import("./parts.ts").then((m) => m.second), env: ["GO"],
});
export default experiments({ main: () => { const a = first(); return { first: a, second: second({ value: a.value }) }; } });
`,
      "parts.ts": `import { existsSync } from "node:fs";
export const first = async ({ outputs }) => outputs.value.write(1);
export const second = async ({ outputs, log }) => {
  while (!existsSync(process.env.GO)) await new Promise((resolve) => setTimeout(resolve, 20));
  await outputs.value.write(2);
};
`,
    });
    const env = { GO: rig.path("go") };
    const running = rig.start(["build", "--json"], { env });
    await running.saw('"target":"second"');
    running.process.kill("SIGINT");
    const done = await running.finished;
    expect(done.code).toBe(130);
    expect(done.stdout).toContain('"outcome":"interrupted"');
    rig.write({ go: "" });
    expect((await rig.build([], 0, { env })).targets).toEqual({ first: "fresh", second: "computed" });
  });
});

describe("build --json", () => {
  test("the first event is build-started, the last build-finished, and each has a time", async () => {
    const rig = wordsProject();
    const { stdout } = await rig.exp("build", "--json");
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string; at: number });
    expect(events[0]?.event).toBe("build-started");
    expect(events.at(-1)?.event).toBe("build-finished");
    expect(events.every(({ at }) => Number.isInteger(at))).toBe(true);
    const kinds = new Set(events.map(({ event }) => event));
    expect(kinds).toEqual(
      new Set(["build-started", "target-started", "items-known", "item-finished", "target-finished", "build-finished"]),
    );
  });

  test("names what a person would open first", async () => {
    const rig = wordsProject();
    expect((await rig.build()).end.reports).toEqual(["runs/default/report/page.md"]);
    expect((await rig.exp("build")).stdout).toContain("up to date");
  });

  test("clean tells what it cleaned and what depends on it", async () => {
    const rig = await built();
    const cleaned = json<Record<string, unknown>>(await rig.exp("clean", "judge", "--json"));
    expect(cleaned).toMatchObject({
      run: "default",
      cleaned: [{ target: "judge", results: 1, costUsd: 0 }],
      dependents: ["report"],
      outputs_only: false,
      calls: false,
    });
  });
});

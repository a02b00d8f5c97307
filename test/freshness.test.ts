// What re-runs and what does not: the promises of the fingerprint, shown on the words experiment.

import { mkdirSync, renameSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject } from "./rig.ts";
import { targets, wordsProject } from "./words.fixture.ts";

describe("code", () => {
  test("a first build computes everything, a second one nothing", async () => {
    const rig = wordsProject();
    expect((await rig.build()).targets).toEqual(targets("computed"));
    expect((await rig.build()).end.outcome).toBe("up-to-date");
  });

  test("editing a comment in a recipe re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/judge.ts", "// Scores are rounded", "// Rounded, they are");
    rig.edit("rules/draw.ts", "export const pick", "\n\n/* A comment\n   of two lines. */\nexport const pick");
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("editing a type re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/scoring/two.ts", "(word: string): number", "(word: string): number & {}");
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("editing a function that no recipe reaches re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/scoring/vowels.ts", "return word.length;", "return 2 * word.length;");
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("editing a helper five imports away re-runs the target that reaches it, and what its output changes", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/scoring/vowels.ts", "aeiou", "aeiouy");
    rig.edit("rules/scoring/four.ts", "* 10", "* 20");
    expect((await rig.build()).targets).toEqual({
      prepare: "fresh",
      draw: "fresh",
      judge: "computed",
      report: "computed",
    });
  });

  test("why names the function, the file and the lines that changed", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/scoring/vowels.ts", "return [...word]", "const letters = [...word];\n  return letters");
    const before = await rig.exp("why", "judge");
    expect(before.stdout).toContain("judge is stale");
    expect(before.stdout).toMatch(/3–6\s+function countVowels/);
    expect(before.stdout).toContain("rules/scoring/vowels.ts");
    await rig.build();
    const after = await rig.exp("why", "judge");
    expect(after.stdout).toContain("judge is fresh");
    expect(after.stdout).toMatch(/3–6\s+function countVowels/);
  });

  test("the build's own line says which code changed", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/scoring/four.ts", "* 10", "* 20");
    const built = await rig.exp("build");
    expect(built.stdout).toMatch(/judge +computed .*code: function four in rules\/scoring\/four\.ts, line 3 changed/);
  });

  test("a prompt that is imported as text is code", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const ask = contract({ name: "ask", outputs: { prompt: text() } });
export default experiments({ main: () => ({ ask: rule(ask, () => import("./ask.ts"))() }) });
`,
      "ask.ts": `import prompt from "./prompt.md";
export const recipe = async ({ outputs }) => outputs.prompt.write(prompt);
`,
      "prompt.md": "Judge this.\n",
    });
    await rig.build();
    expect(rig.read("runs/default/ask/prompt.txt")).toBe("Judge this.\n");
    rig.edit("prompt.md", "this", "that");
    expect((await rig.exp("why", "ask")).stdout).toMatch(/the text[^]*prompt\.md|prompt\.md[^]*the text/);
    expect((await rig.build()).targets).toEqual({ ask: "computed" });
    expect(rig.read("runs/default/ask/prompt.txt")).toBe("Judge that.\n");
  });

  test("an npm package counts by its bytes, not by its version", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const answer = contract({ name: "answer", outputs: { value: json<number>() } });
export default experiments({ main: () => ({ answer: rule(answer, () => import("./answer.ts"))() }) });
`,
      "answer.ts": `import { six } from "lucky";
export const recipe = async ({ outputs }) => outputs.value.write(six() * 7);
`,
    });
    rig.write({
      "node_modules/lucky/package.json":
        '{ "name": "lucky", "version": "1.0.0", "type": "module", "main": "index.js" }',
      "node_modules/lucky/index.js": "export const six = () => 6;\n",
    });
    await rig.build();
    rig.edit("node_modules/lucky/package.json", "1.0.0", "2.0.0");
    expect((await rig.build()).targets).toEqual({ answer: "fresh" });
    rig.edit("node_modules/lucky/index.js", "=> 6", "=> 5 + 1.5");
    expect((await rig.build()).targets).toEqual({ answer: "computed" });
    expect(rig.read("runs/default/answer/value.json")).toBe("45.5\n");
  });
});

describe("names", () => {
  test("renaming a target re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("Expfile.ts", "{ prepare: prepared, draw: drawn,", "{ read: prepared, sample: drawn,");
    rig.edit("configs/default.yaml", "draw:", "sample:");
    const built = await rig.build();
    expect(built.end.counts.computed).toBe(0);
    expect(rig.has("runs/default/sample/drawn.json")).toBe(true);
  });

  test("renaming a rule re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/words.ts", 'name: "words/judge"', 'name: "language/judge"');
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("renaming an arm re-runs only the recipe that reads the labels", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("configs/default.yaml", "near:", "close:");
    expect((await rig.build()).targets).toEqual(targets("fresh", { report: "computed" }));
    expect(rig.read("runs/default/report/page.md")).toContain("close: ");
  });

  test("renaming a file of code re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    renameSync(rig.path("rules/scoring/vowels.ts"), rig.path("rules/scoring/counting.ts"));
    rig.edit("rules/scoring/four.ts", "./vowels.ts", "./counting.ts");
    renameSync(rig.path("rules/judge.ts"), rig.path("rules/referee.ts"));
    rig.edit("rules/words.ts", "./judge.ts", "./referee.ts");
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("moving code to another folder re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    renameSync(rig.path("rules/scoring"), rig.path("rules/grading"));
    rig.edit("rules/judge.ts", "./scoring/one.ts", "./grading/one.ts");
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("renaming a data file re-runs nothing where the order stays", async () => {
    const rig = wordsProject();
    await rig.build();
    renameSync(rig.path("data/fruit.txt"), rig.path("data/garden.txt"));
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("another run with the same config takes everything from the cache", async () => {
    const rig = wordsProject();
    await rig.build();
    expect((await rig.build(["--run", "second"])).targets).toEqual(targets("cached"));
    expect(rig.read("runs/second/report/page.md")).toBe(rig.read("runs/default/report/page.md"));
  });

  test("another folder with the same files gives the same keys", async () => {
    const [one, other] = [wordsProject(), wordsProject()];
    await Promise.all([one.build(), other.build()]);
    const keys = (rig: typeof one) => rig.read("runs/default/run.yaml").match(/key: .*/g);
    expect(keys(other)).toEqual(keys(one));
    expect(keys(one)).toHaveLength(4);
  });
});

describe("config", () => {
  test("a changed field of one section leaves the other targets", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.write({ "configs/default.yaml": `${rig.read("configs/default.yaml")}judge: { weight: 3 }\n` });
    expect((await rig.build()).targets).toEqual(targets("fresh", { judge: "computed", report: "computed" }));
  });

  test("writing a default out re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.write({ "configs/default.yaml": `${rig.read("configs/default.yaml")}judge: { weight: 1 }\n` });
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("why names the field with its old and its new value", async () => {
    const rig = wordsProject();
    await rig.build(["judge"]);
    const { stdout } = await rig.exp("why", "judge", "--judge.weight", "3");
    expect(stdout).toContain("config judge.weight: 1 → 3");
  });
});

describe("early cutoff", () => {
  test("a judge that writes the same bytes leaves the report alone", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.write({ "configs/default.yaml": `${rig.read("configs/default.yaml")}judge: { weight: 1.01 }\n` });
    const built = await rig.build();
    expect(built.targets).toEqual(targets("fresh", { judge: "computed" }));
    expect(built.finished("judge").sameOutput).toBe(true);
  });

  test("a source that is written again with the same bytes re-runs nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.write({ "data/fruit.txt": rig.read("data/fruit.txt") });
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });
});

describe("sources", () => {
  test("a new file that matches a glob re-runs what reads it", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.write({ "data/nuts.txt": "almond\n" });
    expect((await rig.build()).targets.prepare).toBe("computed");
    expect(rig.read("runs/default/prepare/lexicon.json")).toContain("almond");
  });

  test("a removed file of a glob re-runs what reads it", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.remove("data/herbs.txt");
    expect((await rig.build()).targets.prepare).toBe("computed");
    expect(rig.read("runs/default/prepare/lexicon.json")).not.toContain("sage");
  });

  test("a file that matches no glob counts for nothing", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.write({ "data/notes.md": "almond\n" });
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("why says how an input changed", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("data/fruit.txt", "plum", "damson");
    expect((await rig.exp("why", "prepare")).stdout).toContain("input files (data/fruit.txt): 18 B → 20 B");
  });

  test("why of a past build names the file that had changed", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("data/fruit.txt", "plum", "damson");
    await rig.build();
    rig.edit("data/fruit.txt", "damson", "fig");
    await rig.build();
    expect((await rig.exp("why", "prepare", "--build", "2")).stdout).toContain(
      "input files (data/fruit.txt): 18 B → 20 B",
    );
  });

  test("an optional file that comes while its recipe runs is read in the same build", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, optional, rule, source, text } from "expfile";
const one = rule(contract({ name: "one", inputs: { more: optional(text()) }, outputs: { out: json() } }), { recipe: () => import("./one.ts") });
export default experiments({ main: () => ({ a: one({ more: source("more.txt", optional(text())) }) }) });
`,
      "one.ts": `import { writeFileSync } from "node:fs";
export const recipe = async ({ inputs, outputs }) => {
  const more = await inputs.more?.read();
  if (more === undefined) writeFileSync("ROOT/more.txt", "more");
  await outputs.out.write({ more: more ?? "none" });
};
`,
    });
    rig.edit("one.ts", "ROOT", rig.root);
    await rig.build();
    expect(JSON.parse(rig.read("runs/default/a/out.json"))).toEqual({ more: "more" });
  });

  test("a path that is missing is named with the target that needs it", async () => {
    const rig = wordsProject();
    const done = await rig.exp("build", "--set", 'prepare.sources=["data/nuts.txt"]');
    expect(done.code).toBe(2);
    expect(done.stderr + done.stdout).toContain("data/nuts.txt does not exist");
    expect(done.stderr + done.stdout).toContain('needed by target "prepare"');
  });
});

describe("outputs", () => {
  test("a deleted output comes back from the cache", async () => {
    const rig = wordsProject();
    await rig.build();
    const page = rig.read("runs/default/report/page.md");
    rig.remove("runs/default/report/page.md");
    expect((await rig.build()).targets).toEqual(targets("fresh", { report: "cached" }));
    expect(rig.read("runs/default/report/page.md")).toBe(page);
  });

  test("a deleted run folder of a target comes back from the cache, and so does a fan-out's", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.remove("runs/default/draw");
    expect((await rig.build()).targets).toEqual(targets("fresh", { draw: "cached" }));
    expect(rig.has("runs/default/draw/drawn.json")).toBe(true);
  });

  test("an edited output is set aside by name before the right one is restored", async () => {
    const rig = wordsProject();
    await rig.build();
    const page = rig.read("runs/default/report/page.md");
    rig.write({ "runs/default/report/page.md": "mine\n" });
    const built = await rig.build();
    expect(built.events).toContainEqual(
      expect.objectContaining({ kind: "output-set-aside", target: "report", file: "report/page.md" }),
    );
    expect(rig.read("runs/default/report/page.md")).toBe(page);
    expect(rig.read("runs/default/set-aside/report_page.md")).toBe("mine\n");
  });

  test("a deleted cache loses nothing that the run has, and nothing re-runs", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.remove("cache");
    expect((await rig.build()).targets).toEqual(targets("fresh"));
  });

  test("a folder in the place of an output is set aside", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.remove("runs/default/report/page.md");
    mkdirSync(rig.path("runs/default/report/page.md"));
    rig.write({ "runs/default/report/page.md/inner.txt": "mine\n" });
    expect((await rig.build()).targets).toEqual(targets("fresh", { report: "cached" }));
    expect(rig.read("runs/default/set-aside/report_page.md/inner.txt")).toBe("mine\n");
  });

  test("the same inputs give the same bytes in another project", async () => {
    const [one, other] = [wordsProject(), wordsProject()];
    await one.build();
    await other.build();
    for (const name of ["prepare/lexicon.json", "draw/drawn.json", "judge/scores.json", "report/page.md"])
      expect(other.read(`runs/default/${name}`)).toBe(one.read(`runs/default/${name}`));
  });
});

describe("clean", () => {
  test("a cleaned target is computed, not fetched, and equal bytes leave what depends on it", async () => {
    const rig = wordsProject();
    await rig.build();
    const cleaned = await rig.exp("clean", "judge");
    expect(cleaned.code).toBe(0);
    expect(cleaned.stdout).toContain("depends on it: report");
    expect((await rig.build()).targets).toEqual(targets("fresh", { judge: "computed" }));
  });

  test("a cleaned fan-out computes every item", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.exp("clean", "draw");
    const built = await rig.build();
    expect(built.targets).toEqual(targets("fresh", { draw: "computed" }));
    expect(built.finished("draw").counts).toMatchObject({ computed: 4, cached: 0, fresh: 0 });
  });

  test("clean without names cleans the whole run", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.exp("clean");
    expect((await rig.build()).targets).toEqual(targets("computed"));
  });

  test("clean leaves other runs alone", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.build(["--run", "second"]);
    await rig.exp("clean", "judge", "--run", "second");
    expect((await rig.build()).end.outcome).toBe("up-to-date");
    expect((await rig.build(["--run", "second"])).targets.judge).toBe("computed");
  });

  test("clean --outputs removes files, and the next build fetches them back", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.exp("clean", "--outputs", "judge", "report");
    expect(rig.has("runs/default/judge/scores.json")).toBe(false);
    expect((await rig.build()).targets).toEqual(targets("fresh", { judge: "cached", report: "cached" }));
  });

  test("a cleaned target says so to why", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.exp("clean", "judge");
    expect((await rig.exp("why", "judge")).stdout).toMatch(/judge is stale.*\n\s*cleaned /);
  });
});

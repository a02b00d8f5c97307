// What is added to a run that exists leaves what is there alone: arms, models, datasets, judges, analysers, stages, one by one.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Rig, type Built } from "../rig.ts";
import { copyProject } from "./project.ts";

const config = `extends: default.yaml
generate: { seeds: 2, samples: 2 }
judge: { judges: [descriptors] }
enough-novelty: { share: 0 }
analyse: { primary: [net-charge], predictions: [] }
`;
const build = ["-c", "few", "prepare", "generate", "judge", "analyse"];
/** 3 arms, 2 seeds, 2 samples. */
const draws = 12;

let base: Rig;
beforeAll(async () => {
  base = copyProject();
  base.write({ "configs/few.yaml": config });
  const built = await base.build(build);
  expect(built.finished("generate").counts.computed).toBe(draws);
});
afterAll(() => rmSync(base.root, { recursive: true, force: true }));

function copy(): Rig {
  const root = mkdtempSync(join(tmpdir(), "exp-additions-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  cpSync(base.root, root, { recursive: true, verbatimSymlinks: true });
  return new Rig(root);
}

const computed = (built: Built, target: string) => built.finished(target).counts.computed;
/** What was there is the beginning of what is there now. */
const traceOf = (rig: Rig) => rig.read("runs/few/trace/trace.jsonl");

test("an arm: its draws are made, and nobody else's again", async () => {
  const rig = copy();
  const before = traceOf(rig);
  rig.edit("configs/few.yaml", "generate:", "arms: { order-1: { sampler: ngram, order: 1 } }\ngenerate:");
  const built = await rig.build(build);
  expect(built.targets.prepare).toBe("fresh");
  expect(built.finished("generate").counts).toMatchObject({ fresh: draws, computed: 4, cached: 0 });
  // Only peptides that were not drawn before are judged.
  expect(computed(built, "judge")).toBeLessThanOrEqual(4);
  expect(traceOf(rig).startsWith(before)).toBe(true);
});

test("a model: a sampler with a recipe of its own leaves the other's draws", async () => {
  const rig = copy();
  rig.edit(
    "rules/peptides/arms.ts",
    'z.discriminatedUnion("sampler", [ngram, lm])',
    'z.discriminatedUnion("sampler", [ngram, lm, ngram.extend({ sampler: z.literal("constant") })])',
  );
  rig.edit(
    "rules/peptides/generate.ts",
    "  recipes: {",
    '  recipes: {\n    constant: () => import("./generate/constant.recipe.ts"),',
  );
  rig.write({
    "rules/peptides/generate/constant.recipe.ts": `export const recipe = async ({ settings, item, outputs }) =>
  outputs.draw.write({ sequence: "ACDEFGHIK" + "LM"[item.seed - 1] + "NP"[item.index - 1], logprob: -1, provenance: "constant",
    how: { settings, training: "", rngSeed: item.rngSeed, truncated: false } });
`,
  });
  expect((await rig.build(build)).end.counts.computed).toBe(0);
  rig.edit("configs/few.yaml", "generate:", "arms: { fixed: { sampler: constant } }\ngenerate:");
  const built = await rig.build(build);
  expect(built.targets.prepare).toBe("fresh");
  expect(built.finished("generate").counts).toMatchObject({ fresh: draws, computed: 4 });
  expect(computed(built, "judge")).toBe(4);
});

test("a dataset: prepared beside the first, it touches nothing", async () => {
  const rig = copy();
  rig.edit(
    "Expfile.ts",
    "    const generated =",
    "    const more = prepare({ handed: handed.files });\n    const generated =",
  );
  rig.edit("Expfile.ts", "      generate: generated,", '      "more-data": more,\n      generate: generated,');
  rig.write({
    "data/more.csv":
      "sequence,name\nGIGKFLHSAKKFGKAFVGEIMNS,magainin\nKWKLFKKIEKVGQNIRDGIIKAGPAVAVVGQATQIAK,cecropin\n",
  });
  rig.edit(
    "configs/few.yaml",
    "generate:",
    "more-data: { sources: [{ name: more, path: data/more.csv, columns: { sequence: sequence, name: name }, licence: none, cite: none }], slices: { all: { kind: all } } }\ngenerate:",
  );
  const built = await rig.build([...build, "more-data"]);
  expect(built.targets).toMatchObject({ prepare: "fresh", generate: "fresh", judge: "fresh", analyse: "fresh", "more-data": "computed" }); // prettier-ignore
});

test("a judge: the other's scores stay", async () => {
  const rig = copy();
  const before = traceOf(rig);
  rig.edit("configs/few.yaml", "[descriptors]", "[descriptors, novelty]");
  const built = await rig.build(build);
  expect(built.targets).toMatchObject({ prepare: "fresh", generate: "fresh" });
  const { fresh, computed } = built.finished("judge").counts;
  // The same sequences, judged a second time, by somebody else.
  expect(computed).toBe(fresh);
  expect(fresh).toBeGreaterThan(0);
  expect(traceOf(rig).startsWith(before)).toBe(true);
});

test("an analyser: a second report of the same scores", async () => {
  const rig = copy();
  rig.edit("Expfile.ts", "    return {", "    const second = analyse({ peptides: generated.peptides, arms: generated.arms, scores: judged.scores, reference: prepared.sequences, prepared: prepared.summary });\n    return {\n      second,"); // prettier-ignore
  rig.edit("configs/few.yaml", "generate:", "second: { primary: [hydrophobic-moment] }\ngenerate:");
  const built = await rig.build([...build, "second"]);
  expect(built.targets).toMatchObject({ prepare: "fresh", generate: "fresh", judge: "fresh", analyse: "fresh", second: "computed" }); // prettier-ignore
});

test("a stage: a rule that reads what is there", async () => {
  const rig = copy();
  rig.write({
    "rules/count.ts": `import { contract, rule, table, text } from "expfile";
import { generatedColumns } from "./peptides/tables.ts";
export const count = rule(contract({ name: "count", inputs: { peptides: table(generatedColumns) }, outputs: { count: text() } }), () => import("./count.recipe.ts"));
`,
    "rules/count.recipe.ts": `import { readTable } from "expfile/table";
import { generatedColumns } from "./peptides/tables.ts";
export const recipe = async ({ inputs, outputs }) => outputs.count.write(String((await readTable(inputs.peptides, generatedColumns)).length));
`,
  });
  rig.edit("Expfile.ts", 'import { experiments } from "expfile";', 'import { experiments } from "expfile";\nimport { count } from "./rules/count.ts";'); // prettier-ignore
  rig.edit(
    "Expfile.ts",
    "    return {",
    "    const counted = count({ peptides: generated.peptides });\n    return {\n      count: counted,",
  );
  const built = await rig.build([...build, "count"]);
  expect(built.targets).toMatchObject({ prepare: "fresh", generate: "fresh", judge: "fresh", analyse: "fresh", count: "computed" }); // prettier-ignore
  expect(rig.read("runs/few/count/count.txt")).toBe(String(draws));
});

test("a stage under another name, and more of everything at once, keeps its results", async () => {
  const rig = copy();
  rig.edit("Expfile.ts", "      generate: generated,", "      draw: generated,");
  rig.edit("configs/few.yaml", "generate: {", "draw: {");
  rig.edit("configs/default.yaml", "generate:\n", "draw:\n");
  const names = build.map((name) => (name === "generate" ? "draw" : name));
  expect((await rig.build(names)).end.counts.computed).toBe(0);
  rig.edit("configs/few.yaml", "samples: 2", "samples: 3");
  expect((await rig.build(names)).finished("draw").counts).toMatchObject({ fresh: draws, computed: draws / 2 });
});

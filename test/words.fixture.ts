// A small experiment for tests: words from files, drawn per arm, judged, reported. Five imports lie between the judge and its scoring.

import { makeProject, type Rig } from "./rig.ts";

export const wordsFiles: Readonly<Record<string, string>> = {
  "Expfile.ts": `import { experiments } from "expfile";
import { draw, judge, prepare, report } from "./rules/words.ts";

export default experiments({
  words: () => {
    const prepared = prepare();
    const drawn = draw({ lexicon: prepared.lexicon });
    const judged = judge({ drawn: drawn.drawn });
    return { prepare: prepared, draw: drawn, judge: judged, report: report({ scores: judged.scores }) };
  },
});
`,
  "rules/words.ts": `import { contract, fanOut, json, rule, sourceFiles, text, type, z } from "expfile";

const Arm = z.strictObject({ offset: z.int() });

const preparing = contract({
  name: "words/prepare",
  config: z.strictObject({ sources: z.array(z.string()).default(["data/*.txt"]) }),
  inputs: { files: sourceFiles((config: { sources: readonly string[] }) => config.sources) },
  outputs: { lexicon: json<readonly string[]>() },
});
export type Preparing = typeof preparing;
export const prepare = rule(preparing, () => import("./prepare.ts"));

export interface Drawn { readonly arm: string; readonly word: string }
const drawing = contract({
  name: "words/draw",
  config: z.strictObject({ samples: z.int().default(2) }),
  arms: Arm,
  inputs: { lexicon: json<readonly string[]>() },
  items: {
    settings: type<z.output<typeof Arm>>(),
    item: type<{ arm: string; index: number }>(),
    inputs: { lexicon: json<readonly string[]>() },
    outputs: { word: text() },
  },
  outputs: { drawn: json<readonly Drawn[]>() },
});
export type Drawing = typeof drawing;
export const draw = fanOut(drawing, {
  split: { recipe: () => import("./draw.ts").then((m) => m.split), reads: ["samples", "arms"] },
  recipes: {
    pick: () => import("./draw.ts").then((m) => m.pick),
  },
  merge: () => import("./draw.ts").then((m) => m.merge),
});

const judging = contract({
  name: "words/judge",
  config: z.strictObject({ weight: z.number().default(1), rounding: z.number().default(1) }),
  inputs: { drawn: json<readonly Drawn[]>() },
  outputs: { scores: json<readonly { arm: string; score: number }[]>() },
});
export type Judging = typeof judging;
export const judge = rule(judging, () => import("./judge.ts"));

const reporting = contract({
  name: "words/report",
  arms: Arm,
  inputs: { scores: json<readonly { arm: string; score: number }[]>() },
  outputs: { page: text(".md") },
});
export type Reporting = typeof reporting;
export const report = rule(reporting, { recipe: () => import("./report.ts"), reads: ["labels"] });
`,
  "rules/prepare.ts": `import { readFileSync } from "node:fs";
import type { Recipe } from "expfile";
import type { Preparing } from "./words.ts";

export const recipe: Recipe<Preparing> = async ({ inputs, outputs }) => {
  const files = inputs.files.flat();
  await outputs.lexicon.write(files.flatMap((file) => readFileSync(file.path, "utf8").split("\\n").filter((line) => line !== "")));
};
`,
  "rules/draw.ts": `import type { ItemRecipe, Merge, Split } from "expfile";
import type { Drawing } from "./words.ts";

export const split: Split<Drawing, "samples" | "arms"> = ({ config, arms, inputs }) =>
  arms.flatMap((arm) =>
    Array.from({ length: config.samples }, (_, index) => ({
      recipe: "pick",
      settings: arm.settings,
      item: { arm: arm.id, index },
      label: \`\${arm.settings.offset}/\${index}\`,
      inputs: { lexicon: inputs.lexicon },
    })),
  );

export const pick: ItemRecipe<Drawing> = async ({ settings, item, inputs, outputs }) => {
  const lexicon = await inputs.lexicon.read();
  await outputs.word.write(lexicon[(settings.offset + item.index) % lexicon.length] ?? "");
};

export const merge: Merge<Drawing> = async ({ items, outputs }) => {
  const rows = items.map(async ({ item, outputs: made }) => ({ arm: item.arm, word: await made.word.read() }));
  await outputs.drawn.write(await Promise.all(rows));
};
`,
  "rules/judge.ts": `import type { Recipe } from "expfile";
import { score } from "./scoring/one.ts";
import type { Judging } from "./words.ts";

export const recipe: Recipe<Judging> = async ({ config, inputs, outputs }) => {
  const drawn = await inputs.drawn.read();
  // Scores are rounded, so that a small change may leave the bytes as they are.
  const round = (value: number) => Math.round(value / config.rounding) * config.rounding;
  await outputs.scores.write(drawn.map(({ arm, word }) => ({ arm, score: round(config.weight * score(word)) })));
};
`,
  "rules/scoring/one.ts": `export { score } from "./two.ts";\n`,
  "rules/scoring/two.ts": `import { three } from "./three.ts";\n\nexport const score = (word: string): number => three(word);\n`,
  "rules/scoring/three.ts": `import { four } from "./four.ts";\n\nexport const three = (word: string): number => four(word);\n`,
  "rules/scoring/four.ts": `import { countVowels } from "./vowels.ts";\n\nexport const four = (word: string): number => countVowels(word) * 10;\n`,
  "rules/scoring/vowels.ts": `const vowels = "aeiou";

export function countVowels(word: string): number {
  return [...word].filter((letter) => vowels.includes(letter)).length;
}

/** Nobody reaches this. */
export function countLetters(word: string): number {
  return word.length;
}
`,
  "rules/report.ts": `import type { Recipe } from "expfile";
import type { Reporting } from "./words.ts";

export const recipe: Recipe<Reporting, "labels"> = async ({ inputs, labels, outputs }) => {
  const scores = await inputs.scores.read();
  const lines = labels.map(({ id, name }) => {
    const own = scores.filter(({ arm }) => arm === id).map(({ score }) => score);
    return \`\${name}: \${own.join(", ")}\`;
  });
  await outputs.page.write(["# Words", ...lines, ""].join("\\n"));
};
`,
  "data/fruit.txt": "apple\nplum\nquince\n",
  "data/herbs.txt": "sage\nmint\n",
  "configs/default.yaml": `version: 1
arms:
  near: { offset: 0 }
  far: { offset: 2 }
draw:
  samples: 2
`,
};

export function wordsProject(more: Readonly<Record<string, string>> = {}): Rig {
  return makeProject({ ...wordsFiles, ...more });
}

/** Every target of the words experiment with one origin, but for those that are named. */
export function targets(all: string, others: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { prepare: all, draw: all, judge: all, report: all, ...others };
}

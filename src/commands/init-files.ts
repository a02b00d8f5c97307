// The files of a new project: one small experiment that shows an arm, a fan-out over seeds and a report, and builds without keys or data.

export function initFiles(): Readonly<Record<string, string>> {
  return {
    "Expfile.ts": `import { experiments } from "expfile";
import { measure, report } from "./rules/coin.ts";

export default experiments({
  // Targets by name: \`exp build report\` brings report and what it needs up to date.
  coin: () => {
    const measured = measure();
    return { measure: measured, report: report({ flips: measured.flips }) };
  },
});
`,
    "rules/coin.ts": `import { contract, fanOut, json, rule, text, type, z } from "expfile";

/** What an arm of the experiment sets. */
const Arm = z.strictObject({ bias: z.number().min(0).max(1) });

const measuring = contract({
  name: "coin/measure",
  config: z.strictObject({ seeds: z.int().min(1).default(5), flips: z.int().min(1).default(1000) }),
  arms: Arm,
  items: { settings: type<z.output<typeof Arm>>(), item: type<{ arm: string; seed: number; flips: number }>(), outputs: { heads: json<number>() } },
  outputs: { flips: json<readonly { arm: string; seed: number; share: number }[]>() },
});
export type Measuring = typeof measuring;

/** Flips a coin for every arm and seed: one item each, so that more seeds only add what is missing. */
export const measure = fanOut(measuring, {
  split: { recipe: () => import("./measure.ts").then((m) => m.split), reads: ["seeds", "flips", "arms"] },
  recipes: { flip: () => import("./measure.ts").then((m) => m.flip) },
  merge: () => import("./measure.ts").then((m) => m.merge),
});

const reporting = contract({
  name: "coin/report",
  arms: Arm,
  inputs: { flips: json<readonly { arm: string; seed: number; share: number }[]>() },
  outputs: { report: text(".md") },
});
export type Reporting = typeof reporting;

export const report = rule(reporting, { recipe: () => import("./report.ts"), reads: ["labels"] });
`,
    "rules/measure.ts": `import { deriveSeed } from "expfile/seed";
import type { ItemRecipe, Merge, Split } from "expfile";
import type { Measuring } from "./coin.ts";

export const split: Split<Measuring, "seeds" | "flips" | "arms"> = ({ config, arms }) =>
  arms.flatMap((arm) =>
    Array.from({ length: config.seeds }, (_, seed) => ({ settings: arm.settings, item: { arm: arm.id, seed, flips: config.flips } })),
  );

export const flip: ItemRecipe<Measuring> = async ({ settings, item, outputs }) => {
  let state = Number.parseInt(deriveSeed(item.seed, settings).slice(0, 8), 16);
  let heads = 0;
  for (let i = 0; i < item.flips; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (state / 2 ** 32 < settings.bias) heads++;
  }
  await outputs.heads.write(heads);
};

export const merge: Merge<Measuring> = async ({ items, outputs }) => {
  const rows = await Promise.all(
    items.map(async ({ item, outputs }) => ({ arm: item.arm, seed: item.seed, share: (await outputs.heads.read()) / item.flips })),
  );
  await outputs.flips.write(rows);
};
`,
    "rules/report.ts": `import { meanInterval } from "expfile/stats";
import type { Recipe } from "expfile";
import type { Reporting } from "./coin.ts";

export const recipe: Recipe<Reporting, "labels"> = async ({ inputs, labels, outputs }) => {
  const flips = await inputs.flips.read();
  const lines = labels.map(({ id, name }) => {
    const mean = meanInterval({ values: flips.filter((row) => row.arm === id).map((row) => row.share) });
    if (mean.kind === "not-estimable" || mean.interval.kind === "not-estimable") return \`| \${name} | not estimable |\`;
    const { low, high } = mean.interval;
    return \`| \${name} | \${mean.estimate.toFixed(3)} [\${low.toFixed(3)}, \${high.toFixed(3)}] |\`;
  });
  await outputs.report.write(["# Share of heads", "", "| arm | mean [95 %] |", "|---|---|", ...lines, ""].join("\\n"));
};
`,
    "configs/default.yaml": `version: 1
notes:
  what: A coin, fair and bent
  why: The smallest experiment with arms and seeds
arms:
  fair: { bias: 0.5 }
  bent: { bias: 0.6 }
control: fair
measure:
  seeds: 5
  flips: 1000
`,
    "tsconfig.json": `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023"],
    "module": "preserve",
    "moduleDetection": "force",
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true,
    "types": ["expfile/text"]
  },
  "include": ["Expfile.ts", "rules"]
}
`,
    ".gitignore": `node_modules/
cache/
runs/
.env
exp.local.yaml
`,
    // Without expfile among its dependencies: installing it, from wherever it is had, adds it.
    "package.json": `{
  "private": true,
  "type": "module"
}
`,
  };
}

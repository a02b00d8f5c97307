// This program: with recipes in TypeScript, and with programs as recipes.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tool } from "../tool.ts";
import type { Workload } from "../workload.ts";

export interface ExpOptions {
  readonly name: string;
  readonly node: string;
  readonly version: string;
  readonly recipes: "typescript" | "command";
  readonly most: number;
}

const root = process.env.EXP_ROOT!;

export function expTool({ name, node, version, recipes, most }: ExpOptions): Tool {
  const argv = [node, join(root, "bin", "exp.cjs")];
  return {
    name,
    version,
    most,
    prepare(folder, workload) {
      prepareProject(folder);
      writeFileSync(join(folder, "rules.ts"), recipes === "typescript" ? typescriptRules : commandRules);
      writeFileSync(join(folder, "recipe.ts"), recipe);
      writeFileSync(join(folder, "Expfile.ts"), expfileOf(workload));
    },
    build: { argv: [...argv, "build"] },
    plan: { argv: [...argv, "plan"] },
    // Not `t*`: the trace lies beside them.
    outputs: ["runs/default/t[0-9]*"],
    memory: ["cache", "runs"],
    restores: true,
    run: ["runs"],
  };
}

/** What every project of exp has. */
export function prepareProject(folder: string): void {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  mkdirSync(join(folder, "configs"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules", "expfile"));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, "configs", "default.yaml"), "version: 1\n");
}

// As many slots as a shape asks for; a list would be one slot.
const contractText = `import { command, contract, rule, text } from "expfile";
void command;
const one = contract({ name: "bench/one", inputs: { a: text() }, outputs: { out: text() } });
const three = contract({ name: "bench/three", inputs: { a: text(), b: text(), c: text() }, outputs: { out: text() } });
export type One = typeof one;
export type Three = typeof three;
`;

const typescriptRules = `${contractText}
export const make1 = rule(one, () => import("./recipe.ts").then((m) => m.make1));
export const make3 = rule(three, () => import("./recipe.ts").then((m) => m.make3));
`;

// All files hold the same, so without a word of its own each target would be the same work as its neighbour, and exp would do it once.
const commandRules = `${contractText}
const copy = (word: string) =>
  command({ code: [], argv: ({ inputs, outputs }) => ["cp", \`--suffix=\${word}\`, inputs.a as string, outputs.out] });
export const make1 = (inputs: Parameters<ReturnType<typeof rule<One>>>[0], { description }: { description: string }) =>
  rule(one, copy(description) as never)(inputs, { description });
export const make3 = (inputs: Parameters<ReturnType<typeof rule<Three>>>[0], { description }: { description: string }) =>
  rule(three, copy(description) as never)(inputs, { description });
`;

// What comes out depends on all that is read, so that no two targets are the same work.
const recipe = `import type { Recipe } from "expfile";
import type { One, Three } from "./rules.ts";

export const make1: Recipe<One> = async ({ inputs, outputs }) => {
  await outputs.out.write(mixed(await inputs.a.read()));
};

export const make3: Recipe<Three> = async ({ inputs, outputs }) => {
  await outputs.out.write(mixed((await inputs.a.read()) + (await inputs.b.read()) + (await inputs.c.read())));
};

function mixed(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  return hash.toString(16) + "\\n";
}
`;

/** An Expfile as a person would write it: a loop, not a list of ten thousand calls. */
function expfileOf({ shape, size, targets }: Workload): string {
  const width = targets.filter(({ source }) => source !== undefined).length;
  const bodies = {
    chain: `  let before: ReturnType<typeof make1> | undefined;
  for (let i = 0; i < ${size}; i++) {
    before = make1({ a: before === undefined ? source("src/0.txt", text()) : before.out }, options(i));
    targets[\`t\${i}\`] = before;
  }`,
    fan: `  for (let i = 0; i < ${size}; i++) targets[\`t\${i}\`] = make1({ a: source(\`src/\${i}.txt\`, text()) }, options(i));`,
    layers: `  const made: ReturnType<typeof make3 | typeof make1>[] = [];
  for (let i = 0; i < ${size}; i++) {
    const above = (k: number) => made[(Math.floor(i / ${width}) - 1) * ${width} + (((i % ${width}) + k) % ${width})]!.out;
    made.push(
      i < ${width}
        ? make1({ a: source(\`src/\${i}.txt\`, text()) }, options(i))
        : make3({ a: above(0), b: above(1), c: above(2) }, options(i)),
    );
    targets[\`t\${i}\`] = made[i]!;
  }`,
  };
  return `import { experiments, source, text } from "expfile";
import { make1, make3 } from "./rules.ts";

void make3;
const options = (i: number) => ({ description: \`number-\${i}\` });

export default experiments({
  bench: () => {
  const targets: Record<string, ReturnType<typeof make1 | typeof make3>> = {};
${bodies[shape]}
  return targets;
  },
});
`;
}

// Random graphs of fan-outs and plain targets under random edits, failures and kills: what a clean build makes is what is there,
// and what is executed is what a model says that must be.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { benchOf, eventsOf, plainExpfile, plainRule, until, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

/**
 * Two kinds of target, both over numbers:
 *   plain    out = (add + code + inputs) % modulus
 *   fanned   item n of `width` items makes (n + code of the item + inputs of the item) % modulus; the merge adds them up
 * A target whose sum is its poison throws.
 */
interface Target {
  readonly isFanned: boolean;
  readonly dependsOn: readonly number[];
  /** Whether items are handed the inputs, or only the split and the merge see them. */
  readonly handsOn: boolean;
  readonly modulus: number;
}

interface State {
  readonly add: number[];
  readonly width: number[];
  readonly code: number[];
  readonly mergeCode: number[];
  readonly poison: number[];
}

type Field = keyof State;
interface Step {
  readonly edits: readonly { readonly field: Field; readonly target: number; readonly value: number }[];
  readonly loses: readonly { readonly what: "output" | "cache" | "stamps"; readonly target: number }[];
  /** Kills the driver after so many executions. */
  readonly killAfter: number | undefined;
}

const none = 99;
const targetsArbitrary = fc
  .array(
    fc.record({
      isFanned: fc.boolean(),
      bits: fc.nat(63),
      handsOn: fc.boolean(),
      modulus: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .map((drawn): Target[] =>
    drawn.map(({ bits, ...rest }, i) => ({
      ...rest,
      dependsOn: Array.from({ length: i }, (_, j) => j).filter((j) => (bits >> j) & 1),
    })),
  );
const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  edits: fc.array(
    fc.record({
      field: fc.constantFrom<Field[]>("add", "width", "code", "mergeCode", "poison"),
      target: fc.nat(4),
      value: fc.nat(5),
    }),
    { maxLength: 3 },
  ),
  loses: fc.array(
    fc.record({ what: fc.constantFrom("output" as const, "cache" as const, "stamps" as const), target: fc.nat(4) }),
    { maxLength: 1 },
  ),
  killAfter: fc.option(fc.nat(12), { nil: undefined, freq: 2 }),
});

// --- the project ------------------------------------------------------------------------------------------------

const number = (value: number) => `Number("${value}")`;

function codeOf({ isFanned, dependsOn, handsOn, modulus }: Target, i: number, state: State): Record<string, string> {
  const slots = dependsOn.map((j) => `d${j}: text()`).join(", ");
  const sum = "let sum = 0; for (const input of Object.values(inputs)) sum += Number(await input.read());";
  const poisoned = `if (sum % 6 === ${number(state.poison[i]!)}) throw new Error("poisoned");`;
  if (!isFanned)
    return plainRule(
      `t${i}`,
      `config: z.strictObject({ add: z.int() }), inputs: { ${slots} }, outputs: { out: text() }`,
      `${sum} sum += config.add + ${number(state.code[i]!)}; ${poisoned} await outputs.out.write(String(sum % ${modulus}));`,
    );
  const itemInputs = handsOn ? `inputs: { ${slots} },` : "";
  return {
    [`rules/t${i}.rule.ts`]: `import { contract, fanOut, text, type, z } from "expfile";
const env = ["EXP_TEST_MARKS"];
export const t${i} = fanOut(contract({ name: "bench/t${i}", config: z.strictObject({ add: z.int(), width: z.int() }),
  inputs: { ${slots} }, items: { item: type(), ${itemInputs} outputs: { value: text() } }, outputs: { out: text() } } as any), {
  split: { recipe: () => import("./t${i}.ts").then((m) => m.split) as any, env },
  recipes: { one: { recipe: () => import("./t${i}.ts").then((m) => m.one) as any, env } },
  merge: { recipe: () => import("./t${i}.ts").then((m) => m.merge) as any, env, reads: [] }, batch: 2,
} as any) as any;
`,
    [`rules/t${i}.ts`]: `// @ts-nocheck
import { mark } from "./mark.ts";
export const split = async ({ config, inputs }) => {
  mark("t${i}.split");
  ${sum}
  return Array.from({ length: config.width }, (_, n) => ({ item: { n: n + config.add + (sum % 2) }, inputs: ${handsOn ? "inputs" : "{}"} }));
};
export const one = async ({ item, inputs, outputs }) => {
  mark("t${i}.item" + item.n);
  ${sum}
  sum += item.n + ${number(state.code[i]!)};
  ${poisoned}
  await outputs.value.write(String(sum % ${modulus}));
};
export const merge = async ({ items, outputs }) => {
  mark("t${i}.merge");
  let all = ${number(state.mergeCode[i]!)};
  for (const { outputs } of items) all += Number(await outputs.value.read());
  await outputs.out.write(String(all));
};
`,
  };
}

function write(bench: Bench, targets: readonly Target[], state: State): void {
  const sections = targets.map(
    ({ isFanned }, i) => `t${i}: { add: ${state.add[i]}${isFanned ? `, width: ${state.width[i]}` : ""} }`,
  );
  bench.rig.write({
    ...(Object.assign({}, ...targets.map((target, i) => codeOf(target, i, state))) as Record<string, string>),
    "configs/default.yaml": ["version: 1", ...sections, ""].join("\n"),
  });
}

function projectOf(targets: readonly Target[], state: State): Bench {
  const names = targets.map((_, i) => `t${i}`);
  const wires = targets.map(
    ({ dependsOn }, i) => `const t${i}_ = t${i}({ ${dependsOn.map((j) => `d${j}: t${j}_.out`).join(", ")} });`,
  );
  const bench = benchOf(
    plainExpfile(names, `${wires.join(" ")} return { ${names.map((name) => `${name}: ${name}_`).join(", ")} };`),
  );
  write(bench, targets, state);
  return bench;
}

// --- the model --------------------------------------------------------------------------------------------------

interface Model {
  /** By execution (as it is marked): the key of what it makes. In an order in which they can run. */
  readonly keys: ReadonlyMap<string, string>;
  /** Executions that throw. */
  readonly failing: ReadonlySet<string>;
  /** What each target holds; undefined where it or what it needs fails. */
  readonly values: readonly (number | undefined)[];
}

function modelOf(targets: readonly Target[], state: State): Model {
  const keys = new Map<string, string>();
  const failing = new Set<string>();
  const values: (number | undefined)[] = [];
  for (const [i, { isFanned, dependsOn, handsOn, modulus }] of targets.entries()) {
    const [add, width, code] = [state.add[i]!, state.width[i]!, state.code[i]!];
    const [mergeCode, poison] = [state.mergeCode[i]!, state.poison[i]!];
    const inputs = dependsOn.map((j) => values[j]);
    values[i] = undefined;
    if (inputs.includes(undefined)) continue;
    const sum = (inputs as number[]).reduce((all, one) => all + one, 0);
    if (!isFanned) {
      keys.set(`t${i}`, JSON.stringify([i, add, code, poison, inputs]));
      const all = sum + add + code;
      if (all % 6 === poison) failing.add(`t${i}`);
      else values[i] = all % modulus;
      continue;
    }
    keys.set(`t${i}.split`, JSON.stringify([i, "split", add, width, inputs]));
    const items = Array.from({ length: width }, (_, n) => n + add + (sum % 2));
    const made = items.map((n) => {
      const name = `t${i}.item${n}`;
      keys.set(name, JSON.stringify([i, "item", n, code, poison, handsOn ? inputs : []]));
      const all = (handsOn ? sum : 0) + n + code;
      if (all % 6 === poison) failing.add(name);
      return all % modulus;
    });
    if (items.some((n) => failing.has(`t${i}.item${n}`))) continue;
    keys.set(`t${i}.merge`, JSON.stringify([i, "merge", mergeCode, items, made, inputs]));
    values[i] = made.reduce((all, one) => all + one, mergeCode);
  }
  return { keys, failing, values };
}

function apply(step: Step, targets: readonly Target[], state: State, bench: Bench): void {
  for (const { field, target, value } of step.edits) {
    const i = target % targets.length;
    // A poison of 5 is none: mostly there is none.
    state[field][i] = field === "poison" && value > 2 ? none : value;
  }
  write(bench, targets, state);
  for (const { what, target } of step.loses) {
    if (what === "output") bench.rig.remove(`runs/default/t${target % targets.length}`);
    else bench.rig.remove(what === "cache" ? "cache" : "cache/stamps");
  }
}

test(
  `random fan-outs under edits, failures and kills hold what a clean build makes, and execute what is new and nothing else (seed ${seed})`,
  patience,
  async () => {
    const tally = { graphs: 0, builds: 0, kills: 0, failures: 0, executed: 0, spared: 0 };
    await fc.assert(
      fc.asyncProperty(
        targetsArbitrary,
        fc.array(stepArbitrary, { minLength: 2, maxLength: 5 }),
        async (targets, steps) => {
          tally.graphs++;
          const zeros = (value: number) => targets.map(() => value);
          const state: State = {
            add: zeros(0),
            width: zeros(3),
            code: zeros(0),
            mergeCode: zeros(0),
            poison: zeros(none),
          };
          const bench = projectOf(targets, state);
          const known = new Set<string>();
          const first: Step = { edits: [], loses: [], killAfter: undefined };
          for (const [number, step] of [first, ...steps].entries()) {
            apply(step, targets, state, bench);
            const { keys, failing, values } = modelOf(targets, state);
            const context = `step ${number}`;
            const executed = () => bench.marks.lines.map(({ name }) => name);
            /** Executed, and perhaps kept, by a build that was killed before it said so. */
            const perhaps = new Set<string>();
            if (step.killAfter !== undefined) {
              bench.marks.clear();
              const building = bench.start("build", "-k", "--json");
              let hasEnded = false;
              void building.finished.then(() => (hasEnded = true));
              await until(() => hasEnded || executed().length > step.killAfter!);
              building.process.kill("SIGKILL");
              const done = await building.finished;
              if (done.code === null) tally.kills++;
              const finished = new Set(
                eventsOf(done.stdout).flatMap((event) => (event.kind === "target-finished" ? [event.target] : [])),
              );
              for (const name of executed()) {
                expect(known.has(keys.get(name)!), `${context}: ${name} was executed again`).toBe(false);
                if (failing.has(name)) continue;
                if (done.code !== null || finished.has(name.split(".")[0]!)) known.add(keys.get(name)!);
                else perhaps.add(name);
              }
            }
            const due = [...keys].filter(([, key]) => !known.has(key)).map(([name]) => name);
            bench.marks.clear();
            const isWhole = values.every((value) => value !== undefined);
            await bench.build(["-k"], isWhole ? 0 : 1);
            const sure = (names: readonly string[]) => names.filter((name) => !perhaps.has(name)).sort();
            expect(sure(executed()), context).toEqual(sure(due));
            expect(new Set(executed()).size, `${context}: each once`).toBe(executed().length);
            for (const [i, value] of values.entries())
              if (value !== undefined)
                expect([i, bench.rig.read(`runs/default/t${i}/out.txt`)], context).toEqual([i, String(value)]);
            for (const [name, key] of keys) if (!failing.has(name)) known.add(key);
            tally.builds++;
            tally.failures += failing.size;
            tally.executed += due.length;
            tally.spared += keys.size - due.length;
          }
          // The model is not the judge of itself.
          const clean = projectOf(targets, state);
          const { values } = modelOf(targets, state);
          await clean.build(["-k"], values.includes(undefined) ? 1 : 0);
          for (const [i, value] of values.entries())
            if (value !== undefined)
              expect(clean.rig.read(`runs/default/t${i}/out.txt`)).toBe(bench.rig.read(`runs/default/t${i}/out.txt`));
        },
      ),
      { numRuns: countOf("fanOutGraphs"), seed, endOnFailure: true },
    );
    found(
      `${tally.graphs} graphs, ${tally.builds} builds, ${tally.kills} kills, ${tally.failures} failing actions: ` +
        `${tally.executed} actions were due and executed, ${tally.spared} were spared`,
    );
  },
);

// Random graphs of small targets under random edits: what an incremental build leaves is what a clean one would make,
// and what it computed is exactly what had to be computed.

import { renameSync, utimesSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { benchOf, plainExpfile, plainRule, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

/** A target: adds up its inputs, its file, its config and a number in its code, and keeps the remainder: few values, so that edits often change nothing. */
interface Target {
  readonly dependsOn: readonly number[];
  readonly modulus: number;
}

type Edit =
  | { readonly kind: "file" | "config" | "code"; readonly target: number; readonly value: number }
  | { readonly kind: "touch" | "replace" | "delete-output" | "edit-output"; readonly target: number }
  | { readonly kind: "delete-cache" }
  | { readonly kind: "shuffle" };

interface State {
  readonly files: number[];
  readonly configs: number[];
  readonly codes: number[];
}

const targetsArbitrary = fc
  .array(fc.record({ bits: fc.nat(63), modulus: fc.integer({ min: 1, max: 3 }) }), { minLength: 3, maxLength: 7 })
  .map((drawn): Target[] =>
    drawn.map(({ bits, modulus }, i) => ({
      dependsOn: Array.from({ length: i }, (_, j) => j).filter((j) => (bits >> j) & 1),
      modulus,
    })),
  );

const editArbitrary: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("file", "config", "code"), target: fc.nat(6), value: fc.nat(5) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("touch", "replace", "delete-output", "edit-output"),
      target: fc.nat(6),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("delete-cache", "shuffle") }) },
);

function projectOf(targets: readonly Target[], state: State): Bench {
  const names = targets.map((_, i) => `t${i}`);
  const wires = targets.map(({ dependsOn }, i) => {
    const inputs = dependsOn.map((j) => `d${j}: t${j}_.out`).concat(`file: source("data/${i}.txt", text())`);
    return `const t${i}_ = t${i}({ ${inputs.join(", ")} });`;
  });
  const rules = targets.map(({ dependsOn, modulus }, i) => {
    const inputs = dependsOn.map((j) => `d${j}: text()`).concat("file: text()");
    return plainRule(
      `t${i}`,
      `config: z.strictObject({ add: z.int() }), inputs: { ${inputs.join(", ")} }, outputs: { out: text() }`,
      `let sum = config.add + ${codeOf(state.codes[i]!)};
  for (const input of Object.values(inputs)) sum += Number(await input.read());
  await outputs.out.write(String(sum % ${modulus}));`,
    );
  });
  const bench = benchOf({
    ...plainExpfile(names, `${wires.join(" ")} return { ${names.map((name) => `${name}: ${name}_`).join(", ")} };`),
    ...(Object.assign({}, ...rules) as Record<string, string>),
  });
  writeState(bench, state);
  return bench;
}

function codeOf(value: number): string {
  return `Number("${value}")`;
}

function writeState(bench: Bench, { files, configs }: State): void {
  bench.rig.write({
    "configs/default.yaml": ["version: 1", ...configs.map((add, i) => `t${i}: { add: ${add} }`), ""].join("\n"),
    ...Object.fromEntries(files.map((value, i) => [`data/${i}.txt`, String(value)])),
  });
}

/** What every target holds, and the keys that say so. */
function evaluate(
  targets: readonly Target[],
  state: State,
): { readonly values: readonly number[]; readonly keys: readonly string[] } {
  const values: number[] = [];
  const keys = targets.map(({ dependsOn, modulus }, i) => {
    const [file, config, code] = [state.files[i]!, state.configs[i]!, state.codes[i]!];
    const inputs = dependsOn.map((j) => values[j]!);
    values.push([file, config, code, ...inputs].reduce((sum, value) => sum + value, 0) % modulus);
    return JSON.stringify([i, file, config, code, inputs]);
  });
  return { values, keys };
}

function apply(edit: Edit, bench: Bench, state: State): void {
  if (edit.kind === "delete-cache") return bench.rig.remove("cache");
  if (edit.kind === "shuffle") return;
  const i = edit.target % state.files.length;
  const file = bench.rig.path(`data/${i}.txt`);
  const output = `runs/default/t${i}/out.txt`;
  switch (edit.kind) {
    case "file":
      state.files[i] = edit.value;
      bench.rig.write({ [`data/${i}.txt`]: String(edit.value) });
      return;
    case "config":
      state.configs[i] = edit.value;
      writeState(bench, state);
      return;
    case "code":
      bench.rig.write({
        [`rules/t${i}.ts`]: bench.rig.read(`rules/t${i}.ts`).replace(codeOf(state.codes[i]!), codeOf(edit.value)),
      });
      state.codes[i] = edit.value;
      return;
    case "touch":
      utimesSync(file, new Date(), new Date());
      return;
    case "replace":
      bench.rig.write({ spare: String(state.files[i]) });
      renameSync(bench.rig.path("spare"), file);
      return;
    case "delete-output":
      bench.rig.remove(output);
      return;
    case "edit-output":
      bench.rig.write({ [output]: "edited" });
  }
}

test(
  `random graphs under random edits hold what a clean build makes, and compute what is new and nothing else (seed ${seed})`,
  patience,
  async () => {
    const tally = { graphs: 0, builds: 0, targets: 0, computed: 0 };
    await fc.assert(
      fc.asyncProperty(
        targetsArbitrary,
        fc.array(fc.array(editArbitrary, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 }),
        async (targets, steps) => {
          const zeros = () => targets.map(() => 0);
          const state: State = { files: zeros(), configs: zeros(), codes: zeros() };
          const bench = projectOf(targets, state);
          const known = new Set<string>();
          tally.graphs++;
          for (const [step, edits] of [[], ...steps].entries()) {
            for (const edit of edits) apply(edit, bench, state);
            const { values, keys } = evaluate(targets, state);
            const due = keys.flatMap((key, i) => (known.has(key) ? [] : [`t${i}`])).sort();
            bench.marks.clear();
            const args = step % 2 === 0 ? ["-j1"] : [];
            const env = {
              ...bench.options.env,
              ...(edits.some(({ kind }) => kind === "shuffle") && { EXP_SHUFFLE: String(step) }),
            };
            await bench.rig.build(args, 0, { env });
            const outputs = targets.map((_, i) => Number(bench.rig.read(`runs/default/t${i}/out.txt`)));
            expect(outputs, `step ${step}`).toEqual(values);
            expect(bench.marks.lines.map(({ name }) => name).sort(), `step ${step}`).toEqual(due);
            for (const key of keys) known.add(key);
            tally.builds++;
            tally.targets += targets.length;
            tally.computed += due.length;
          }
          // The model is not the judge of itself: a clean project must hold the same.
          const clean = projectOf(targets, state);
          await clean.build();
          for (const i of targets.keys())
            expect(clean.rig.read(`runs/default/t${i}/out.txt`)).toBe(bench.rig.read(`runs/default/t${i}/out.txt`));
        },
      ),
      { numRuns: countOf("graphs"), seed, endOnFailure: true },
    );
    found(
      `${tally.graphs} graphs, ${tally.builds} builds: of ${tally.targets} targets ${tally.computed} had to be computed, and were`,
    );
  },
);

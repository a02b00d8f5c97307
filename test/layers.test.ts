// The layers of the design: imports point down, types included. Prints the first that points up.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { repository } from "./rig.ts";

/** From the bottom up. A file may import from its own layer and from those below. */
const layers: readonly (readonly string[])[] = [
  ["util"],
  ["model"],
  // What users import: libraries that know nothing of the engine, and the contracts that planning reads.
  ["table", "stats", "table.ts"],
  ["api", "planning", "seed.ts"],
  ["backends"],
  ["engine"],
  ["runs"],
  ["fast", "project"],
  ["report"],
  ["ui", "commands"],
  ["index.ts", "main.ts", "exp.ts"],
];

const source = join(repository, "src");

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(folder: string): readonly Import[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.m?[jt]s$/.test(name));
  return files.flatMap((name) => {
    const file = join(folder, name);
    const text = readFileSync(file, "utf8").replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
    const specifiers = [...text.matchAll(/(?:^|[^\w$.])(?:from|import)\s*\(?\s*"([^"\n]+)"/g)].map(
      (match) => match[1]!,
    );
    return specifiers.map((specifier) => ({
      from: relative(repository, file),
      to: specifier.startsWith(".") ? relative(repository, join(dirname(file), specifier)) : specifier,
    }));
  });
}

const partOf = (path: string) => path.split("/")[1]!;
const layerOf = (path: string) => layers.findIndex((parts) => parts.includes(partOf(path)));
const ownImports = importsOf(source);
const inside = ownImports.filter(({ to }) => to.startsWith("src/"));
const firstOf = (wrong: readonly Import[]) => wrong.map(({ from, to }) => `${from} imports ${to}`)[0] ?? "none";

test("every part of src/ has its layer", () => {
  expect(readdirSync(source).filter((name) => layerOf(`src/${name}`) < 0)).toEqual([]);
  expect(inside.length).toBeGreaterThan(100);
});

test("imports point down the layers", () => {
  expect(firstOf(inside.filter(({ from, to }) => layerOf(to) > layerOf(from)))).toBe("none");
});

test("the fast path imports Node's own modules only", () => {
  const fast = ownImports.filter(({ from }) => from.startsWith("src/fast/") || from === "src/exp.ts");
  expect(
    firstOf(fast.filter(({ to }) => !to.startsWith("node:") && !to.startsWith("src/fast/") && to !== "./main.js")),
  ).toBe("none");
});

test("a store and an executor know only the interface of the others", () => {
  const kinds = ["store", "executors"];
  const shared = [
    "src/backends/store/store.ts",
    "src/backends/store/action-cache.ts",
    "src/backends/executors/executor.ts",
    // What a build may spend is one account for all of them.
    "src/backends/executors/budget.ts",
  ];
  const implementation = (path: string) => /^src\/backends\/[^/]+\/([^/.]+)/.exec(path)?.[1];
  const across = inside.filter(
    ({ from, to }) =>
      from.startsWith("src/backends/") &&
      to.startsWith("src/backends/") &&
      kinds.some((kind) => from.startsWith(`src/backends/${kind}/`)) &&
      !shared.includes(to) &&
      dirname(to) !== "src/backends/store" &&
      implementation(from) !== implementation(to),
  );
  // The worker is the part of the executors that runs where the action runs: each of them starts it. What runs elsewhere is sent in one way.
  const common = /^src\/backends\/executors\/(worker|remote)\//;
  expect(firstOf(across.filter(({ to }) => !common.test(to)))).toBe("none");
});

test("only the project names concrete stores and executors", () => {
  const concrete = /^src\/backends\/(store|executors)\/(local|modal|slurm|s3|volume)/;
  const users = inside.filter(({ from, to }) => concrete.test(to) && !/^src\/(project|backends)\//.test(from));
  expect(firstOf(users)).toBe("none");
});

test("the engine knows no domain, and prints nothing", () => {
  const engine = importsOf(join(source, "engine"));
  expect(
    firstOf(engine.filter(({ to }) => /^src\/(ui|report|commands|project)\//.test(to) || to.startsWith("rules/"))),
  ).toBe("none");
  expect(firstOf(ownImports.filter(({ to }) => to.startsWith("rules/")))).toBe("none");
});

test("rules import only the public API", () => {
  const rules = importsOf(join(repository, "rules"));
  const wrong = rules.filter(({ to }) => to.startsWith("src/") || /^expfile\/(?!table$|stats$|seed$)/.test(to));
  expect(rules.some(({ to }) => to === "expfile")).toBe(true);
  expect(firstOf(wrong)).toBe("none");
});

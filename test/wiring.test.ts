// Wiring: what fits compiles, what does not is an error that names both ends. The compiler is the real one; so is the program.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, repository } from "./rig.ts";
import { wordsProject } from "./words.fixture.ts";

const rules = `import { contract, fanOut, json, list, optional, rule, source, table, text, type, z } from "expfile";
import type { Context } from "expfile";

export const generate = rule(
  contract({ name: "lab/generate", outputs: { peptides: json<readonly string[]>(), rows: table({ id: "string", mass: "double" }), log: optional(text()) } }),
  () => import("./recipe.ts").then((m) => m.any),
);
export const judge = rule(
  contract({ name: "lab/judge", inputs: { peptides: json<readonly string[]>() }, outputs: { scores: json<readonly number[]>() } }),
  () => import("./recipe.ts").then((m) => m.any),
);
export const weigh = rule(
  contract({ name: "lab/weigh", inputs: { rows: table({ id: "string", mass: "string" }) }, outputs: { page: text(".md") } }),
  () => import("./recipe.ts").then((m) => m.any),
);
export const print = rule(
  contract({ name: "lab/print", inputs: { line: text() }, outputs: { page: text(".md") } }),
  () => import("./recipe.ts").then((m) => m.any),
);
export const collect = rule(
  contract({ name: "lab/collect", inputs: { parts: list(json<readonly number[]>()), log: optional(text()) }, outputs: { page: text(".md") } }),
  () => import("./recipe.ts").then((m) => m.any),
);
export const reading = contract({
  name: "lab/read",
  config: z.strictObject({ depth: z.int().default(1), width: z.int().default(2) }),
  arms: z.strictObject({ heat: z.number() }),
  inputs: { peptides: json<readonly string[]>() },
  outputs: { page: text(".md") },
});
export type All = Context<typeof reading>;
export type Depth = Context<typeof reading, "depth" | "arms">;
export { fanOut, source, type, text, json };
`;

/** File → what it holds. Those that begin with `wrong` must not compile, the others must. */
const files: Readonly<Record<string, string>> = {
  "rules.ts": rules,
  "recipe.ts": "export const any = async (_context: unknown): Promise<void> => undefined;\n",
  "right.ts": `import { collect, generate, json, judge, source } from "./rules.ts";
const made = generate();
const judged = judge({ peptides: made.peptides });
judge({ peptides: source("data/peptides.json", json<readonly string[]>()) }, { config: "judges", timeoutMs: 1000 });
export const page = [collect({ parts: [judged.scores, judged.scores] }), collect({ parts: [], log: made.log })];
`,
  "right-reads.ts": `import type { All, Depth } from "./rules.ts";
export const all = ({ config }: All): number => config.depth + config.width;
export const some = ({ config, arms }: Depth): number => config.depth + (arms[0]?.settings.heat ?? 0);
`,
  "wrong-value.ts": `import { collect, generate } from "./rules.ts";
export const page = collect({ parts: [generate().peptides] });
`,
  "wrong-slot.ts": `import { generate, judge } from "./rules.ts";
export const judged = judge({ peptides: judge({ peptides: generate().peptides }).scores });
`,
  "wrong-format.ts": `import { generate, judge } from "./rules.ts";
export const judged = judge({ peptides: generate().rows });
`,
  "wrong-columns.ts": `import { generate, weigh } from "./rules.ts";
export const page = weigh({ rows: generate().rows });
`,
  "wrong-source.ts": `import { judge, source, text } from "./rules.ts";
export const judged = judge({ peptides: source("data/peptides.txt", text()) });
`,
  "wrong-unknown.ts": `import { generate, judge } from "./rules.ts";
export const judged = judge({ peptides: generate().peptides, extra: generate().peptides });
`,
  "wrong-missing.ts": `import { judge } from "./rules.ts";
export const judged = [judge({}), judge()];
`,
  "wrong-optional.ts": `import { generate, print } from "./rules.ts";
export const printed = print({ line: generate().log });
`,
  "wrong-reads.ts": `import type { All, Depth } from "./rules.ts";
export const width = ({ config }: Depth): number => config.width;
export const seed = (context: Depth): number => context.seed;
export const arms = (context: All): unknown => context.arms;
export const out = ({ outputs }: All): unknown => outputs.pages;
`,
};

let folder: string;
let messages: ReadonlyMap<string, string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "exp-types-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const at = (path: string) => [join(repository, path)];
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(repository, "tsconfig.json"),
      compilerOptions: {
        noEmit: true,
        paths: { expfile: at("src/index.ts"), "expfile/table": at("src/table.ts") },
      },
      include: ["*.ts"],
    }),
  );
  const { stdout } = spawnSync(
    process.execPath,
    [join(repository, "node_modules/typescript/bin/tsc"), "--pretty", "false"],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  const byFile = new Map<string, string>();
  let current = "";
  for (const line of stdout.split("\n")) {
    current = /^([\w./-]+\.ts)\(/.exec(line)?.[1] ?? current;
    byFile.set(current, `${byFile.get(current) ?? ""}${line}\n`);
  }
  messages = byFile;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the compiler", () => {
  test("right wiring compiles, and nothing but the wrong files is complained about", () => {
    const wrong = Object.keys(files).filter((name) => name.startsWith("wrong"));
    expect([...messages.keys()].filter((name) => name !== "").sort()).toEqual(wrong.sort());
  });

  test.each([
    ["wrong-slot.ts", '"lab/judge.scores"', '"lab/judge.peptides"'],
    ["wrong-value.ts", '"lab/generate.peptides"', '"lab/collect.parts"'],
    ["wrong-format.ts", '"lab/generate.rows"', '"lab/judge.peptides"'],
    ["wrong-columns.ts", '"lab/generate.rows"', '"lab/weigh.rows"'],
    ["wrong-optional.ts", '"lab/generate.log"', '"lab/print.line"'],
    ["wrong-source.ts", "Source<TextFile", '"lab/judge.peptides"'],
  ])("%s names both ends: %s and %s", (file, from, to) => {
    expect(messages.get(file)).toContain(from);
    expect(messages.get(file)).toContain(to);
  });

  test("an input that the rule does not take is named", () => {
    expect(messages.get("wrong-unknown.ts")).toContain("'extra' does not exist");
  });

  test("an input that is missing is named, and so is a call without any", () => {
    expect(messages.get("wrong-missing.ts")).toContain("Property 'peptides' is missing");
    expect(messages.get("wrong-missing.ts")).toMatch(/Expected 1-2 arguments, but got 0/);
  });

  test("a recipe sees only what it reads", () => {
    const message = messages.get("wrong-reads.ts") ?? "";
    for (const name of ["width", "seed", "arms", "pages"])
      expect(message).toContain(`Property '${name}' does not exist`);
    expect(message.match(/error TS/g)).toHaveLength(4);
  });
});

describe("the program, where nobody compiled", () => {
  test("an input that the rule does not take is named with the one that is meant", async () => {
    const rig = wordsProject();
    rig.edit("Expfile.ts", "report({ scores: judged.scores })", "report({ score: judged.scores })");
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('target "report" is handed "score", which rule words/report does not take');
    expect(done.stderr).toContain('Did you mean "scores"?');
    expect(done.stderr).toContain('target "report" is not handed its input "scores"');
  });

  test("a target that is used and not returned is named", async () => {
    const rig = wordsProject();
    rig.edit("Expfile.ts", "prepare: prepared, ", "");
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("uses a target of rule words/prepare that has no name");
  });

  test("an output that was not declared by the other rule is named", async () => {
    const rig = wordsProject();
    rig.edit("Expfile.ts", "judged.scores", "judged.score");
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('target "report" is not handed its input "scores"');
  });

  test("a list input gets its members in the order in which they are wired", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, list, rule, text, z } from "expfile";
const say = rule(contract({ name: "say", config: z.strictObject({ word: z.string() }), outputs: { said: json<string>() } }), () => import("./say.ts").then((m) => m.say));
const join = rule(contract({ name: "join", inputs: { parts: list(json<string>()) }, outputs: { line: text() } }), () => import("./say.ts").then((m) => m.join));
export default experiments({
  main: () => {
    const [a, b] = [say(), say()];
    return { a, b, joined: join({ parts: [b.said, a.said, b.said] }) };
  },
});
`,
      "say.ts": `export const say = async ({ config, outputs }) => outputs.said.write(config.word);
export const join = async ({ inputs, outputs }) => outputs.line.write((await Promise.all(inputs.parts.map((part) => part.read()))).join(" "));
`,
      "configs/default.yaml": "version: 1\na: { word: fine }\nb: { word: very }\n",
    });
    await rig.build();
    expect(rig.read("runs/default/joined/line.txt")).toBe("very fine very");
    rig.edit("configs/default.yaml", "word: fine", "word: nice");
    const built = await rig.build();
    expect(built.targets).toEqual({ a: "computed", b: "fresh", joined: "computed" });
    expect((await rig.exp("why", "joined")).stdout).toContain("input parts[1]");
  });
});

// Slips in an Expfile that nobody has compiled: each is told at its place, with what to do, and none ends in the program's own words.

import { expect, test } from "vitest";
import { makeProject, type Finished, type Rig } from "./rig.ts";

/** The slip is on line 7. */
const project = (slip: string): Rig =>
  makeProject({
    "Expfile.ts": `import * as expfile from "expfile";
const { command, contract, experiments, fanOut, gate, handoff, json, list, named, rule, source, sourceFiles, table, text, type, z } = expfile;
const out = { out: text() };
const recipe = () => import("./recipe.ts");
const plain = contract({ name: "t/plain", outputs: out });
const [give, one, many] = [rule(plain, recipe), rule(contract({ name: "t/one", inputs: { a: text() }, outputs: out }), recipe), rule(contract({ name: "t/many", inputs: { a: list(text()) }, outputs: out }), recipe)];
export default ${slip};
`,
    "recipe.ts": 'export const recipe = ({ outputs }) => outputs.out.write("made");',
  });

const main = (targets: string) => `experiments({ main: () => (${targets}) })`;
const target = (made: string) => main(`{ x: ${made} }`);

function expectTold({ code, stdout, stderr }: Finished): void {
  const said = stdout + stderr;
  expect(code, said).toBe(2);
  expect(said).not.toMatch(/internal error|\n\s+at |TypeError|is not a function|is not iterable|Cannot (read|convert)/);
}

/** What is known when a call is made is told where it was made. */
test.each([
  [
    "a command without code",
    target(`rule(plain, command({ argv: () => ["true"] }))()`),
    "rule t/plain: its command has no `code`",
    '["tools/fold.py"]',
  ],
  [
    "code that is no list",
    target(`rule(plain, command({ code: "x.py", argv: () => ["true"] }))()`),
    '`code` is "x.py"',
    "It has to be a list",
  ],
  [
    "an argv that is no function",
    target(`rule(plain, command({ code: ["recipe.ts"], argv: ["true"] }))()`),
    "`argv` is a list",
    "It has to be a function",
  ],
  [
    "an unknown option of a command",
    target(`rule(plain, command({ code: ["recipe.ts"], argv: () => ["true"], timeout: 3 }))()`),
    'its command: unknown key "timeout"',
    'Did you mean "timeoutMs"?',
  ],
  ["an unknown option of a recipe", target(`rule(plain, { recipe, retry: 3 })()`), 'unknown key "retry"', "retries"],
  [
    "an option of the wrong kind",
    target(`rule(plain, { recipe, env: "HOME" })()`),
    '`env` is "HOME"',
    "It has to be a list of texts.",
  ],
  [
    "a field that nobody can read",
    target(`rule(plain, { recipe, reads: ["sede"] })()`),
    'it reads "sede"',
    "What can be read: arms, control, labels, notes, seed.",
  ],
  [
    "a recipe by its path",
    target(`rule(plain, "./recipe.ts")()`),
    'rule t/plain: its recipe is "./recipe.ts"',
    '() => import("./recipe.ts")',
  ],
  [
    "a recipe that is imported at once",
    target(`rule(plain, import("./recipe.ts"))()`),
    "its recipe is a promise",
    '() => import("./recipe.ts")',
  ],
  ["a recipe that was forgotten", target(`rule(plain)()`), "its recipe is undefined", '() => import("./recipe.ts")'],
  [
    "a contract that was forgotten",
    target(`rule(recipe)()`),
    "rule(…) is given a function where a contract belongs",
    "contract({ name",
  ],
  [
    "a contract without outputs",
    target(`rule(contract({ name: "t/x" }), recipe)()`),
    "the contract t/x has no `outputs`",
    "It has to be an object.",
  ],
  [
    "an unknown key of a contract",
    target(`rule(contract({ name: "t/x", input: {}, outputs: out }), recipe)()`),
    'the contract t/x: unknown key "input"',
    'Did you mean "inputs"?',
  ],
  [
    "a slot that was not called",
    target(`rule(contract({ name: "t/x", outputs: { out: text } }), recipe)()`),
    'output "out" is a function',
    "text()",
  ],
  [
    "a list as an output",
    target(`rule(contract({ name: "t/x", outputs: { out: list(text()) } }), recipe)()`),
    'output "out" is a slot of several files',
    "a slot of one file or folder",
  ],
  [
    "an output that is called as a field of targets",
    target(`rule(contract({ name: "t/x", outputs: { $target: text() } }), recipe)()`),
    'output "$target" cannot be called so',
    "Use letters",
  ],
  [
    "an input slot that is a word",
    target(`rule(contract({ name: "t/x", inputs: { a: "text" }, outputs: out }), recipe)()`),
    'input "a" is "text"',
    "It has to be a slot",
  ],
  [
    "a config that is no schema",
    target(`rule(contract({ name: "t/x", config: { n: 3 }, outputs: out }), recipe)()`),
    "`config` is an object",
    "z.strictObject",
  ],
  [
    "an end of a name without its dot",
    target(`rule(contract({ name: "t/x", outputs: { out: text("md") } }), recipe)()`),
    'what `text` is given is "md"',
    'text(".md")',
  ],
  [
    "a column of an unknown kind",
    target(`rule(contract({ name: "t/x", outputs: { out: table({ id: "strng" }) } }), recipe)()`),
    'column "id": unknown kind "strng"',
    "table({ id",
  ],
  [
    "a value's schema that is none",
    target(`rule(contract({ name: "t/x", outputs: { out: json({ n: 3 }) } }), recipe)()`),
    "what `json` is given is an object",
    "a schema of zod",
  ],
  [
    "a name and a slot the other way about",
    target(`rule(contract({ name: "t/x", outputs: { out: named(text(), "a") } }), recipe)()`),
    "the name that `named` is given is a slot",
    "a file's name",
  ],
  [
    "patterns that are no function",
    target(`rule(contract({ name: "t/x", inputs: { a: sourceFiles("a.txt") }, outputs: out }), recipe)()`),
    'what `sourceFiles` is given is "a.txt"',
    "It has to be a function.",
  ],
  [
    "a source without its slot",
    target(`one({ a: source("recipe.ts") })`),
    'what source("recipe.ts", …) is given is undefined',
    "text()",
  ],
  ["inputs that are a path", target(`one("a.txt")`), 'a target of rule t/one is handed "a.txt"', "{ a: … }"],
  ["inputs that are null", target(`one(null)`), "a target of rule t/one is handed null", "{ a: … }"],
  [
    "options that are a word",
    target(`give({}, "base")`),
    "the options of a target of rule t/plain",
    "Known keys: config",
  ],
  [
    "a fan-out of a contract without items",
    target(`fanOut(plain, { split: recipe, recipes: { a: recipe }, merge: recipe })()`),
    "its contract has no `items`",
    "one item",
  ],
  [
    "a fan-out without recipes",
    target(
      `fanOut(contract({ name: "t/f", items: { item: type(), outputs: out }, outputs: out }), { split: recipe, merge: recipe })()`,
    ),
    "rule t/f has no `recipes`",
    "at least one recipe",
  ],
  [
    "an unknown part of a fan-out",
    target(
      `fanOut(contract({ name: "t/f", items: { item: type(), outputs: out }, outputs: out }), { split: recipe, recipes: { a: recipe }, merge: recipe, bach: 3 })()`,
    ),
    'unknown key "bach"',
    'Did you mean "batch"?',
  ],
  ["a gate without its recipe", target(`gate({ name: "t/g" })()`), "rule t/g: its recipe is undefined", "import"],
  [
    "a gate with an output",
    target(`gate({ name: "t/g", outputs: out }, recipe)()`),
    "a gate: `outputs` is an object",
    "what a gate makes is its verdict",
  ],
  [
    "a handoff without requests",
    target(`handoff({ name: "t/h", config: z.strictObject({}) })()`),
    "a handoff has no `requests`",
    "It has to be a function.",
  ],
  ["no experiments", "experiments()", "what `experiments` is given is undefined", "experiments({ main"],
  [
    "targets in place of experiments",
    "experiments({ x: give() })",
    'the experiment "x" is a target',
    "a function that returns targets",
  ],
  [
    "an unknown setting",
    `experiments({ main: () => ({ x: give() }) }, { cache: { maxsize: "5 GB" } })`,
    'unknown key "maxsize"',
    'Did you mean "maxSize"?',
  ],
  [
    "what is used before it is there",
    main(`(() => { const x = one({ a: y.out }); const y = give(); return { x, y }; })()`),
    `declaring experiment "main" threw: Cannot access 'y' before initialization`,
    "y.out",
  ],
])("%s", async (_, slip, what, fix) => {
  const done = await project(slip).exp("build");
  expectTold(done);
  expect(done.stderr).toMatch(/^Expfile\.ts:7:\d+ /);
  expect(done.stderr).toContain(what);
  expect(done.stderr).toContain(fix);
});

/** What only the whole experiment shows is told of the target, all of it at once. */
test.each([
  [
    "a path",
    target(`one({ a: "data.txt" })`),
    'target "x" is handed "data.txt" as its input "a"',
    'source("data.txt", text())',
  ],
  ["a number", target(`one({ a: 3 })`), 'is handed 3 as its input "a"', "source("],
  ["null", target(`one({ a: null })`), 'is handed null as its input "a"', "source("],
  ["a promise", target(`one({ a: Promise.resolve() })`), 'is handed a promise as its input "a"', "source("],
  [
    "a target in place of its output",
    main(`(() => { const g = give(); return { g, x: one({ a: g }) }; })()`),
    'is handed a target as its input "a"',
    "Hand over one of its outputs: .out.",
  ],
  [
    "several where one belongs",
    main(`(() => { const g = give(); return { g, x: one({ a: [g.out] }) }; })()`),
    'is handed a list as its input "a"',
    "list(…)",
  ],
  [
    "one where several belong",
    main(`(() => { const g = give(); return { g, x: many({ a: g.out }) }; })()`),
    'is handed an output of a target as its input "a", where a list belongs',
    "a: […]",
  ],
  [
    "paths, each of them",
    target(`many({ a: ["a.txt", null] })`),
    'is handed "a.txt" as its input "a[0]"',
    'is handed null as its input "a[1]"',
  ],
  [
    "a file where the config names them",
    target(
      `rule(contract({ name: "t/x", inputs: { a: sourceFiles(() => []) }, outputs: out }), recipe)({ a: "data.txt" })`,
    ),
    'is handed "data.txt" as its input "a", whose files the config names',
    "Take it away",
  ],
  [
    "a target that needs itself",
    main(`(() => { const handed = {}; const x = one(handed); handed.a = x.out; return { x }; })()`),
    'target "x" needs itself',
    "make what it needs first",
  ],
  ["no target", target("undefined"), '"x" is undefined, where a target belongs', "a rule returns"],
  ["a rule that was not called", target("give"), '"x" is a function, where a target belongs', "call it"],
  [
    "an output as a target",
    target("give().out"),
    '"x" is an output of a target, where a target belongs',
    "a rule returns",
  ],
  [
    "a promise as a target",
    target("Promise.resolve(give())"),
    '"x" is a promise, where a target belongs',
    "a rule returns",
  ],
  [
    "one target under two names",
    main(`(() => { const g = give(); return { g, x: g }; })()`),
    '"x" and "g" are the same target',
    "under one name",
  ],
  [
    "an experiment that returns nothing",
    "experiments({ main: () => { give(); } })",
    'experiment "main" returns nothing',
    "Return targets",
  ],
  ["an experiment that returns a list", main("[give()]"), 'experiment "main" returns a list', "Return targets"],
  ["an experiment that returns one target", main("give()"), 'experiment "main" returns a target', "Return targets"],
  [
    "an experiment that has to be waited for",
    "experiments({ main: async () => ({ x: give() }) })",
    'experiment "main" returns a promise',
    "take `async` away",
  ],
  [
    "an argv that gives no list",
    target(`rule(plain, command({ code: ["recipe.ts"], argv: () => "true" }))()`),
    `the command's argv gave "true" where a list belongs`,
    'needed by target "x"',
  ],
  [
    "an argv that gives no word",
    target(`rule(plain, command({ code: ["recipe.ts"], argv: () => [] }))()`),
    "the command's argv gave no word",
    'needed by target "x"',
  ],
  [
    "an argv with a gap",
    target(`rule(plain, command({ code: ["recipe.ts"], argv: () => ["sh", undefined] }))()`),
    "the command's argv gave undefined where a word belongs",
    'needed by target "x"',
  ],
  [
    "patterns that are no list",
    target(
      `rule(contract({ name: "t/x", inputs: { a: sourceFiles((config) => config.files) }, outputs: out }), recipe)()`,
    ),
    'the patterns of input "a" gave undefined where a list belongs',
    'needed by target "x"',
  ],
  [
    "requests that are paths",
    target(`handoff({ name: "t/h", config: z.strictObject({}), requests: () => ["a.txt"] })()`),
    `the handoff's requests gave "a.txt" where { path, what, how } belongs`,
    'needed by target "x"',
  ],
  [
    "a recipe that is no import",
    target("rule(plain, ({ outputs }) => outputs.out.path)()"),
    "what should import the recipe threw",
    '() => import("./recipe.ts")',
  ],
  [
    "a recipe that gives a path",
    target(`rule(plain, () => "./recipe.ts")()`),
    'what should import the recipe gave "./recipe.ts"',
    '() => import("./recipe.ts")',
  ],
])("of the whole: %s", async (_, slip, what, fix) => {
  const done = await project(slip).exp("build");
  const said = done.stdout + done.stderr;
  // A recipe that is none fails in words of its own, which are told.
  if (!what.includes("threw")) expectTold(done);
  expect(done.code).toBe(2);
  expect(said).toContain(`Expfile.ts: ${what.startsWith("is handed") ? 'target "x" ' : ""}${what}`);
  expect(said).toContain(fix);
});

test("what a module beside the Expfile has wrong is told at its own line", async () => {
  const rig = project(target(`beside.wrong()`));
  rig.edit("Expfile.ts", 'from "expfile";', 'from "expfile"; import * as beside from "./rules/beside.ts";');
  rig.write({
    "rules/beside.ts": `import { contract, rule, text } from "expfile";

export const wrong = rule(contract({ name: "t/beside", outputs: {} }), { recipes: 3 });
`,
  });
  const done = await rig.exp("plan");
  expectTold(done);
  expect(done.stderr).toBe(`rules/beside.ts:3:22 rule t/beside: its recipe: unknown key "recipes"
  3 │ export const wrong = rule(contract({ name: "t/beside", outputs: {} }), { recipes: 3 });
    │                      ^
  Did you mean "recipe"?
`);
});

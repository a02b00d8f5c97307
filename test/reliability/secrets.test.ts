// Secrets that recipes print, throw, name and pass on: their values are in no file that exp writes, and on no screen.

import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benchOf, oneTarget, plainExpfile, plainRule, type Bench } from "./bench.ts";

/** Of each kind that is hard to find again: quotes, a backslash, a line break, letters of several bytes, characters of base64 and URLs. */
const secrets = {
  PLAIN_KEY: "sk-plain-0123456789abcdef",
  QUOTED_KEY: 'sk-"quoted"\\and/slashed+0123',
  WIDE_KEY: "schlüssel-日本語-schlüssel",
  LINES_KEY: "-----BEGIN-----\nAbCdEfGhIjKl\nMnOpQrStUvWx\n-----END-----",
} as const;
const names = Object.keys(secrets);
const declared = `secrets: ${JSON.stringify(names)},`;

/** What may not be found anywhere: the values as they are, and as JSON and base64 have them. */
const planted = Object.values(secrets).flatMap((value) => [
  value,
  JSON.stringify(value).slice(1, -1),
  Buffer.from(value).toString("base64"),
  encodeURIComponent(value),
  ...value.split("\n"),
]);

/** Every file below the project that exp wrote, by name and by content. */
function leaksIn(bench: Bench): string[] {
  return ["runs", "cache"].flatMap((top) =>
    readdirSync(bench.rig.path(top), { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const content = entry.isFile() ? readFileSync(path, "utf8") : "";
      return planted
        .filter((text) => content.includes(text) || entry.name.includes(text))
        .map((text) => `${path.slice(bench.rig.root.length + 1)}: ${text}`);
    }),
  );
}

function leaksInText(text: string): string[] {
  return planted.filter((each) => text.includes(each));
}

async function expectNoLeaks(bench: Bench, args: readonly string[], code = 0): Promise<string> {
  const env = { ...bench.options.env, ...secrets };
  const screens: string[] = [];
  for (const command of [
    ["build", ...args, "--json"],
    ["build", ...args],
    ["why", ...(args.includes("-k") ? [] : ["it"])],
    ["status"],
    ["runs"],
    ["plan"],
  ]) {
    const done = await bench.rig.start(command, { env }).finished;
    if (command[0] === "build" && command.includes("--json")) expect(done.code, done.stdout + done.stderr).toBe(code);
    screens.push(`${command.join(" ")}:\n${done.stdout}${done.stderr}`);
  }
  expect(leaksInText(screens.join("\n"))).toEqual([]);
  expect(leaksIn(bench)).toEqual([]);
  return screens.join("\n");
}

const all = `[${names.map((name) => `process.env.${name}`).join(", ")}]`;

test("printed, whole and in pieces, in JSON and in base64", async () => {
  const bench = benchOf(
    oneTarget(
      "outputs: { out: text() }",
      `for (const key of ${all}) {
    console.log("the key is " + key);
    console.error("and in JSON", JSON.stringify({ headers: { authorization: "Bearer " + key } }), JSON.stringify(JSON.stringify(key)));
    console.log("Basic " + Buffer.from("user:" + key).toString("base64"), encodeURIComponent(key));
    for (const byte of Buffer.from("by byte: " + key + "\\n")) { process.stdout.write(Buffer.from([byte])); await new Promise(setImmediate); }
    log("logged " + key);
    console.log(new Error("with " + key).stack);
  }
  await outputs.out.write("done");`,
      "",
      declared,
    ),
  );
  await expectNoLeaks(bench, []);
  for (const name of names) expect(bench.rig.read("runs/default/logs/it.log")).toContain(`‹${name}›`);
});

test("in a line that never ends, across the place where it is cut", async () => {
  const bench = benchOf(
    oneTarget(
      "outputs: { out: text() }",
      `for (const key of ${all}) {
    // However the line is cut: some copy lies across.
    const piece = ".".repeat(997) + key.replaceAll("\\n", " ");
    const bytes = Buffer.from(piece.repeat(2500));
    for (let at = 0; at < bytes.length; at += 65_521) process.stdout.write(bytes.subarray(at, at + 65_521));
  }
  await outputs.out.write("done");`,
      "",
      declared,
    ),
  );
  await expectNoLeaks(bench, []);
  expect(bench.rig.read("runs/default/logs/it.log").split("‹PLAIN_KEY›")).toHaveLength(2501);
});

test("in an error, in what it was caused by, in its stack, and in a rejection that nobody handles", async () => {
  const bodies = [
    `throw Object.assign(new Error("refused: " + ${all}.join(", ")), { cause: new Error(process.env.PLAIN_KEY) });`,
    `throw ${all}.join(" and ");`,
    `const error = new Error("x"); error.stack = "Error: x\\n    at " + ${all}.join("\\n    at "); throw error;`,
    `void Promise.reject(new Error(${all}.join(" "))); await new Promise(() => {});`,
    `process.stderr.write(${all}.join("\\n")); process.exit(3);`,
    `fs.writeSync(2, ${all}.join("\\n")); process.abort();`,
  ];
  const rules = bodies.map((_, i) => `it${i}`);
  const bench = benchOf({
    ...plainExpfile(rules, `return { ${rules.map((name) => `${name}: ${name}()`).join(", ")} };`),
    ...(Object.assign(
      {},
      ...bodies.map((body, i) => plainRule(`it${i}`, "outputs: { out: text() }", body, declared)),
    ) as Record<string, string>),
  });
  const screens = await expectNoLeaks(bench, ["-k"], 1);
  for (const name of names) expect(screens).toContain(`‹${name}›`);
});

const command = (argv: string): Record<string, string> => ({
  ...plainExpfile([], "return { it: it() };"),
  "Expfile.ts": `import { experiments } from "expfile";
import { it } from "./rules/it.rule.ts";
export default experiments({ main: () => ({ it: it() }) });
`,
  "rules/it.rule.ts": `import { command, contract, rule, text } from "expfile";
export const it = rule(contract({ name: "bench/it", outputs: { out: text() } }),
  command({ code: ["it.sh"], argv: ${argv}, secrets: ${JSON.stringify(names)} } as any) as any) as any;
`,
});

test("on both streams of a program, in pieces that alternate, and when it fails", async () => {
  for (const end of [0, 3]) {
    const bench = benchOf({
      ...command('({ outputs }: any) => ["sh", "it.sh", outputs.out]'),
      "it.sh": `printf '%s\\n' "$PLAIN_KEY" "$QUOTED_KEY" "$WIDE_KEY" "$LINES_KEY" >&2
half=\${PLAIN_KEY%abcdef}
printf '%s' "$half"; sleep 0.05; printf 'between\\n' >&2; sleep 0.05; printf 'abcdef\\n'
printf '%s' "$PLAIN_KEY"; printf x > "$1"; exit ${end}
`,
    });
    await expectNoLeaks(bench, [], end === 0 ? 0 : 1);
    const log = bench.rig.read("runs/default/logs/it.log");
    expect(log.split("‹PLAIN_KEY›")).toHaveLength(4);
    expect(log).not.toContain("sk-plain");
  }
});

test("in the argv of a program: refused, because argv is part of the record", async () => {
  const bench = benchOf({
    ...command('({ outputs }: any) => ["sh", "it.sh", process.env.PLAIN_KEY ?? "", outputs.out]'),
    "it.sh": 'printf x > "$2"\n',
  });
  const screens = await expectNoLeaks(bench, [], 2);
  expect(screens).toContain("PLAIN_KEY");
});

test("in a config, on the command line and in the name of a run: refused, and not repeated", async () => {
  const bench = benchOf({
    ...oneTarget(
      "config: z.strictObject({ word: z.string().default('x') }), outputs: { out: text() }",
      "await outputs.out.write(config.word);",
      "",
      declared,
    ),
  });
  await expectNoLeaks(bench, []);
  const env = { ...bench.options.env, ...secrets };
  const bad = await bench.rig.start(["build", "--set", `it.word=${secrets.PLAIN_KEY}`, "--json"], { env }).finished;
  expect(bad.code).toBe(2);
  expect(leaksInText(bad.stdout + bad.stderr)).toEqual([]);
  bench.rig.write({ "configs/default.yaml": `version: 1\nit: { word: ${secrets.PLAIN_KEY} }\n` });
  await expectNoLeaks(bench, [], 2);
});

const labelled = '[1, 2, 3].map((n) => ({ item: { n }, label: n + " of " + process.env.PLAIN_KEY }))';

test("in labels of a fan-out: refused, because labels name files; in its logs and errors: masked", async () => {
  const bench = benchOf({
    ...plainExpfile([], "return {};"),
    "Expfile.ts": `import { experiments } from "expfile";
import { items } from "./rules/items.rule.ts";
export default experiments({ main: () => ({ items: items() }) });
`,
    "rules/items.rule.ts": `import { contract, fanOut, text, type } from "expfile";
export const items = fanOut(contract({ name: "bench/items", items: { item: type(), outputs: { value: text() } }, outputs: { all: text() } } as any), {
  split: { recipe: () => import("./items.ts").then((m) => m.split) as any, ${declared} },
  recipes: { one: { recipe: () => import("./items.ts").then((m) => m.one) as any, ${declared} } },
  merge: { recipe: () => import("./items.ts").then((m) => m.merge) as any, ${declared} },
} as any) as any;
`,
    "rules/items.ts": `// @ts-nocheck
export const split = () => { console.log(process.env.WIDE_KEY); return ${labelled}; };
export const one = async ({ item, outputs }) => {
  console.log(${all}.join("\\n"));
  if (item.n === 2) throw new Error("no " + process.env.QUOTED_KEY);
  await outputs.value.write(String(item.n));
};
export const merge = async ({ outputs }) => outputs.all.write("x");
`,
  });
  expect(await expectNoLeaks(bench, ["-k"], 1)).toContain("holds the value of the secret PLAIN_KEY");
  bench.rig.edit("rules/items.ts", ' + " of " + process.env.PLAIN_KEY', " + ''");
  expect(await expectNoLeaks(bench, ["-k"], 1)).toContain("no ‹QUOTED_KEY›");
});

test("of .env, and read while the Expfile is evaluated", async () => {
  const bench = benchOf({
    ...oneTarget(
      "outputs: { out: text() }",
      "console.log(process.env.PLAIN_KEY); await outputs.out.write('x');",
      "",
      declared,
    ),
    ".env": `PLAIN_KEY=${secrets.PLAIN_KEY}\n`,
  });
  chmodSync(bench.rig.path(".env"), 0o600);
  bench.rig.edit(
    "Expfile.ts",
    "export default",
    'if (process.env.QUOTED_KEY === "") throw new Error("empty");\nexport default',
  );
  await expectNoLeaks(bench, []);
  expect(bench.rig.read("runs/default/logs/it.log")).toBe("‹PLAIN_KEY›\n");
});

const paying = (request: string, response: string) =>
  oneTarget(
    "outputs: { out: text() }",
    `const said = await call({ request: ${request} }, async () => ({ response: ${response}, costUsd: 1 }));
  await outputs.out.write(JSON.stringify(said));`,
    "",
    declared,
  );

test("in a paid request: refused before it is sent, because requests are kept", async () => {
  const bench = benchOf(paying("{ key: process.env.PLAIN_KEY }", '"x"'));
  bench.rig.edit("rules/it.ts", "signal }", "signal, call }");
  expect(await expectNoLeaks(bench, [], 1)).toContain("holds the value of the secret PLAIN_KEY");
  expect(bench.rig.has("runs/.archive/calls")).toBe(false);
});

test("in the answer to a paid request: masked before it is kept, the first time as the next", async () => {
  const bench = benchOf(paying('{ model: "m" }', `{ said: ${all}, digits: 123456789 }`));
  bench.rig.edit("rules/it.ts", "signal }", "signal, call }");
  await expectNoLeaks(bench, []);
  const right = { said: names.map((name) => `‹${name}›`), digits: 123456789 };
  expect(JSON.parse(bench.rig.read("runs/default/it/out.txt"))).toEqual(right);
  bench.rig.edit("rules/it.ts", "JSON.stringify(said)", "JSON.stringify(said) + ' '");
  await expectNoLeaks(bench, []);
  expect(JSON.parse(bench.rig.read("runs/default/it/out.txt"))).toEqual(right);
});

test("of digits: numbers of an event stay numbers", async () => {
  const bench = benchOf(
    oneTarget("outputs: { out: text() }", 'throw new Error("refused: " + process.env.PIN);', "", 'secrets: ["PIN"],'),
  );
  // All times of these years begin with it.
  const env = { ...bench.options.env, PIN: String(Date.now()).slice(0, 6) };
  const built = await bench.rig.build([], 1, { env });
  expect(built.events[0]).toMatchObject({ kind: "build-started", at: expect.any(Number) as number });
});

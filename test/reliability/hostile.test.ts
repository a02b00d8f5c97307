// Names, configs and tables made to do harm: a sentence that names the file, bounded memory, and nothing written outside of the project's own folders.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkTable, readTable, TableError, writeTable } from "../../src/table.ts";
import type { Finished } from "../rig.ts";
import { benchOf, oneTarget, plainExpfile, randomFrom, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

const copy = oneTarget("config: z.looseObject({}), outputs: { out: text() }", 'await outputs.out.write("made");');

/** Everything beside runs/ and cache/, and everything beside the project: nothing of it may come or go. */
function surroundingsOf(bench: Bench): string[] {
  const { root } = bench.rig;
  const inside = readdirSync(root).filter((name) => !["runs", "cache"].includes(name));
  const beside = readdirSync(dirname(root)).filter((name) => name.startsWith("evil"));
  return [...inside, ...beside].sort();
}

async function expectRefused(bench: Bench, args: readonly string[], says: RegExp): Promise<Finished> {
  const before = surroundingsOf(bench);
  const done = await bench.exp("build", ...args);
  expect(done.stdout + done.stderr).not.toContain("internal error");
  expect(done.stdout + done.stderr).toMatch(says);
  expect(done.code).toBe(2);
  expect(surroundingsOf(bench)).toEqual(before);
  return done;
}

// --- names ------------------------------------------------------------------------------------------------------

for (const name of ["../evil", "/tmp/evil", "a/b", "..", ".", "", ".archive", "new\nline", "x".repeat(300)]) {
  test(`a run cannot be called ${JSON.stringify(name.slice(0, 12))}`, async () => {
    const bench = benchOf(copy);
    await expectRefused(bench, ["-c", "configs/default.yaml", "--run", name], /name of a run|run/);
  });
}

test("labels of items lead nowhere but into the log's folder, whatever they hold", async () => {
  const labels = [
    "../../../evil",
    "/etc/evil",
    "new\nline",
    "\u001b[2J",
    "x".repeat(5000),
    "e\u0301",
    "é",
    "..",
    "",
    " ",
  ];
  const bench = benchOf({
    ...plainExpfile([], "return {};"),
    "Expfile.ts": `import { experiments } from "expfile";
import { items } from "./rules/items.rule.ts";
export default experiments({ main: () => ({ items: items() }) });
`,
    "rules/items.rule.ts": `import { contract, fanOut, text, type } from "expfile";
export const items = fanOut(contract({ name: "bench/items", items: { item: type(), outputs: { value: text() } }, outputs: { all: text() } } as any), {
  split: () => import("./items.ts").then((m) => m.split) as any,
  recipes: { one: () => import("./items.ts").then((m) => m.one) as any },
  merge: () => import("./items.ts").then((m) => m.merge) as any,
} as any) as any;
`,
    "rules/items.ts": `// @ts-nocheck
export const split = () => ${JSON.stringify(labels)}.map((label, n) => ({ item: { n }, label }));
export const one = async ({ item, outputs }) => { console.log("item", item.n); await outputs.value.write(String(item.n)); };
export const merge = async ({ items, outputs }) => outputs.all.write(String(items.length));
`,
  });
  const before = surroundingsOf(bench);
  await bench.build();
  expect(surroundingsOf(bench)).toEqual(before);
  const logs = readdirSync(bench.rig.path("runs/default/logs/items"));
  expect(logs).toHaveLength(labels.length);
  expect(logs.filter((name) => !/^[\w.=,-]+$/.test(name) || name.length > 120)).toEqual([]);
  // Nor do they reach the terminal as they are.
  bench.rig.edit("rules/items.ts", "console.log", 'if (item.n < 4) throw new Error("\\u001b[2Jno"); console.log');
  const done = await bench.exp("build", "-k");
  expect(done.code).toBe(1);
  expect(done.stdout + done.stderr).not.toContain("\u001b[2J");
});

test("a folder of the run that was made a link to elsewhere is not written through", async () => {
  const bench = benchOf(copy);
  const outside = mkdtempSync(join(tmpdir(), "exp-outside-"));
  onTestFinished(() => rmSync(outside, { recursive: true, force: true }));
  await bench.build();
  bench.rig.remove("runs/default/it");
  writeFileSync(join(outside, "precious.txt"), "precious");
  symlinkSync(outside, bench.rig.path("runs/default/it"));
  const done = await bench.exp("build");
  expect(done.stdout + done.stderr).not.toContain("internal error");
  expect(readFileSync(join(outside, "precious.txt"), "utf8")).toBe("precious");
});

// --- configs ----------------------------------------------------------------------------------------------------

const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
for (let level = 1; level < 12; level++) {
  const [name, last] = [String.fromCharCode(97 + level), String.fromCharCode(96 + level)];
  bomb.push(`${name}: &${name} [${Array(9).fill(`*${last}`).join(",")}]`);
}
const configs: readonly (readonly [name: string, text: string])[] = [
  ["aliases of aliases of aliases", `version: 1\n${bomb.join("\n")}\n`],
  ["an alias of itself", "version: 1\nit: &it { again: *it }\n"],
  ["a nesting of 100,000", `version: 1\nit: ${"[".repeat(100_000)}${"]".repeat(100_000)}\n`],
  [
    "a nesting of 10,000 by indentation",
    `version: 1\n${Array.from({ length: 2000 }, (_, i) => `${" ".repeat(i)}k:`).join("\n")} 1\n`,
  ],
  ["merge keys in a circle", "version: 1\nit: &it\n  <<: *it\n"],
  ["a tag that makes code", 'version: 1\nit: !!js/function "function () { process.exit(7) }"\n'],
  ["bytes that are no text", "version: 1\nit: \u0000\u0001\u0002\n"],
  ["__proto__", "version: 1\nit: { __proto__: { polluted: true } }\n"],
  ["a base that is itself", "version: 1\nextends: default.yaml\n"],
  ["a base that is a device", "version: 1\nextends: /dev/zero\n"],
];
for (const [name, text] of configs) {
  test(`a config with ${name} is taken or refused in words, in bounded memory`, async () => {
    const bench = benchOf({ ...copy, "configs/default.yaml": text });
    const env = { ...bench.options.env, NODE_OPTIONS: "--max-old-space-size=300" };
    const done = await bench.rig.start(["build"], { env }).finished;
    const said = done.stdout + done.stderr;
    expect(said).not.toContain("internal error");
    expect([0, 2], said.slice(0, 2000)).toContain(done.code);
    if (done.code === 2) expect(said).toContain("configs/default.yaml");
    expect(said.length).toBeLessThan(20_000);
  });
}

// --- tables -----------------------------------------------------------------------------------------------------

const columns = { id: "string", n: "int32", score: "double?", note: "string?" } as const;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "exp-tables-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function tableOf(path: string, rows: number): Promise<Buffer> {
  const all = Array.from({ length: rows }, (_, n) => ({
    id: `p${n}`,
    n,
    score: n / 7,
    note: n % 3 === 0 ? null : "x".repeat(n % 50),
  }));
  await writeTable({ path }, columns, all);
  return readFileSync(path);
}

test(
  `tables with random damage are read or refused by name, and take little memory (seed ${seed})`,
  patience,
  async () => {
    const random = randomFrom(seed);
    const path = join(folder(), "table.parquet");
    const whole = await tableOf(path, 300);
    const footerAt = whole.length - 8 - whole.readUInt32LE(whole.length - 8);
    const before = process.memoryUsage().rss;
    let most = 0;
    const tally = { read: 0, refused: 0 };
    for (let round = 0; round < countOf("tables"); round++) {
      const bytes = Buffer.from(whole);
      // Mostly the footer and the page headers, where the sizes stand.
      for (let i = 0; i <= random() * 3; i++) {
        const from = random() < 0.7 ? footerAt : 0;
        const at = from + Math.floor(random() * (bytes.length - from));
        bytes[at] = random() < 0.3 ? 0xff : Math.floor(random() * 256);
      }
      writeFileSync(path, random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes);
      try {
        await readTable({ path }, columns);
        tally.read++;
      } catch (error) {
        expect(error, `round ${round} of seed ${seed}: ${String(error)}`).toBeInstanceOf(TableError);
        expect((error as Error).message).toContain(path);
        tally.refused++;
      }
      await checkTable({ path }, { columns });
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    // The table is 10 KB: nothing of its claims may be taken at its word.
    expect(most).toBeLessThan(500 * 2 ** 20);
    found(
      `${countOf("tables")} tables with damaged sizes: ${tally.refused} refused by name, ${tally.read} read, at most ${Math.round(most / 2 ** 20)} MiB more memory`,
    );
  },
);

test("a recipe that is handed, or makes, a table that lies fails with the name of the file, and the build goes on", async () => {
  const liar = join(folder(), "liar.parquet");
  const whole = await tableOf(liar, 10);
  whole.writeUInt32LE(0x7fff_ffff, whole.length - 8);
  const bench = benchOf({
    ...oneTarget(
      "inputs: { data: file('.parquet') }, outputs: { out: file('.parquet') }",
      "fs.copyFileSync(inputs.data.path, outputs.out.path);",
      '{ data: source("data.parquet", file(".parquet")) }',
    ),
  });
  bench.rig.edit("rules/it.rule.ts", "file('.parquet') } }", "table({ id: 'string' }) } }");
  bench.rig.edit("rules/it.rule.ts", "import { contract,", "import { table, contract,");
  writeFileSync(bench.rig.path("data.parquet"), whole);
  const done = await bench.exp("build");
  expect(done.code).toBe(1);
  expect(done.stdout + done.stderr).toMatch(/footer claims 2147483647 bytes/);
  expect(statSync(bench.rig.path("runs")).isDirectory()).toBe(true);
  expect(bench.rig.has("runs/default/it/out.parquet")).toBe(false);
});

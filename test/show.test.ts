// `exp show`: outputs as people look at them and as programs take them.

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { readTable } from "../src/table.ts";
import { makeProject, program, type Rig } from "./rig.ts";

const project = (rows = 3): Rig =>
  makeProject({
    "Expfile.ts": `
import { contract, experiments, file, json, optional, rule, table, text, tree, yaml } from "expfile";
const columns = { sequence: "string", length: "int32", charge: "double?", more: "json?" } as const;
const make = rule(
  contract({
    name: "t/make",
    outputs: { rejects: table(columns), summary: json(), told: yaml(), page: text(".md"), bytes: file(".bin"), parts: tree(), none: optional(text()) },
  }),
  () => import("./make.ts"),
);
const plain = rule(contract({ name: "t/plain", outputs: { out: text() } }), () => import("./plain.ts"));
export default experiments({ main: () => ({ make: make(), plain: plain() }) });
`,
    "make.ts": `import { writeFileSync } from "node:fs";
import { writeTable } from "expfile/table";
const columns = { sequence: "string", length: "int32", charge: "double?", more: "json?" } as const;
export const recipe = async ({ outputs }) => {
  const rows = Array.from({ length: ${rows} }, (_, i) => ({ sequence: "K".repeat(i % 60) + ",L", length: i, charge: i === 1 ? null : i / 7, more: { i } }));
  await writeTable(outputs.rejects, columns, rows, { metadata: { source: "made up" } });
  await outputs.summary.write({ kept: 3 });
  await outputs.told.write({ kept: 3 });
  await outputs.page.write("# A page\\n\\tof \\u001b[31mtext\\n");
  writeFileSync(outputs.bytes.path, Buffer.from([0, 1, 2, 255]));
  writeFileSync(outputs.parts.file("a/one.txt"), "one\\n");
  writeFileSync(outputs.parts.file("two.txt"), "two\\n");
};
`,
    "plain.ts": 'export const recipe = ({ outputs }) => outputs.out.write("plain");',
  });

const shown = async (rig: Rig, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await rig.exp("show", ...args);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
};
/** Without what changes from build to build. */
const steady = (text: string): string => `\n${text.replace(/, (just now|\d+ s ago)/g, "").replace(/\b[0-9a-f]{12}\b/g, "DIGEST").replace(/[\d.,]+ (B|KiB)/g, "SIZE")}`; // prettier-ignore

const wrong = async (rig: Rig, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await rig.exp("show", ...args);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  return stderr;
};

describe("a table", () => {
  test("is shown as text with its first rows", async () => {
    const rig = project();
    await rig.build();
    expect(steady(await shown(rig, "make.rejects"))).toBe(`
make.rejects · runs/default/make/rejects.parquet · SIZE · as of build 1
sequence  length    charge  more
,L             0         0  {"i":0}
K,L            1      null  {"i":1}
KK,L           2  0.285714  {"i":2}
3 rows
`);
  });

  test("is shown as far as asked", async () => {
    const rig = project(12_000);
    await rig.build();
    const lines = (text: string) => text.trimEnd().split("\n");
    expect(lines(await shown(rig, "make.rejects"))).toHaveLength(23);
    expect(lines(await shown(rig, "make.rejects")).at(-1)).toBe(
      "20 of 12,000 rows: --all shows them, --csv writes them out",
    );
    expect(lines(await shown(rig, "make.rejects", "--rows", "2"))).toHaveLength(5);
    const all = lines(await shown(rig, "make.rejects", "--all"));
    expect(all).toHaveLength(12_003);
    expect(all.at(-1)).toBe("12,000 rows");
    // Cut at 40 cells, and aligned from the first row to the last.
    expect(all[51]).toMatch(/^K{39}… +49 /);
    expect(new Set(all.slice(1, -1).map((line) => line.indexOf("{") < 0 || line.indexOf("{"))).size).toBe(2);
  });

  test("comes out whole as CSV and as JSON", async () => {
    const rig = project();
    await rig.build();
    const csv = 'sequence,length,charge,more\n",L",0,0,"{""i"":0}"\n"K,L",1,,"{""i"":1}"\n"KK,L",2,0.2857142857142857,"{""i"":2}"\n'; // prettier-ignore
    expect(await shown(rig, "make.rejects", "--csv")).toBe(csv);
    expect(await shown(rig, "make", "--csv")).toBe(csv);
    const found = JSON.parse(await shown(rig, "make.rejects", "--json")) as { data: unknown[] };
    const rows = await readTable(
      { path: rig.path("runs/default/make/rejects.parquet") },
      { sequence: "string", length: "int32", charge: "double?", more: "json?" },
    );
    expect(found).toMatchObject({
      run: "default",
      target: "make",
      slot: "rejects",
      build: 1,
      format: "table",
      path: "runs/default/make/rejects.parquet",
      rows: 3,
      metadata: { source: "made up" },
    });
    expect(found.data).toEqual(rows);
    expect(JSON.parse(await shown(rig, "make.rejects", "--json", "--rows", "0"))).toMatchObject({ rows: 3, data: [] });
  });

  test("says what it holds with --meta", async () => {
    const rig = project();
    await rig.build();
    expect(steady(await shown(rig, "make.rejects", "--meta"))).toBe(`
make.rejects · runs/default/make/rejects.parquet · SIZE · as of build 1
3 rows, 4 columns
  sequence  string
  length    int32
  charge    double?
  more      json?
metadata
  source  made up
`);
  });

  test("goes quietly when its reader has seen enough", async () => {
    const rig = project(50_000);
    await rig.build();
    const { status, stdout, stderr } = spawnSync(
      "sh",
      ["-c", `"$0" "$1" show make.rejects --csv | head -n 1`, process.execPath, program],
      { cwd: rig.root, encoding: "utf8" },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "sequence,length,charge,more\n", stderr: "" });
  });
});

describe("other outputs", () => {
  test("text, JSON and YAML are as they are", async () => {
    const rig = project();
    await rig.build();
    for (const [slot, file] of Object.entries({ page: "page.md", summary: "summary.json", told: "told.yaml" }))
      expect(await shown(rig, `make.${slot}`)).toBe(rig.read(`runs/default/make/${file}`));
    expect(JSON.parse(await shown(rig, "make.told", "--json"))).toMatchObject({ format: "yaml", value: { kept: 3 } });
  });

  test("a folder is a listing, bytes are a path and a size, an absent output says so", async () => {
    const rig = project();
    await rig.build();
    expect(steady(await shown(rig, "make.parts"))).toBe(`
make.parts · runs/default/make/parts · SIZE · as of build 1
SIZE  a/one.txt
SIZE  two.txt
2 files
`);
    expect(await shown(rig, "make.parts", "--rows", "1")).toMatch(/1 of 2 files: --all shows them\n$/);
    expect(steady(await shown(rig, "make.bytes"))).toBe(`
make.bytes · runs/default/make/bytes.bin · SIZE · as of build 1
`);
    expect(await shown(rig, "make.none")).toContain("absent");
  });

  test("all of a target are listed, with the head of its one table", async () => {
    const rig = project();
    await rig.build();
    expect(steady(await shown(rig, "make"))).toBe(`
make · run default · as of build 1
rejects  table   SIZE   3 rows  DIGEST  runs/default/make/rejects.parquet
summary  json     SIZE           DIGEST  runs/default/make/summary.json
told     yaml      SIZE           DIGEST  runs/default/make/told.yaml
page     text     SIZE           DIGEST  runs/default/make/page.md
bytes    file      SIZE           DIGEST  runs/default/make/bytes.bin
parts    tree      SIZE  2 files  DIGEST  runs/default/make/parts
none     text   absent

make.rejects · runs/default/make/rejects.parquet · SIZE · as of build 1
sequence  length    charge  more
,L             0         0  {"i":0}
K,L            1      null  {"i":1}
KK,L           2  0.285714  {"i":2}
3 rows
`);
    const { outputs } = JSON.parse(await shown(rig, "make", "--json")) as { outputs: unknown[] };
    expect(outputs).toHaveLength(7);
    expect(outputs[0]).toMatchObject({ slot: "rejects", format: "table", rows: 3 });
  });

  test("a file or folder is shown by its path, whatever the Expfile says", async () => {
    const rig = project();
    await rig.build();
    rig.write({ "Expfile.ts": "broken(" });
    expect(await shown(rig, "runs/default/make/rejects.parquet")).toContain("KK,L           2  0.285714");
    expect(await shown(rig, "./make.ts")).toBe(rig.read("make.ts"));
    expect(steady(await shown(rig, "runs/default/make/parts"))).toContain("SIZE  a/one.txt");
    expect(await wrong(rig, "runs/default/make/rejcts.parquet")).toContain(
      'Did you mean "runs/default/make/rejects.parquet"?',
    );
    expect(await wrong(rig, "runs/other/make/rejects.parquet")).toContain("exp build make --run other");
  });
});

describe("what is shown", () => {
  test("is what the build made, when somebody wrote over it or the cache is gone", async () => {
    const rig = project();
    await rig.build();
    rig.write({ "runs/default/make/summary.json": "mine" });
    expect(await shown(rig, "make.summary")).toContain('"kept": 3');
    rig.remove("cache");
    expect(await shown(rig, "make.rejects")).toContain("3 rows");
    expect(await shown(rig, "make.parts")).toContain("2 files");
    rig.remove("runs/default/make/rejects.parquet");
    const text = await wrong(rig, "make.rejects");
    expect(text).toContain('the content of "rejects" is neither at its place nor in the cache');
    expect(text).toContain("exp build make");
  });

  test("is of the last build that made it, and says that a later one failed", async () => {
    const rig = project();
    await rig.build();
    rig.edit("plain.ts", '"plain"', '"other"');
    await rig.build();
    expect(await shown(rig, "plain")).toContain("as of build 2");
    expect(await shown(rig, "make.parts")).toContain("as of build 1");
    rig.write({ "plain.ts": 'export const recipe = () => { throw new Error("no luck"); };' });
    await rig.build([], 1);
    expect(await shown(rig, "plain")).toMatch(/as of build 2, .*; it failed in build 3/);
  });

  test("is said to be missing with the command that makes it", async () => {
    const rig = project();
    const early = await wrong(rig, "make.rejects");
    expect(early).toContain("make has no result in run default\n  exp build make\n");
    await rig.build();
    await rig.exp("clean", "make");
    expect(await wrong(rig, "make")).toContain("make has no result in run default: it was cleaned");
  });
});

test("slips are answered with the word that was meant", async () => {
  const rig = project();
  await rig.build();
  const slips: readonly (readonly [args: readonly string[], says: string, fix: string])[] = [
    [["mkae"], 'unknown output "mkae"', 'Did you mean "make"?'],
    [["make.rejcts"], 'unknown output "make.rejcts"', 'Did you mean "make.rejects"?'],
    [["rejects"], 'unknown output "rejects"', 'Did you mean "make.rejects"?'],
    [["nothing-like-it"], 'unknown target "nothing-like-it"', "Targets of main: make, plain."],
    [["plain.zzzzzzzz"], 'unknown output "plain.zzzzzzzz"', "Outputs of plain: out."],
    [[], "which output?", "exp show TARGET"],
    [["make", "plain"], "one output at a time", "exp show TARGET"],
    [["make.rejects", "--rows", "many"], '--rows takes a whole number, not "many"', "--all"],
    [["make.rejects", "--csv", "--json"], "--csv and --json do not go together", "Leave one out."],
    [["plain", "--csv"], "plain has no table", "exp show plain"],
    [["make.page", "--meta"], "make.page is no table", "exp show make.page"],
  ];
  for (const [args, says, fix] of slips) {
    const text = await wrong(rig, ...args);
    expect(text).toContain(says);
    expect(text).toContain(fix);
  }
});

describe("an item of a fan-out", () => {
  const fanOf = (outputs: string, recipe: string): Rig =>
    makeProject({
      "Expfile.ts": `import { contract, experiments, fanOut, json, table, text, z } from "expfile";
const fan = fanOut(
  contract({ name: "t/fan", config: z.strictObject({ named: z.boolean().default(true) }), items: { item: json(), outputs: ${outputs} }, outputs: { all: json() } }),
  {
    split: { recipe: () => import("./fan.ts").then((m) => m.split), reads: ["named"] },
    recipes: { one: () => import("./fan.ts").then((m) => m.one) },
    merge: () => import("./fan.ts").then((m) => m.merge),
  },
);
export default experiments({ main: () => ({ fan: fan() }) });
`,
      "fan.ts": `import { writeTable } from "expfile/table";
const words = ["red/apple.one", "green/pear", "blue/plum"];
export const split = ({ config }) => words.map((item) => (config.named ? { item, label: item } : { item }));
export const one = async ({ item, outputs }) => { ${recipe} };
export const merge = ({ items, outputs }) => outputs.all.write(items.length);
`,
    });
  const single = ["{ word: text() }", "await outputs.word.write(item.toUpperCase());"] as const;

  test("shows what it made, by its label or its number", async () => {
    const rig = fanOf(...single);
    await rig.build();
    for (const name of ["fan[red/apple.one]", "fan[0]", "fan[red/apple.one].word", "fan[0].word"])
      expect(await shown(rig, name)).toBe("RED/APPLE.ONE");
    await rig.build(["--fan.named", "false"]);
    expect(await shown(rig, "fan[1]")).toBe("GREEN/PEAR");
    expect(JSON.parse(await shown(rig, "fan[1]", "--json"))).toMatchObject({ run: "default", target: "fan", item: "1", slot: "word", build: 1, text: "GREEN/PEAR" }); // prettier-ignore
  });

  test("with several outputs lists them, each by its name", async () => {
    const rig = fanOf(
      '{ word: text(), rows: table({ n: "int32" }) }',
      'await outputs.word.write(item); await writeTable(outputs.rows, { n: "int32" }, [{ n: item.length }]);',
    );
    await rig.build();
    expect(steady(await shown(rig, "fan[green/pear]"))).toBe(`
fan[green/pear] · run default · of build 1
word  text    SIZE         DIGEST
rows  table  SIZE  1 row  DIGEST

fan[green/pear].rows · SIZE · of build 1
 n
10
1 row
`);
    expect(await shown(rig, "fan[2].rows", "--csv")).toBe("n\n9\n");
  });

  test("that has another name, or another output, is told with the nearest", async () => {
    const rig = fanOf(...single);
    await rig.build();
    expect(await wrong(rig, "fan[green/paer]")).toBe(
      'fan has no item "green/paer"\n  Did you mean "fan[green/pear]"?\n',
    );
    expect(await wrong(rig, "fan[9]")).toBe('fan has no item "9"\n  It has 3, from red/apple.one to blue/plum.\n');
    expect(await wrong(rig, "fan[0].wrod")).toBe('items of fan have no output "wrod"\n  Did you mean "fan[0].word"?\n');
    expect(await wrong(rig, "fna[0]")).toBe('unknown output "fna"\n  Did you mean "fan"?\n');
    expect(await wrong(fanOf(...single), "fan[0]")).toBe("fan has no result in run default\n  exp build fan\n");
    const plain = project();
    await plain.build(["plain"]);
    expect(await wrong(plain, "plain[0]")).toBe("plain has no items\n  exp show plain\n");
  });

  test("that ended before another failed is shown, and no other for it", async () => {
    const rig = fanOf(
      "{ word: text() }",
      'if (item === "blue/plum") throw new Error("no"); await outputs.word.write(item);',
    );
    await rig.build(["--keep-going"], 1);
    expect(await shown(rig, "fan[green/pear]")).toBe("green/pear");
    expect(await wrong(rig, "fan[blue/plum]")).toContain(
      'fan has not come to its end, and no item "blue/plum" of it has a result\n  2 have, from ',
    );
    expect(await wrong(rig, "fan[2]")).toContain('no item "2" of it has a result');
  });

  test("of an earlier state of the config is shown as it was made, from the store", async () => {
    const rig = fanOf(...single);
    await rig.build();
    rig.edit("fan.ts", "toUpperCase()", 'toUpperCase() + "!"');
    expect(await shown(rig, "fan[0]")).toBe("RED/APPLE.ONE");
    await rig.build();
    expect(await shown(rig, "fan[0]")).toBe("RED/APPLE.ONE!");
    await rig.exp("clean", "fan");
    expect(await wrong(rig, "fan[0]")).toContain("has no result in run default");
  });
});

// Targets that wait for people, gates that say no, and outputs that break what their rule promises.

import { readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

function handoffProject(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, handoff, rule, text, tree, z } from "expfile";
const given = handoff({
  name: "lab/given",
  config: z.strictObject({ files: z.array(z.string()).default(["incoming/set.csv"]) }),
  requests: ({ files }) => files.map((path) => ({ path, what: "the test set, CSV", how: "download it from the lab's page" })),
});
const read = rule(contract({ name: "lab/read", inputs: { files: tree() }, outputs: { page: text() } }), () => import("./read.ts"));
const apart = rule(contract({ name: "lab/apart", outputs: { page: text() } }), () => import("./read.ts").then((m) => m.apart));
export default experiments({
  main: () => {
    const asked = given();
    return { given: asked, read: read({ files: asked.files }), apart: apart() };
  },
});
`,
    "read.ts": `import { readFileSync } from "node:fs";
export const recipe = async ({ inputs, outputs }) =>
  outputs.page.write(inputs.files.files().map((name) => name + ": " + readFileSync(inputs.files.file(name), "utf8")).join("\\n"));
export const apart = async ({ outputs }) => outputs.page.write("done");
`,
  });
}

describe("a handoff", () => {
  test("waits, says what, where and how, and ends the build with 3; the rest is built", async () => {
    const rig = handoffProject();
    const done = await rig.exp("build");
    expect(done.code).toBe(3);
    expect(done.stdout).toContain("the test set, CSV");
    expect(done.stdout).toContain("incoming/set.csv");
    expect(done.stdout).toContain("download it from the lab's page");
    expect(done.stdout).toContain("exp build");
    expect(rig.has("runs/default/apart/page.txt")).toBe(true);
    const built = await rig.build([], 3);
    expect(built.targets).toMatchObject({ given: "waits", read: "skipped" });
    expect(built.end.outcome).toBe("waiting");
  });

  test("is shown as waiting by status and plan", async () => {
    const rig = handoffProject();
    await rig.exp("build");
    expect((await rig.exp("status")).stdout).toMatch(/given +waiting.*incoming\/set\.csv/);
    expect((await rig.exp("plan")).code).toBe(3);
  });

  test("goes on once the file is there", async () => {
    const rig = handoffProject();
    await rig.build([], 3);
    rig.write({ "incoming/set.csv": "one\n" });
    expect((await rig.build()).targets).toEqual({ given: "computed", read: "computed", apart: "fresh" });
    expect(rig.read("runs/default/read/page.txt")).toBe("set.csv: one\n");
    expect((await rig.build()).end.outcome).toBe("up-to-date");
  });

  test("asks for what is still missing of several files", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    const built = await rig.build(["--set", 'given.files=["incoming/set.csv","incoming/more.csv"]'], 3);
    const requests = built.events.flatMap((event) => (event.kind === "target-waits" ? event.requests : []));
    expect(requests.map(({ path }) => path)).toEqual(["incoming/more.csv"]);
  });

  test("takes a folder as it takes a file", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/sets/a.csv": "1\n", "incoming/sets/deep/b.csv": "2\n" });
    await rig.build(["--set", 'given.files=["incoming/sets"]']);
    expect(rig.read("runs/default/read/page.txt")).toBe("sets/a.csv: 1\n\nsets/deep/b.csv: 2\n");
  });

  test("takes what lies behind a linked folder, and sees it change", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/sets/a.csv": "1\n", "elsewhere/b.csv": "2\n" });
    symlinkSync(rig.path("elsewhere"), rig.path("incoming/sets/link"));
    const args = ["--set", 'given.files=["incoming/sets"]'];
    await rig.build(args);
    expect(rig.read("runs/default/read/page.txt")).toBe("sets/a.csv: 1\n\nsets/link/b.csv: 2\n");
    rig.write({ "elsewhere/c.csv": "3\n" });
    await rig.build(args);
    expect(rig.read("runs/default/read/page.txt")).toContain("sets/link/c.csv: 3\n");
  });

  test("a link that leads nowhere in a handed-over folder is an error that names it", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/sets/a.csv": "1\n" });
    symlinkSync(rig.path("nowhere"), rig.path("incoming/sets/b.csv"));
    const args = ["--set", 'given.files=["incoming/sets"]'];
    const done = await rig.exp("build", ...args);
    expect(done.code).toBe(2);
    expect(done.stdout + done.stderr).toContain("incoming/sets/b.csv was handed over and is a link to");
    expect(rig.has("runs/default/given")).toBe(false);
    rig.write({ nowhere: "2\n" });
    await rig.build(args);
    expect(rig.read("runs/default/read/page.txt")).toBe("sets/a.csv: 1\n\nsets/b.csv: 2\n");
  });

  test("is only asked about by plan and status: the archive gets it when it is built", async () => {
    const rig = handoffProject();
    await rig.build([], 3);
    rig.write({ "incoming/set.csv": "one\n" });
    const isKept = () =>
      rig.has("runs/.archive/blobs") &&
      readdirSync(rig.path("runs/.archive/blobs"), { recursive: true, withFileTypes: true }).some(
        (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name), "utf8") === "one\n",
      );
    for (const command of [["plan"], ["status"], ["why", "given"]]) {
      await rig.exp(...command);
      expect([command, isKept()]).toEqual([command, false]);
    }
    await rig.build();
    expect(isKept()).toBe(true);
  });

  test("a corrected file propagates like any edit", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    await rig.build();
    rig.edit("incoming/set.csv", "one", "two");
    expect((await rig.build()).targets).toEqual({ given: "computed", read: "computed", apart: "fresh" });
    expect(rig.read("runs/default/read/page.txt")).toBe("set.csv: two\n");
  });

  test("an answer that was given is kept when the file goes away with the cache", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    await rig.build();
    rig.remove("cache");
    rig.remove("runs/default/given");
    await rig.build();
    expect(rig.read("runs/default/given/files/set.csv")).toBe("one\n");
  });
});

describe("a handed-over file that is gone", () => {
  const warned = (built: Awaited<ReturnType<Rig["build"]>>) =>
    built.events.flatMap((event) => (event.kind === "target-warned" ? [event.text] : []));

  test("is taken from the archive: the build says so, and the one after it has nothing to say", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    await rig.build();
    rig.remove("incoming");
    const text = "incoming/set.csv is gone: what was handed over is used, out of the archive";
    for (const command of [["plan"], ["status"], ["why", "given"]]) {
      const { stdout } = await rig.exp(...command);
      expect(stdout).toContain(text);
      expect(stdout).not.toContain("waiting");
    }
    const done = await rig.exp("build");
    expect(done.code).toBe(0);
    expect(done.stdout).toContain(`warning: given: ${text} (exp clean given asks for it again)`);
    expect((await rig.exp("build")).stdout).toBe("up to date · run default\n");
    // It is the same answer, and nothing of what was made of it is made again.
    rig.remove("cache");
    rig.remove("runs/default/given");
    expect((await rig.build()).targets).toEqual({ given: "cached", read: "fresh", apart: "fresh" });
    expect(rig.read("runs/default/given/files/set.csv")).toBe("one\n");
  });

  test("is another one when other content comes to its place, and the same one when the same comes back", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    await rig.build();
    rig.remove("incoming");
    await rig.build();
    await rig.build();
    rig.write({ "incoming/set.csv": "two\n" });
    const built = await rig.build();
    expect([built.targets.given, warned(built)]).toEqual(["computed", []]);
    expect(rig.read("runs/default/read/page.txt")).toBe("set.csv: two\n");
    // Not the first answer: the last.
    rig.remove("incoming");
    expect((await rig.build()).targets.given).toBe("fresh");
    expect(rig.read("runs/default/read/page.txt")).toBe("set.csv: two\n");
    rig.write({ "incoming/set.csv": "two\n" });
    expect(warned(await rig.build())).toEqual([]);
  });

  test("is asked for again after a clean, and by another run, which was given nothing", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    await rig.build();
    rig.remove("incoming");
    expect((await rig.build(["--run", "other"], 3)).targets.given).toBe("waits");
    await rig.build();
    await rig.exp("clean", "given");
    expect((await rig.build([], 3)).targets).toMatchObject({ given: "waits", read: "skipped" });
  });

  test("is no answer where another path of the same name is asked for, until it has been one there", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/set.csv": "one\n" });
    await rig.build();
    rig.remove("incoming");
    const moved = ["--set", 'given.files=["moved/set.csv"]'];
    expect((await rig.build(moved, 3)).targets.given).toBe("waits");
    rig.write({ "moved/set.csv": "one\n" });
    expect((await rig.build(moved)).targets.read).toBe("fresh");
    rig.remove("moved");
    expect((await rig.build(moved)).targets.given).toBe("fresh");
  });

  test("stands beside a new one; a folder is kept whole, and waits when the archive has lost a part", async () => {
    const rig = handoffProject();
    rig.write({ "incoming/sets/a.csv": "1\n", "incoming/sets/deep/b.csv": "2\n", "incoming/set.csv": "3\n" });
    const args = ["--set", 'given.files=["incoming/sets","incoming/set.csv"]'];
    await rig.build(args);
    rig.remove("incoming/sets");
    rig.write({ "incoming/set.csv": "4\n" });
    expect(warned(await rig.build(args))).toHaveLength(1);
    expect(rig.read("runs/default/read/page.txt")).toBe("set.csv: 4\n\nsets/a.csv: 1\n\nsets/deep/b.csv: 2\n");
    const blobs = readdirSync(rig.path("runs/.archive/blobs"), { recursive: true, withFileTypes: true });
    const lost = blobs
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .find((path) => readFileSync(path, "utf8") === "2\n");
    rmSync(lost!);
    rig.remove("cache");
    const built = await rig.build(args, 3);
    const requests = built.events.flatMap((event) => (event.kind === "target-waits" ? event.requests : []));
    expect(requests.map(({ path }) => path)).toEqual(["incoming/sets"]);
  });
});

function gateProject(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, gate, json, rule, text, z } from "expfile";
const measure = rule(
  contract({ name: "lab/measure", config: z.strictObject({ share: z.number().default(0.9) }), outputs: { share: json() } }),
  () => import("./measure.ts"),
);
const enough = gate(
  { name: "lab/enough", config: z.strictObject({ least: z.number().default(0.8) }), inputs: { share: json() } },
  () => import("./measure.ts").then((m) => m.enough),
);
const report = rule(
  contract({ name: "lab/report", inputs: { share: json(), verdict: json() }, outputs: { page: text() } }),
  () => import("./measure.ts").then((m) => m.report),
);
export default experiments({
  main: () => {
    const measured = measure();
    const passed = enough({ share: measured.share });
    return { measure: measured, enough: passed, report: report({ share: measured.share, verdict: passed.verdict }) };
  },
});
`,
    "measure.ts": `export const recipe = async ({ config, outputs }) => outputs.share.write(config.share);
export const enough = async ({ config, inputs }) => [
  { name: "share of novel words", value: await inputs.share.read(), operator: ">=", threshold: config.least, note: "Draw with a higher temperature." },
];
export const report = async ({ inputs, outputs }) => outputs.page.write(JSON.stringify(await inputs.verdict.read()));
`,
  });
}

describe("a gate", () => {
  test("that passes keeps what it found", async () => {
    const rig = gateProject();
    expect((await rig.build()).targets).toEqual({ measure: "computed", enough: "computed", report: "computed" });
    expect(rig.read("runs/default/report/page.txt")).toContain('"value":0.9');
  });

  test("that does not hold fails with the number, the threshold and the note", async () => {
    const rig = gateProject();
    const done = await rig.exp("build", "--measure.share", "0.25");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain("gate enough: share of novel words is 0.25, it must be >= 0.8");
    expect(done.stdout).toContain("Draw with a higher temperature.");
    expect(rig.has("runs/default/report/page.txt")).toBe(false);
  });

  test("fulfils no condition with what is no number", async () => {
    for (const [value, operator] of [
      ["0 / 0", "<="],
      ["-1 / 0", "<="],
      ["1 / 0", ">="],
      ["undefined", "<"],
    ] as const) {
      const rig = gateProject();
      const found = /value: await inputs.share.read\(\), operator: ">="/;
      rig.edit("measure.ts", found, `value: ${value}, operator: "${operator}"`);
      const done = await rig.exp("build");
      expect([done.code, done.stdout]).toEqual([1, expect.stringContaining("share of novel words is not a number")]);
    }
  });

  test("that failed fails again without being computed again", async () => {
    const rig = gateProject();
    await rig.build(["--measure.share", "0.25"], 1);
    const again = await rig.build([], 1);
    expect(again.targets).toMatchObject({ measure: "fresh", enough: "failed", report: "skipped" });
    expect(again.events.some((event) => event.kind === "target-started" && event.target === "enough")).toBe(false);
    expect((await rig.exp("plan")).code).toBe(3);
  });

  test("passes when the threshold is lowered", async () => {
    const rig = gateProject();
    await rig.build(["--measure.share", "0.25"], 1);
    expect((await rig.build(["--enough.least", "0.2"])).targets).toEqual({
      measure: "fresh",
      enough: "computed",
      report: "computed",
    });
  });
});

describe("what a rule promises of its outputs", () => {
  function promising(slot: string, code: string): Rig {
    return makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule, table, text, yaml, z } from "expfile";
const make = rule(contract({ name: "lab/make", outputs: { made: ${slot} } }), () => import("./make.ts"));
const use = rule(contract({ name: "lab/use", inputs: { made: ${slot} }, outputs: { page: text() } }), () => import("./make.ts").then((m) => m.use));
export default experiments({ main: () => { const made = make(); return { make: made, use: use({ made: made.made }) }; } });
`,
      "make.ts": `import { writeTable } from "expfile/table";
const columns = { id: "string", mass: "double" };
export const recipe = async ({ outputs }) => { ${code} };
export const use = async ({ outputs }) => outputs.page.write("used");
`,
    });
  }

  test.each([
    [
      "a JSON value of another shape",
      "json(z.object({ score: z.number() }))",
      'await outputs.made.write({ score: "high" });',
      "score:",
      "made.json",
    ],
    [
      "a YAML value of another shape",
      "yaml(z.object({ score: z.number() }))",
      "await outputs.made.write({});",
      "score:",
      "made.yaml",
    ],
    [
      "too few rows",
      'table({ id: "string", mass: "double" }, { minRows: 3 })',
      'await writeTable(outputs.made, columns, [{ id: "a", mass: 1 }]);',
      "3",
      "made.parquet",
    ],
    [
      "too many rows",
      'table({ id: "string", mass: "double" }, { maxRows: 1 })',
      'await writeTable(outputs.made, columns, [{ id: "a", mass: 1 }, { id: "b", mass: 2 }]);',
      "1",
      "made.parquet",
    ],
    [
      "a number that is none",
      'table({ id: "string", mass: "double" })',
      'await writeTable(outputs.made, columns, [{ id: "a", mass: Number.NaN }]);',
      "NaN",
      "",
    ],
    [
      "another column",
      'table({ id: "string", weight: "double" })',
      'await writeTable(outputs.made, columns, [{ id: "a", mass: 1 }]);',
      "weight",
      "made.parquet",
    ],
  ])("%s fails the target, and what depends on it does not run", async (_what, slot, code, said, kept) => {
    const rig = promising(slot, code);
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain("make");
    expect(done.stdout).toContain(said);
    expect(rig.has("runs/default/use/page.txt")).toBe(false);
    expect(rig.has(`runs/default/make`)).toBe(false);
    if (kept !== "") {
      expect(done.stdout).toContain(`set aside for you to look at: runs/default/failed/make/${kept}`);
      expect(rig.has(`runs/default/failed/make/${kept}`)).toBe(true);
    }
  });

  test("an output that was not written fails the target and is named", async () => {
    const rig = promising("json()", "");
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain('output "made" was not written');
  });

  test("what JSON cannot say is an error that names the place, not a null", async () => {
    const rig = promising("json()", "await outputs.made.write({ mean: 0 / 0 });");
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain('holds NaN at "mean"');
  });

  test("a good output replaces the bad one, and the run goes on", async () => {
    const rig = promising("json(z.object({ score: z.number() }))", 'await outputs.made.write({ score: "high" });');
    await rig.build([], 1);
    rig.edit("make.ts", '"high"', "3");
    expect((await rig.build()).targets).toEqual({ make: "computed", use: "computed" });
  });
});

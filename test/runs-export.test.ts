// `exp runs export` and `exp runs import`: a run goes to another machine whole, or not at all.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { benchOf, chain, contentOf, oneTarget, until, type Bench } from "./reliability/bench.ts";
import { makeProject, Rig } from "./rig.ts";
import { hostTag } from "../src/util/host.ts";
import { callKey } from "../src/planning/fingerprint/call-key.ts";
import { tarEnd, tarHeader, tarPadding } from "../src/util/tar.ts";

const epoch = (n: number) => ["--set", `numbers.epoch=${n}`];

/** A folder with nothing in it. */
function emptyMachine(): Rig {
  const root = mkdtempSync(join(tmpdir(), "exp-empty-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return new Rig(root);
}

async function exported({ rig }: Bench, ...args: string[]): Promise<string> {
  const file = rig.path("run.tgz");
  const done = await rig.exp("runs", "export", "default", "-o", "run.tgz", ...args);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  return file;
}

async function built(): Promise<Bench> {
  const bench = benchOf(chain);
  await bench.build(epoch(1));
  await bench.build(epoch(2));
  return bench;
}

/** What the run holds for people, without what only the machine's own stat files say. */
const runOf = (rig: Rig, name = "default") => contentOf(rig.path(`runs/${name}`));

describe("a run that was imported", () => {
  test("has nothing to build in a clone of the project, and is explained there", async () => {
    const bench = await built();
    const file = await exported(bench);
    const clone = makeProject(chain);
    const done = await clone.exp("runs", "import", file);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toMatch(
      /^imported default: \d+ files, \d+ blobs\n {2}exp runs show default · exp reproduce default · exp build --run default\n$/,
    );
    expect(runOf(clone)).toEqual(runOf(bench.rig));
    // What it stands on is reached like any run's.
    expect((await clone.exp("gc", "--max-age", "0s")).code).toBe(0);
    bench.marks.clear();
    const again = await clone.build(epoch(2), 0, bench.options);
    expect([again.end.outcome, bench.marks.counts]).toEqual(["up-to-date", {}]);
    const why = await clone.start(["why", "numbers"], bench.options).finished;
    expect(why.stdout).toContain("config numbers.epoch: 1 → 2");
    // Also items that are at no place of the run have their content.
    clone.edit("rules/numbers.ts", "texts.join", "/* other */ [...texts].join");
    expect((await clone.build(epoch(2), 0, bench.options)).targets).toMatchObject({ numbers: "computed" });
    expect(bench.marks.counts).toMatchObject({ merge: 1 });
    expect(Object.keys(bench.marks.counts).filter((name) => name.startsWith("one"))).toEqual([]);
  });

  test("is reproduced on an empty machine, at each of its points", async () => {
    const bench = await built();
    const machine = emptyMachine();
    const imported = await machine.exp("runs", "import", await exported(bench));
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    // There is no Expfile: nothing could be built.
    expect(imported.stdout).toMatch(/\n {2}exp runs show default · exp reproduce default\n$/);
    expect((await machine.exp("runs", "show", "default")).code).toBe(0);
    bench.rig.remove("");
    for (const point of ["default", "default@1"]) {
      const done = await machine.start(["reproduce", point, "--json"], bench.options).finished;
      expect([done.code, done.stderr]).toEqual([0, ""]);
      const { actions } = JSON.parse(done.stdout) as { actions: { verdict: { kind: string } }[] };
      expect(actions.length).toBe(28);
      expect(new Set(actions.map(({ verdict }) => verdict.kind))).toEqual(new Set(["same"]));
    }
    expect((await machine.exp("runs")).stdout).toContain("default@2");
  });

  test("has its content also where the exporting machine had lost its cache", async () => {
    const bench = await built();
    bench.rig.remove("cache");
    const done = await bench.rig.exp("runs", "export", "default");
    expect(done.code).toBe(0);
    // Large items lay in the cache only.
    expect(done.stdout).toMatch(
      /\n {2}\d+ contents of results of default are not here: exp fetch --items brings what a shared cache has, exp reproduce default /,
    );
    const clone = makeProject(chain);
    expect((await clone.exp("runs", "import", bench.rig.path("default.exp.tar.gz"))).code).toBe(0);
    expect((await clone.build(epoch(2), 0, bench.options)).end.outcome).toBe("up-to-date");
  });

  test("tells what the archive has lost, and so cannot be reproduced", async () => {
    const bench = await built();
    const archive = (part: string) => bench.rig.path(`runs/.archive/${part}`);
    const code = (name: string) =>
      readdirSync(archive("code")).filter((file) =>
        readFileSync(archive(`code/${file}`), "utf8").includes(`rules/${name}.ts`),
      );
    for (const file of code("pages")) rmSync(archive(`code/${file}`));
    // A module of a closure.
    const [end] = code("end");
    const { closure } = JSON.parse(readFileSync(archive(`code/${end}`), "utf8")) as { closure: string };
    const blob = (digest: string) => archive(`blobs/${digest.slice(0, 2)}/${digest}`);
    const { modules } = JSON.parse(readFileSync(blob(closure), "utf8")) as {
      modules: { text: string; label: string }[];
    };
    rmSync(blob(modules.find(({ label }) => label === "rules/end.ts")!.text));
    rmSync(blob(createHash("sha256").update("some words\n").digest("hex")));
    bench.rig.write({ "data/words.txt": "other words\n" });
    const done = await bench.rig.exp("runs", "export", "default");
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.stdout.split("\n").slice(1).join("\n")).toBe(
      `  warning: runs/.archive/ has lost what results of default were made with; exp reproduce default cannot run again what needs it:
    the code of end, pages
    as it was then: data/words.txt
    something of 2 results of past builds
`,
    );
    const again = await bench.rig.exp("runs", "export", "default", "-o", "again.tgz", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({
      missing: { default: { code: ["end", "pages"], sources: ["data/words.txt"], handedOver: [], past: 2 } },
    });
    bench.rig.remove("runs/.archive");
    expect((await bench.rig.exp("runs", "export", "default", "-o", "none.tgz")).stdout).toContain(
      "    the code of end, numbers, pages\n",
    );
  });

  test("comes under another name with --as, and never over a run that is there", async () => {
    const bench = await built();
    const file = await exported(bench);
    const before = runOf(bench.rig);
    const refused = await bench.exp("runs", "import", file);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("there is one already: name it anew with --as NAME, or remove the other");
    expect((await bench.exp("runs", "import", file, "--as", "../up")).code).toBe(2);
    expect((await bench.exp("runs", "import", file, "--as", "copy")).code).toBe(0);
    expect(runOf(bench.rig)).toEqual(before);
    expect(bench.rig.read("runs/copy/run.yaml")).toContain("run: copy\n");
    bench.marks.clear();
    expect((await bench.build(["--run", "copy", ...epoch(2)])).end.outcome).toBe("up-to-date");
    expect(bench.marks.counts).toEqual({});
  });

  test("comes although an import before it was killed, whose leftovers go", async () => {
    const bench = await built();
    const machine = emptyMachine();
    // No process has a number above this one.
    const dead = `runs/.importing-${hostTag()}-4194305`;
    machine.write({ [`${dead}/content/half`]: "half" });
    expect((await machine.exp("runs", "import", await exported(bench))).code).toBe(0);
    expect(readdirSync(machine.path("runs")).sort()).toEqual([".archive", "default"]);
  });

  test("brings large sources that the archive does not hold", async () => {
    const bench = benchOf({ ...chain, "data/words.txt": "w".repeat(65 * 2 ** 20) });
    bench.rig.edit("rules/end.ts", "end.repeat(10)", "String(end.length)");
    await bench.build();
    const machine = emptyMachine();
    expect((await machine.exp("runs", "import", await exported(bench))).code).toBe(0);
    const done = await machine.start(["reproduce", "default", "end", "--json"], bench.options).finished;
    expect([done.code, done.stderr]).toEqual([0, ""]);
  });
});

describe("what an export holds", () => {
  test("is the same bytes each time, and no secret", async () => {
    const bench = benchOf({
      ...chain,
      ".env": "PLANTED=planted-secret-value\n",
    });
    bench.rig.edit("rules/pages.rule.ts", 'env: ["EXP_TEST_MARKS"],', 'env: ["EXP_TEST_MARKS"], secrets: ["PLANTED"],');
    bench.rig.edit(
      "rules/pages.ts",
      'mark("pages");',
      'mark("pages"); console.log(["it", "is", process.env.PLANTED].join("~")); log(process.env.PLANTED);',
    );
    await bench.build();
    // A build that was killed has left its work on a cluster and at Modal, and the secrets of that.
    for (const folder of [".submitted", ".containers"])
      bench.rig.write({ [`runs/default/${folder}/one/secrets.json`]: '{"PLANTED":"planted-secret-value"}' });
    const first = readFileSync(await exported(bench));
    bench.rig.remove("run.tgz");
    const second = readFileSync(await exported(bench));
    expect(first.equals(second)).toBe(true);
    const text = gunzipSync(first).toString("latin1");
    expect(bench.rig.read("runs/default/logs/pages.log")).toContain("it~is~");
    expect(text).toContain("it~is~");
    expect(text).not.toContain("planted-secret-value");
    bench.rig.remove("run.tgz");
    expect(gunzipSync(readFileSync(await exported(bench, "--without-logs"))).toString("latin1")).not.toContain(
      "it~is~",
    );
  });

  test("is never half of a build: it waits for one, and says who builds", async () => {
    const bench = benchOf(
      oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");'),
    );
    bench.allow("go");
    await bench.build();
    bench.forbid("go");
    bench.rig.edit("rules/it.ts", '"done"', '"done again"');
    const build = bench.start("build", "--json");
    await until(() => bench.marks.counts.it === 2);
    const started = bench.start("runs", "export", "default", "-o", "run.tgz");
    let said = "";
    started.process.stderr!.on("data", (piece: Buffer) => (said += piece.toString()));
    await until(() => said.includes("waiting for"));
    expect(said).toContain(`process ${build.process.pid} (exp build)`);
    bench.allow("go");
    expect((await build.finished).code).toBe(0);
    expect((await started.finished).code).toBe(0);
    const machine = emptyMachine();
    expect((await machine.exp("runs", "import", bench.rig.path("run.tgz"))).code).toBe(0);
    expect(machine.read("runs/default/it/out.txt")).toBe("done again");
  });

  test("is a whole run: a point of one, a run that is not there and a file that is are refused", async () => {
    const bench = await built();
    const ask = async (...args: string[]) => {
      const { code, stderr } = await bench.exp("runs", "export", ...args);
      return [code, stderr] as const;
    };
    expect(await ask("default@1")).toEqual([
      2,
      expect.stringContaining("exp reproduce default@1 runs that build again"),
    ]);
    expect(await ask("defult")).toEqual([2, expect.stringContaining('Did you mean "default"?')]);
    bench.rig.write({ "there.tgz": "mine" });
    expect(await ask("default", "-o", "there.tgz")).toEqual([2, expect.stringContaining("there.tgz is there already")]);
    expect(await ask("default", "-o", "no/such/f.tgz")).toEqual([
      2,
      expect.stringContaining("there is no folder no/such"),
    ]);
    expect(bench.rig.read("there.tgz")).toBe("mine");
    expect(readdirSync(bench.rig.root).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("may be several runs, and every remembered paid call if results do not say which they used; answers that are here stay", async () => {
    const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
    await bench.build();
    await bench.build(["-c", "other"]);
    const call = (request: string, at: number, response: string) => {
      const k = callKey(request, 0);
      return JSON.stringify({ k, request, draw: 0, response, costUsd: 1, at });
    };
    bench.rig.write({
      "runs/.archive/calls/a.jsonl": `${call("one", 5, "theirs")}\n${call("two", 5, "theirs")}\n{"k":`,
    });
    // As early exps wrote it.
    bench.rig.edit("runs/other/trace/trace.jsonl", /,"calls":\[\]/g, "");
    expect((await bench.exp("runs", "export", "default", "other", "-o", "both.tgz")).code).toBe(0);
    const clone = makeProject(chain);
    clone.write({ "runs/.archive/calls/b.jsonl": `${call("one", 9, "ours")}\n` });
    const done = await clone.exp("runs", "import", bench.rig.path("both.tgz"), "--json");
    expect(JSON.parse(done.stdout)).toMatchObject({ runs: ["default", "other"] });
    const [imported, ...more] = readdirSync(clone.path("runs/.archive/calls")).filter((name) =>
      name.startsWith("imported"),
    );
    expect(more).toEqual([]);
    expect(clone.read(`runs/.archive/calls/${imported}`)).toBe(`${call("two", 5, "theirs")}\n`);
    expect(clone.read("runs/.archive/calls/b.jsonl")).toBe(`${call("one", 9, "ours")}\n`);
  });
});

const sha = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

interface Member {
  readonly name: string;
  readonly content: string | Buffer;
  /** Changes the header after it is made; its sum is made anew. */
  readonly forge?: (header: Buffer) => void;
}

function pack(members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ name, content, forge }) => {
    const bytes = Buffer.from(content);
    const header = tarHeader({ name, size: bytes.length });
    if (forge !== undefined) {
      forge(header);
      header.fill(0x20, 148, 156);
      header.write(
        `${header
          .reduce((sum, byte) => sum + byte, 0)
          .toString(8)
          .padStart(6, "0")}\0 `,
        148,
        "latin1",
      );
    }
    return [header, bytes, tarPadding(bytes.length)];
  });
  return gzipSync(Buffer.concat([...blocks, tarEnd]));
}

const head = { exp_export: 1, exp: "0.1.0", runs: ["evil"] };
const state =
  "format: 1\nrun: evil\nexperiment: main\ncreated: 2026-01-01\nbuilds: 1\nconfig:\n  source: c.yaml\n  overrides: []\ntargets: {}\n";
const newerState = state.replace("format: 1", "format: 9");
const stateLine = { run: "evil", file: "run.yaml", d: sha(state), s: state.length };
const manifest = (lines: readonly object[], first: object = head): Member => ({
  name: "manifest.jsonl",
  content: [first, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""),
});
const content = (text: string): Member => ({ name: `content/${sha(text)}`, content: text });
const fileLine = (file: string, text = "x") => ({ run: "evil", file, d: sha(text), s: text.length });

describe("a hostile or damaged file", () => {
  async function importOf(bytes: Buffer) {
    const machine = emptyMachine();
    mkdirSync(machine.path("a/b"), { recursive: true });
    writeFileSync(machine.path("a/b/evil.tgz"), bytes);
    const done = await machine.start(["runs", "import", "evil.tgz"], { cwd: machine.path("a/b") }).finished;
    return { done, machine };
  }

  test("is taken where it is what it says", async () => {
    const { done, machine } = await importOf(
      pack([manifest([stateLine, fileLine("a/b.txt")]), content(state), content("x")]),
    );
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(machine.read("a/b/runs/evil/a/b.txt")).toBe("x");
  });

  const refused: Readonly<Record<string, readonly [Buffer, string]>> = {
    "a path upwards": [pack([manifest([fileLine("../../../up.txt")]), content("x")]), "names a file where none may be"],
    "a path upwards in the middle": [
      pack([manifest([fileLine("a/../../x")]), content("x")]),
      "names a file where none may be",
    ],
    "an absolute path": [pack([manifest([fileLine("/etc/x")]), content("x")]), "names a file where none may be"],
    "what was sent elsewhere": [
      pack([manifest([fileLine(".submitted/one/given-up")]), content("x")]),
      "names a file where none may be",
    ],
    "the run's own lease": [pack([manifest([fileLine("lock")]), content("x")]), "names a file where none may be"],
    "a run's name upwards": [pack([manifest([], { ...head, runs: [".."] })]), "names a run that can be none"],
    "the archive as a run": [pack([manifest([], { ...head, runs: [".archive"] })]), "names a run that can be none"],
    "a file below a file": [
      pack([manifest([stateLine, fileLine("a"), fileLine("a/b")]), content(state), content("x")]),
      "names a file below a file",
    ],
    "a file twice": [pack([manifest([fileLine("a"), fileLine("a")]), content("x")]), "names a file of a run twice"],
    "a link": [
      pack([manifest([fileLine("a")]), { ...content("x"), forge: (header) => header.write("2/etc/passwd", 156) }]),
      "is no plain file",
    ],
    "a device": [
      pack([manifest([fileLine("a")]), { ...content("x"), forge: (header) => header.write("3", 156) }]),
      "is no plain file",
    ],
    "a name that the manifest has not": [
      pack([manifest([stateLine]), content(state), { name: "../../x", content: "x" }]),
      "holds what its manifest does not name",
    ],
    "a content twice": [
      pack([manifest([fileLine("a")]), content("x"), content("x")]),
      "holds what its manifest does not name",
    ],
    "a lying size": [pack([manifest([{ ...fileLine("a"), s: 2 }]), content("x")]), "lies about a size"],
    "a size beyond the disk": [pack([manifest([{ ...fileLine("a"), s: 2 ** 52 }]), content("x")]), "make room first"],
    "a size that is none": [
      pack([manifest([fileLine("a")]), { ...content("x"), forge: (header) => header.write("-0000000001", 124) }]),
      "a size in it is no number",
    ],
    "other content": [
      pack([manifest([fileLine("a")]), { name: `content/${sha("x")}`, content: "y" }]),
      "is not what its name says",
    ],
    "content missing": [pack([manifest([fileLine("a")])]), "is not whole"],
    "no record of the run": [pack([manifest([fileLine("a")]), content("x")]), "holds no record of the run"],
    "a run of a newer format": [
      pack([manifest([fileLine("run.yaml", newerState)]), content(newerState)]),
      'holds the run "evil", whose run.yaml cannot be read: it was written by a newer exp (format 9, this one reads 1): update exp',
    ],
    "an unknown line": [pack([manifest([{ d: sha("x"), s: 1, what: 1 }]), content("x")]), "does not know"],
    "a newer format": [
      pack([manifest([{ other: "lines" }], { exp_export: 2, exp: "9.0.0" })]),
      "was written by a newer exp (format 2, this one reads 1): update exp and import it again",
    ],
    "another tar": [pack([{ name: "readme.txt", content: "hello" }]), "was not written by exp runs export"],
    "no gzip": [Buffer.from("hello ".repeat(1000)), "is damaged, or no file of exp runs export"],
    "an end too early": [pack([manifest([stateLine]), content(state)]).subarray(0, 120), "is cut short"],
    nothing: [Buffer.alloc(0), "is cut short"],
  };
  test.each(Object.entries(refused))("%s: refused with a message, and nothing appears", async (_, [bytes, words]) => {
    const { done, machine } = await importOf(bytes);
    expect(done.stderr).toContain(words);
    expect(done.stderr).toContain("evil.tgz ");
    expect(done.code).toBe(2);
    expect(existsSync(machine.path("up.txt")) || existsSync(machine.path("a/up.txt"))).toBe(false);
    expect(readdirSync(machine.path("a"))).toEqual(["b"]);
    expect(readdirSync(machine.path("a/b/runs")).filter((name) => name !== ".archive")).toEqual([]);
    const left = readdirSync(machine.path("a/b"), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(left.map(({ name }) => name).filter((name) => /^[0-9a-f]{64}/.test(name))).toEqual([]);
  });

  test("a flipped bit anywhere is found, or changes nothing", async () => {
    const bench = await built();
    const whole = gunzipSync(readFileSync(await exported(bench)));
    for (const at of [0.1, 0.35, 0.5, 0.65, 0.8].map((part) => Math.floor(whole.length * part))) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 4;
      const { done, machine } = await importOf(gzipSync(bytes));
      // In the padding of a block it is nobody's content.
      if (done.code === 0) expect(whole[at]).toBe(0);
      else {
        expect(done.stderr).toMatch(/is damaged|was not written by|names|holds|lies|is not whole/);
        expect(machine.has("a/b/runs/default")).toBe(false);
      }
    }
  });
});

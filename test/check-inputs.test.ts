// `--check-inputs`: a recipe that reads what it does not declare fails, and is told what to declare.

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, repository, type Rig } from "./rig.ts";

function canTrace(): boolean {
  try {
    execFileSync("strace", ["-f", "-qq", "-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const traces = canTrace();

/** One target by a recipe whose body is given. */
function recipeProject(body: string, more: Readonly<Record<string, string>> = {}): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, sourceFiles, text, z } from "expfile";
const spec = contract({ name: "look", inputs: { given: sourceFiles(() => ["given/*.txt"]) }, outputs: { found: json() } });
const look = rule(spec, { recipe: () => import("./look.ts"), env: ["DECLARED"] });
export default experiments({ main: () => ({ look: look({}) }) });
`,
    "look.ts": `import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
const root = ROOT;
export const recipe = async ({ inputs, outputs, log, scratch }) => {
${body}
  await outputs.found.write(1);
};
`,
    "given/a.txt": "given\n",
    "beside.txt": "beside\n",
    "beside.json": "{}\n",
    ...more,
  });
}

async function failureOf(rig: Rig): Promise<string> {
  rig.edit("look.ts", "ROOT", JSON.stringify(rig.root));
  const options = { env: { DECLARED: "1", API_URL: "https://example.org" } };
  const built = await rig.build(["--check-inputs"], 1, options);
  const failed = built.events.find(({ kind }) => kind === "target-failed");
  if (failed?.kind !== "target-failed") throw new Error("it did not fail");
  expect(failed.failures[0]!.fix).toContain("declared as an input");
  return failed.failures[0]!.what;
}

describe.skipIf(!traces)("what is not declared fails its target (needs strace)", () => {
  const said = "look failed: read what it does not declare: ";

  test.each([
    ["read at once", "readFileSync(`${root}/beside.txt`);"],
    ["read as a stream", "await text(createReadStream(`${root}/beside.txt`));"],
    ["read by a program", 'execFileSync("cat", [`${root}/beside.txt`]);'],
    ["read, and the error swallowed", "try { readFileSync(`${root}/beside.txt`); } catch {}"],
    ["only looked for", "existsSync(`${root}/beside.txt`);"],
    ["read in a thread", 'await (await import("node:fs/promises")).readFile(`${root}/beside.txt`);'],
  ])("a file of the project that is %s", async (_, body) => {
    expect(await failureOf(recipeProject(body))).toBe(`${said}beside.txt`);
  });

  test("JSON that is imported at run time, a name that is not ASCII, a file that is not there, a folder that is listed", async () => {
    const rig = recipeProject(`  const { createRequire } = await import("node:module");
  createRequire(root + "/look.ts")(root + "/beside.json");
  readFileSync(root + "/données.txt");
  existsSync(root + "/absent.txt");
  (await import("node:fs")).readdirSync(root + "/given");`);
    rig.write({ "données.txt": "1" });
    expect(await failureOf(rig)).toBe(`${said}beside.json, données.txt, absent.txt, given`);
  });

  test("a variable that the build has and the recipe was not given", async () => {
    expect(await failureOf(recipeProject("  log(process.env.API_URL ?? 'none');"))).toBe(`${said}the variable API_URL`);
  });

  test("what setup reads is told as read in setup, whichever item came first", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, fanOut, json } from "expfile";
const fan = fanOut(contract({ name: "fan", items: { item: json(), outputs: { n: json() } }, outputs: { all: json() } }), {
  split: () => import("./fan.ts").then((m) => m.split),
  recipes: { one: () => import("./fan.ts").then((m) => m.one) },
  merge: () => import("./fan.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ fan: fan() }) });
`,
      "model.txt": "model\n",
      "beside.txt": "beside\n",
    });
    const recipe = (body: string) => `import { readFileSync } from "node:fs";
export const split = () => [{ item: 0 }];
export const one = {
  setup: () => readFileSync(${JSON.stringify(rig.path("model.txt"))}, "utf8") + process.env.API_URL,
  run: async ({ item, setup, outputs }) => { ${body}; await outputs.n.write(item); },
};
export const merge = ({ outputs }) => outputs.all.write(1);
`;
    const failure = async (body: string) => {
      rig.write({ "fan.ts": recipe(body) });
      const built = await rig.build(["--check-inputs"], 1, { env: { API_URL: "https://example.org" } });
      return JSON.stringify(built.events);
    };
    const inSetup = "read in setup what it does not declare: model.txt, the variable API_URL";
    expect(await failure("")).toContain(`: ${inSetup}"`);
    expect(await failure(`readFileSync(${JSON.stringify(rig.path("beside.txt"))})`.replaceAll('"', "'"))).toContain(
      `: read what it does not declare: beside.txt; ${inSetup}"`,
    );
  });

  test("a file of the project that a program reads", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { command, contract, experiments, rule, text } from "expfile";
const spec = contract({ name: "tool", outputs: { found: text() } });
const tool = rule(spec, command<typeof spec>({
  code: ["tool.sh"],
  argv: ({ outputs }) => ["sh", "tool.sh", outputs.found],
}));
export default experiments({ main: () => ({ tool: tool() }) });
`,
      "beside.txt": "beside\n",
    });
    rig.write({ "tool.sh": `cat ${rig.path("beside.txt")} > "$1"\n` });
    const built = await rig.build(["--check-inputs"], 1);
    expect(JSON.stringify(built.events)).toContain("tool failed: read what it does not declare: beside.txt");
    rig.write({ "tool.sh": `echo 1 > "$1"\n` });
    await rig.build(["--check-inputs"]);
  });
});

describe.skipIf(!traces)("what is declared passes (needs strace)", () => {
  test("inputs, variables, scratch, programs; results are those of an ordinary build", async () => {
    const rig = recipeProject(`  const [file] = inputs.given.flat();
  readFileSync(file.path); await file.read();
  execFileSync("cat", [file.path]);
  (await import("node:fs")).writeFileSync(scratch + "/x", process.env.DECLARED + process.env.HOME + process.env.NOBODY);
  readFileSync(scratch + "/x");`);
    rig.edit("look.ts", "ROOT", JSON.stringify(rig.root));
    const options = { env: { DECLARED: "1" } };
    expect((await rig.build(["--check-inputs"], 0, options)).targets).toEqual({ look: "computed" });
    expect((await rig.build([], 0, options)).end.outcome).toBe("up-to-date");
    const again = await rig.build(["--check-inputs"], 0, options);
    expect(JSON.stringify(again.events)).toContain("nothing was checked: exp verify --check-inputs");
  });

  test("verify finds what an ordinary build has overlooked", async () => {
    const rig = recipeProject("  readFileSync(`${root}/beside.txt`);");
    rig.edit("look.ts", "ROOT", JSON.stringify(rig.root));
    await rig.build();
    expect((await rig.exp("verify")).code).toBe(0);
    const verified = await rig.exp("verify", "--check-inputs");
    expect(verified.stdout).toContain("read what it does not declare: beside.txt");
    expect(verified.code).toBe(1);
  });

  test("the peptide experiment", async () => {
    const rig = makeProject({});
    const modules = join(repository, "node_modules");
    for (const name of readdirSync(modules).filter((each) => !each.startsWith(".")))
      symlinkSync(join(modules, name), rig.path(`node_modules/${name}`));
    for (const name of ["Expfile.ts", "configs", "rules"]) {
      rig.remove(name);
      execFileSync("cp", ["-r", `${repository}/${name}`, rig.path(name)]);
    }
    const built = await rig.start(["build", "--check-inputs", "--generate.samples", "5"]).finished;
    expect(built.stdout + built.stderr).not.toContain("does not declare");
    expect(built.code).toBe(0);
  });
});

const hasPython = traces && spawnSync("python3", ["--version"]).status === 0;

describe.skipIf(!hasPython)("a program in Python (needs strace and python3)", () => {
  /** `python3 tool.py` with an input, and a module that it declares as code. */
  function pythonProject(body: string, more: Readonly<Record<string, string>> = {}): Rig {
    return makeProject({
      "Expfile.ts": `import { command, contract, experiments, rule, source, text } from "expfile";
const spec = contract({ name: "tool", inputs: { given: text() }, outputs: { found: text() } });
const tool = rule(spec, command<typeof spec>({
  code: ["tool.py", "helper.py"],
  argv: ({ inputs, outputs }) => ["python3", "tool.py", inputs.given, outputs.found],
}));
export default experiments({ main: () => ({ tool: tool({ given: source("given.txt", text()) }) }) });
`,
      "tool.py": `import json, os, sys, csv, sqlite3, tempfile, urllib.request, ctypes, locale, subprocess
import xml.etree.ElementTree, zoneinfo, multiprocessing, unittest.mock, encodings.idna
import helper
root = ROOT
with open(sys.argv[1]) as file: given = file.read()
${body}
with open(sys.argv[2], "w") as out: out.write(helper.shout(given))
`,
      "helper.py": "def shout(text): return text.upper()\n",
      "given.txt": "given\n",
      "beside.txt": "beside\n",
      "beside.py": "value = 1\n",
      ...more,
    });
  }
  const check = async (rig: Rig, code: number, env: Readonly<Record<string, string>> = {}): Promise<string> => {
    rig.edit("tool.py", "ROOT", JSON.stringify(rig.root));
    const built = await rig.build(["--check-inputs"], code, { env });
    const failed = built.events.find(({ kind }) => kind === "target-failed");
    return failed?.kind === "target-failed" ? failed.failures[0]!.what : "";
  };
  const said = "tool failed: read what it does not declare: ";

  test("that reads what it declares passes, whatever of Python that takes", async () => {
    const rig = pythonProject(`zoneinfo.ZoneInfo("Europe/Berlin")
with tempfile.TemporaryDirectory() as folder:
  with open(folder + "/x.py", "w") as file: file.write("y = 1")
  sys.path.insert(0, folder)
  import x
subprocess.run([sys.executable, "-c", "import json, decimal, asyncio"], check=True)
multiprocessing.Pool(2).map(abs, [1, -1])`);
    expect(await check(rig, 0)).toBe("");
    expect(rig.read("runs/default/tool/found.txt")).toBe("GIVEN\n");
  });

  test.each([
    ["a file beside it", 'open(root + "/beside.txt").read()', "beside.txt"],
    [
      "a file that another process reads",
      'subprocess.run([sys.executable, "-c", f"open({root!r} + \'/beside.txt\')"])',
      "beside.txt",
    ],
    ["a module beside it", "sys.path.insert(0, root); import beside", "., beside.py"],
    ["a file that is not there", 'os.path.exists(root + "/absent.txt")', "absent.txt"],
    ["a folder that it lists", "os.listdir(root)", "."],
    ["a file of the user", 'os.path.exists(os.path.dirname(root) + "/of-the-user.txt")', "../of-the-user.txt"],
  ])("that reads %s fails", async (_, body, names) => {
    const rig = pythonProject(body);
    const shown = names.replace("..", dirname(rig.root));
    expect(await check(rig, 1)).toBe(`${said}${shown}`);
  });

  test("cannot see a variable that it does not declare, and nothing is said of it", async () => {
    const rig = pythonProject('given = os.environ.get("API_URL", "unseen")');
    expect(await check(rig, 0, { API_URL: "https://example.org" })).toBe("");
    expect(rig.read("runs/default/tool/found.txt")).toBe("UNSEEN");
  });

  test("in a virtual environment of the project passes", async () => {
    const rig = pythonProject("");
    execFileSync("python3", ["-m", "venv", "--without-pip", rig.path(".venv")]);
    rig.write({ "lib/x": "" });
    expect(await check(rig, 0, { PATH: `${rig.path(".venv/bin")}:${process.env.PATH}` })).toBe("");
  });
});

test("without strace it says what is missing", async () => {
  const rig = recipeProject("");
  const { code, stderr } = await rig.start(["build", "--check-inputs"], { env: { PATH: rig.path("nothing") } })
    .finished;
  expect(stderr).toContain("strace");
  expect(code).toBe(2);
});

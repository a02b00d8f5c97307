// `--check-inputs`: a recipe that reads what it does not declare fails, and is told what to declare.

import { execFileSync } from "node:child_process";
import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
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

  test("the peptide experiment", { timeout: 120_000 }, async () => {
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

test("without strace it says what is missing", async () => {
  const rig = recipeProject("");
  const { code, stderr } = await rig.start(["build", "--check-inputs"], { env: { PATH: rig.path("nothing") } })
    .finished;
  expect(stderr).toContain("strace");
  expect(code).toBe(2);
});

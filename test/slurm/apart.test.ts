// A cluster whose node sees nothing of the project, nor of exp: work goes there and comes back through a shared cache. What every executor has to do is
// asked by the suite of executors; here is what only this way can go wrong. On a real Slurm whose node has a file system of its own.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { files } from "../reliability/executors.project.ts";
import { makeProject, type Rig, type RunOptions } from "../rig.ts";
import { bucketCredentials, hasNginx, startBucket, startNginx } from "../shared/places.ts";
import { until } from "./bench.ts";
import { namespacesAreMissing, TestCluster } from "./cluster.ts";

let cluster: TestCluster;
/** What this machine and the node both see. */
let both: string;
const clusterOrNone = (): TestCluster | undefined => cluster;
const args = ["--executor", "slurm"];
const there = (env: Readonly<Record<string, string>> = {}): RunOptions => ({
  env: {
    DECLARED: "yes",
    TOKEN: "secret-token-123",
    ...cluster.environment,
    EXP_SHARED_CACHE: join(both, "cache"),
    ...env,
  },
});

describe.skipIf(namespacesAreMissing !== undefined)("a node that does not see the project", () => {
  beforeAll(async () => {
    both = mkdtempSync(join(tmpdir(), "exp-both-"));
    cluster = await TestCluster.start({ cpus: 4, seesOnly: [both] });
  });
  afterAll(async () => {
    await clusterOrNone()?.stop();
    rmSync(both, { recursive: true, force: true });
  });
  afterEach(async () => {
    await clusterOrNone()?.clear();
    for (const name of readdirSync(both)) rmSync(join(both, name), { recursive: true, force: true });
  });

  test("where nothing is said of it, the failure names what the node does not see, and what to do", async () => {
    const rig = project({ files: "" });
    const failed = await rig.build(["see", ...args], 1, there());
    expect(failuresOf(failed.events)).toMatch(
      /Slurm's batch \d+_0 could not begin on n1: the node does not see .*\/runs\/default\/\.submitted\/.*\. Nodes that do not share the project's file system work through a shared cache: slurm: \{ files: .*shared-cache/,
    );
  });

  test("without a shared cache, or one to write to, nothing is begun", async () => {
    const rig = project();
    const without = await rig.start(["build", ...args], there({ EXP_SHARED_CACHE: "off" })).finished;
    expect(without.code).toBe(2);
    expect(without.stderr).toContain(
      'slurm: { files: "shared-cache" } sends work through a shared cache, and there is none',
    );
    const readOnly = await rig.start(["build", ...args], there({ EXP_SHARED_CACHE_PUBLISH: "0" })).finished;
    expect(readOnly.code).toBe(2);
    expect(readOnly.stderr).toContain(`and this machine may not write to ${join(both, "cache")}`);
    expect(existsSync(rig.path("runs/default/.submitted"))).toBe(false);
  });

  test("a shared cache that the node does not reach is told as such", async () => {
    const rig = project();
    const failed = await rig.build(["see", ...args], 1, there({ EXP_SHARED_CACHE: rig.path("cache-of-all") }));
    expect(failuresOf(failed.events)).toContain("the node does not find in the shared cache what was sent there");
  });

  test.skipIf(!hasNginx)("behind HTTP, with a token that no file holds", async () => {
    const token = "let-the-team-in";
    const server = await startNginx(`if ($http_authorization != "Bearer ${token}") { return 401; }`);
    const rig = project();
    const way = there({ EXP_SHARED_CACHE: server.url, EXP_SHARED_CACHE_TOKEN: token });
    const build = rig.start(["build", ...args, "--json"], way);
    let script = "";
    await until(() => (script += textsIn(rig.path("runs"), "submit.sh")) !== "" || build.process.exitCode !== null);
    const { code, stderr } = await build.finished;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(script).not.toContain(token);
    expect(items()).toEqual(upTo(12));
    expect(rig.read("runs/default/draw/all.txt")).toContain('{"size":300000,"setup":"setup"}');
  });

  test("in a bucket, of which nothing is installed on the node", async () => {
    const server = await startBucket();
    const rig = project();
    await rig.build(args, 0, there({ EXP_SHARED_CACHE: server.url, ...bucketCredentials }));
    expect(items()).toEqual(upTo(12));
    expect(rig.read("runs/default/draw/all.txt")).toContain('{"size":300000,"setup":"setup"}');
  });

  test("secrets lie there in no file, nor does what signs results", async () => {
    const rig = project({ faults: "gated" });
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => textsIn(rig.path("runs"), "place.json") !== "" && existsSync(join(both, "journal")));
    const { key } = JSON.parse(textsIn(rig.path("runs"), "place.json").split("\n")[0]!) as { readonly key: string };
    expect(key).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    writeFileSync(join(both, "gate"), "");
    expect((await build.finished).code).toBe(0);
    const all = textsIn(both, "");
    expect(all).toContain('"lines"');
    for (const secret of [key, "secret-token-123"]) expect(all).not.toContain(secret);
  });

  test("a driver that is killed is followed by one that takes in what ended meanwhile, with its logs", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    writeFileSync(join(both, "gate"), "");
    await until(() => running("draw") === 0);
    expect(items()).toEqual(upTo(3));
    const ps = JSON.parse((await rig.start(["ps", "--json"], there()).finished).stdout) as Work;
    expect(ps.submitted.map(({ target, actions, ended }) => [target, actions, ended])).toContainEqual(["draw", 3, 3]);
    // Nothing of it is lost by whoever ends strays.
    expect((await rig.start(["sweep"], there()).finished).code).toBe(0);
    await rig.build(args, 0, there());
    expect(items()).toEqual(upTo(3));
    expect(logsIn(rig)).toContain("item 0 begins");
    expect(submissions(rig)).toEqual([]);
  });

  test("a batch that is requeued goes on where it was, of which its first node has told", async () => {
    const rig = project({ faults: "slow500", count: 8 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 8,\n  merge: () =>");
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => items().length >= 4);
    const job = cluster
      .tell("squeue", "-h", "-t", "running", "-o", "%A %j")
      .split("\n")
      .find((line) => line.endsWith("-draw"))!;
    cluster.tell("scontrol", "requeue", job.split(" ")[0]!);
    await until(() => {
      cluster.tell("scontrol", "update", `jobid=${job.split(" ")[0]!}`, "StartTime=now");
      return build.process.exitCode !== null;
    });
    expect((await build.finished).code).toBe(0);
    expect(new Set(items())).toEqual(new Set(upTo(8)));
    expect(items().length).toBeLessThanOrEqual(11);
  });

  test("what recipes paid there is remembered here, whatever becomes of driver and batch", async () => {
    const rig = makeProject(payingProject);
    rig.write({
      "recipes.ts": rig.read("recipes.ts").replaceAll("BOTH", JSON.stringify(both)),
      "exp.local.yaml": "slurm: { poll: 0.3, files: shared-cache }\n",
    });
    const paid = () => (existsSync(join(both, "paid")) ? readFileSync(join(both, "paid"), "utf8") : "");
    const build = rig.start(["build", ...args], there());
    // Two answers are there, and the recipe is at work with them, when all of them are ended at once.
    await until(() => paid() === "12");
    build.process.kill("SIGKILL");
    await build.finished;
    cluster.tell("scancel", "--me");
    await until(() => running("ask") === 0);
    writeFileSync(join(both, "gate"), "");
    await rig.build(args, 0, there());
    expect(paid()).toBe("12");
    expect(JSON.parse(rig.read("runs/default/ask/said.json"))).toEqual([1, 2]);
    // And by this machine, of which the memory is: other code, the same questions.
    rig.edit("recipes.ts", "write(said)", "write([...said, 3])");
    await rig.build([], 0, there());
    expect(paid()).toBe("12");
    // The other way round: what is remembered here goes there.
    rig.edit("recipes.ts", "write([...said, 3])", "write([...said, 4])");
    await rig.build(args, 0, there());
    expect(paid()).toBe("12");
    expect(JSON.parse(rig.read("runs/default/ask/said.json"))).toEqual([1, 2, 4]);
  });

  test("ended by sweep, it begins no more; and what had ended is taken in", async () => {
    const rig = project({ faults: "slow300", count: 30 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 5,\n  merge: () =>");
    const build = rig.start(["build", ...args], there());
    await until(() => items().length >= 8);
    build.process.kill("SIGKILL");
    await build.finished;
    const swept = await rig.start(["sweep"], there()).finished;
    expect(swept.stdout).toMatch(/^ended \d+ batches/);
    await until(() => running("draw") === 0);
    const before = items().length;
    await rig.build(args, 0, there());
    expect(new Set(items())).toEqual(new Set(upTo(30)));
    // What was under way in four batches is made again, and what they had not told yet.
    expect(items().length - before).toBeLessThanOrEqual(30 - before + 4 * 3);
  });

  test("an edited source does not travel as what it was", async () => {
    const rig = project();
    rig.edit("Expfile.ts", "outputs: { seen: json()", "inputs: { word: text() }, outputs: { seen: json()");
    rig.edit("Expfile.ts", "const seen = see();", 'const seen = see({ word: source("word.txt", text()) });');
    rig.edit("Expfile.ts", "rule, text", "rule, source, text");
    rig.edit("recipes.ts", "export const see = async ({ config,", "export const see = async ({ inputs, config,");
    rig.edit("recipes.ts", 'log("seen by', 'config = { word: await inputs.word.read() };\n  log("seen by');
    rig.write({ "word.txt": "first" });
    await rig.build(["see", ...args], 0, there());
    expect(JSON.parse(rig.read("runs/default/see/seen.json"))).toMatchObject({ word: "first" });
    rig.write({ "word.txt": "second" });
    await rig.build(["see", ...args], 0, there());
    expect(JSON.parse(rig.read("runs/default/see/seen.json"))).toMatchObject({ word: "second" });
  });

  test("a recipe that fails is told by its own sources and its log", async () => {
    const rig = project({ faults: "fails=3" });
    const failed = failuresOf((await rig.build([...args, "-k"], 1, there())).events);
    expect(failed).toContain("no luck with 3");
    expect(failed).toMatch(/recipes\.ts:\d+/);
    expect(failed).toContain("item 3 begins");
  });

  test("a package that has to lie beside a recipe does not travel", async () => {
    const rig = project();
    rig.write({
      "node_modules/beside/package.json": '{"name":"beside","version":"1.0.0","main":"index.js"}',
      "node_modules/beside/index.js": "exports.word = 1;",
    });
    rig.edit("Expfile.ts", 'env: ["DECLARED"]', 'externals: ["beside"], env: ["DECLARED"]');
    rig.edit("recipes.ts", "import {", 'import beside from "beside";\nimport {');
    rig.edit("recipes.ts", 'log("seen by', 'log(String(beside.word));\n  log("seen by');
    const failed = failuresOf((await rig.build(["see", ...args], 1, there())).events);
    expect(failed).toContain('its recipe needs the package \\"beside\\" beside it, which does not travel');
  });
});

interface Work {
  readonly submitted: readonly { readonly target: string; readonly actions: number; readonly ended: number }[];
}

const payingProject = {
  "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const asking = contract({ name: "lab/ask", outputs: { said: json() } });
export type Asking = typeof asking;
const ask = rule(asking, { recipe: () => import("./recipes.ts").then((m) => m.ask) });
export default experiments({ main: () => ({ ask: ask() }) });
`,
  "recipes.ts": `import { appendFileSync, existsSync } from "node:fs";
import type { Recipe } from "expfile";
import type { Asking } from "./Expfile.ts";
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
export const ask: Recipe<Asking> = async ({ outputs, call }) => {
  const said: unknown[] = [];
  for (const n of [1, 2])
    said.push(await call({ request: { question: n } }, async () => {
      appendFileSync(BOTH + "/paid", String(n));
      return { response: n, costUsd: 0.01 };
    }));
  while (!existsSync(BOTH + "/gate")) await sleep(20);
  await outputs.said.write(said);
};
`,
  "configs/default.yaml": "version: 1\n",
};

function project({ files: by = ", files: shared-cache", count = 12, faults = "" } = {}): Rig {
  const rig = makeProject(files);
  rig.write({
    "recipes.ts": rig.read("recipes.ts").replaceAll("ROOT", JSON.stringify(both)),
    "configs/default.yaml": `version: 1\ndraw: { count: ${count}, faults: "${faults}" }\n`,
    "exp.local.yaml": `slurm: { poll: 0.3${by} }\n`,
  });
  return rig;
}

function items(): readonly number[] {
  const journal = join(both, "journal");
  if (!existsSync(journal)) return [];
  const lines = readFileSync(journal, "utf8").matchAll(/^item (\d+)$/gm);
  return [...lines].map(([, n]) => Number(n)).sort((a, b) => a - b);
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function submissions(rig: Rig): readonly string[] {
  const folder = rig.path("runs/default/.submitted");
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The texts of all files of that name below a folder; of all files, if it is "". */
function textsIn(folder: string, name: string): string {
  if (!existsSync(folder)) return "";
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (name === "" || entry.name === name))
    .map((entry) => readIfThere(join(entry.parentPath, entry.name)))
    .join("\n");
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function logsIn(rig: Rig): string {
  return textsIn(rig.path("runs/default/logs"), "");
}

function running(target: string): number {
  const lines = cluster.tell("squeue", "-h", "-t", "running,completing", "-o", "%j").split("\n");
  return lines.filter((line) => line.endsWith(`-${target}`)).length;
}

function failuresOf(events: readonly Event[]): string {
  return JSON.stringify(events.filter((event) => event.kind === "target-failed"));
}

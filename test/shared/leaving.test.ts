// Outputs of cached results that nothing here reads may stay in the shared cache: what a run shows of them, and that it is never wrong about what is up to date.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeProject, repository, type Rig } from "../rig.ts";
import { hasPython, terminal } from "../terminal.ts";
import { entriesIn, startFolderServer, startProxy, temporaryFolder, type Fault } from "./places.ts";

/** `make` → `one`, `two` → `both`. What `make` makes differs each time that it is made. */
const files = {
  "Expfile.ts": `import { contract, experiments, file, rule, text, tree, z } from "expfile";
const making = contract({
  name: "chain/make",
  config: z.strictObject({ word: z.string().default("word") }),
  outputs: { small: text(), large: file(".bin"), folder: tree() },
});
const half = (name: string) =>
  contract({ name: "chain/" + name, inputs: { large: file(".bin"), folder: tree() }, outputs: { text: text() } });
const joining = contract({ name: "chain/both", inputs: { left: text(), right: text() }, outputs: { text: text() } });
const make = rule(making, () => import("./recipes.ts").then((m) => m.make));
const left = rule(half("left"), () => import("./recipes.ts").then((m) => m.left));
const right = rule(half("right"), () => import("./recipes.ts").then((m) => m.right));
const both = rule(joining, () => import("./recipes.ts").then((m) => m.both));
export default experiments({
  main: () => {
    const made = make();
    const given = { large: made.large, folder: made.folder };
    const l = left(given);
    const r = right(given);
    return { make: made, one: l, two: r, both: both({ left: l.text, right: r.text }) };
  },
});
`,
  "recipes.ts": `import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
const read = (inputs) => readFileSync(inputs.large.path, "utf8").slice(0, 40) + readFileSync(inputs.folder.file("a.txt"), "utf8").slice(0, 8);
export const make = async ({ config, outputs }) => {
  await outputs.small.write(config.word);
  writeFileSync(outputs.large.path, randomBytes(10).toString("hex").repeat(20_000));
  writeFileSync(outputs.folder.file("a.txt"), config.word.repeat(2000));
};
export const left = async ({ inputs, outputs }) => outputs.text.write("left " + read(inputs));
export const right = async ({ inputs, outputs }) => outputs.text.write("right " + read(inputs));
export const both = async ({ inputs, outputs }) =>
  outputs.text.write((await inputs.left.read()) + "\\n" + (await inputs.right.read()));
`,
};

const asked = ["--outputs", "asked"];
const withCache = (shared: string) => ({ env: { EXP_SHARED_CACHE: shared } });

/** A team's cache that holds all, and a second machine that has built `both` alone. */
async function leftThere(more: readonly string[] = asked): Promise<{ team: string; first: Rig; second: Rig }> {
  const team = temporaryFolder();
  const first = makeProject(files);
  await first.build([], 0, withCache(team));
  const second = makeProject(files);
  const built = await second.build(["both", ...more], 0, withCache(team));
  expect(built.targets).toEqual({ make: "cached", one: "cached", two: "cached", both: "cached" });
  const isLeft = more === asked;
  expect(built.end.shared).toMatchObject({ place: team, taken: 4, given: 0, published: 0, left: isLeft ? 2 : 0 });
  return { team, first, second };
}

const place = (name: string) => `runs/default/${name}`;
/** Without what answers for it unseen. */
function forgetStamps(rig: Rig): void {
  rig.remove("cache/stamps");
  rig.remove("cache/recall");
}
function loseContent(team: string): void {
  rmSync(join(team, "cas"), { recursive: true });
  mkdirSync(join(team, "cas"));
}
interface Row {
  readonly target: string;
  readonly state: string;
  readonly left?: readonly string[];
}
async function statusOf(rig: Rig, env: Readonly<Record<string, string>> = {}): Promise<readonly Row[]> {
  const { stdout } = await rig.start(["status", "--json"], { env }).finished;
  return (JSON.parse(stdout) as { targets: readonly Row[] }).targets;
}

test("outputs of targets that were asked for come, the others stay, and the run says where they are", async () => {
  const { team, first, second } = await leftThere();
  expect(second.read(place("both/text.txt"))).toBe(first.read(place("both/text.txt")));
  // What is kept with the result is here anyway.
  expect(second.has(place("make/small.txt"))).toBe(true);
  expect(second.has(place("make/large.bin"))).toBe(false);
  expect(second.has(place("make/folder"))).toBe(false);
  const record = second.read(place("run.yaml"));
  expect(record).toMatch(new RegExp(`left:\\n +large: ${join(team, "cas")}/../[0-9a-f]{64}\\n +folder: `));
  expect(await statusOf(second)).toMatchObject([
    { target: "make", state: "fresh", left: ["large", "folder"] },
    { target: "one", state: "fresh" },
    { target: "two", state: "fresh" },
    { target: "both", state: "fresh" },
  ]);
  expect((await second.exp("status")).stdout).toContain("large, folder: in the shared cache (exp fetch)");
  expect((await second.exp("why", "make")).stdout).toContain("large, folder: in the shared cache (exp fetch)");
  const shown = await second.exp("show", "make.large");
  expect([shown.code, shown.stderr]).toEqual([2, expect.stringContaining("exp fetch brings it")]);
  expect((await second.exp("show", "make")).stdout).toMatch(/large .*in the shared cache \(exp fetch\)/);
});

test("a build in which outputs were left is up to date afterwards, also where the cache is out of reach", async () => {
  const { team, second } = await leftThere();
  const again = async (shared: string) => (await second.build(["both", ...asked], 0, withCache(shared))).end;
  expect((await again(team)).outcome).toBe("up-to-date");
  forgetStamps(second);
  expect((await again("off")).outcome).toBe("up-to-date");
  forgetStamps(second);
  second.remove("cache");
  // What lies in a folder has to be known.
  expect((await again(team)).outcome).toBe("up-to-date");
  expect(second.has(place("make/large.bin"))).toBe(false);
});

test("a file that appears in the place of an output that was left is set aside, and never taken for it", async () => {
  const { team, second } = await leftThere();
  second.write({ [place("make/large.bin")]: "mine" });
  const built = await second.build(["both", ...asked], 0, withCache(team));
  expect(built.events).toContainEqual(
    expect.objectContaining({ kind: "output-set-aside", file: "make/large.bin", to: "set-aside/make_large.bin" }),
  );
  expect(second.has(place("make/large.bin"))).toBe(false);
  expect(second.read(place("set-aside/make_large.bin"))).toBe("mine");
});

test("what an earlier result left at the place goes away", async () => {
  const team = temporaryFolder();
  await makeProject(files).build(["--set", "make.word=new"], 0, withCache(team));
  const second = makeProject(files);
  await second.build([], 0, withCache("off"));
  expect(second.has(place("make/large.bin"))).toBe(true);
  const built = await second.build(["both", "--set", "make.word=new", ...asked], 0, withCache(team));
  expect(built.targets).toMatchObject({ make: "cached" });
  expect([second.has(place("make/large.bin")), second.has(place("make/folder"))]).toEqual([false, false]);
  expect(second.read(place("make/small.txt"))).toBe("new");
});

test("what is computed here has its inputs brought, and nothing else is computed", async () => {
  const { team, first, second } = await leftThere();
  second.edit("recipes.ts", '"left "', '"LEFT "');
  const built = await second.build(["both", ...asked], 0, withCache(team));
  expect(built.targets).toEqual({ make: "fresh", one: "computed", two: "fresh", both: "computed" });
  expect(second.read(place("one/text.txt"))).toBe(first.read(place("one/text.txt")).replace("left", "LEFT"));
  forgetStamps(second);
  expect((await second.build(["both", ...asked], 0, withCache(team))).end.outcome).toBe("up-to-date");
});

test("what nobody has any more is made again, and what rests on the former bytes is looked at again", async () => {
  const { team, second } = await leftThere();
  loseContent(team);
  second.edit("recipes.ts", '"left "', '"LEFT "');
  const built = await second.build(["both", ...asked], 0, withCache(team));
  expect(built.targets).toEqual({ make: "computed", one: "computed", two: "computed", both: "computed" });
  const made = second.read(place("make/large.bin")).slice(0, 40);
  expect(second.read(place("both/text.txt"))).toBe(`LEFT ${made}wordword\nright ${made}wordword`);
  forgetStamps(second);
  expect((await second.build([], 0, withCache("off"))).end.outcome).toBe("up-to-date");
});

test("with --keep-going, what failed before something was made again is not begun", async () => {
  const { team, second } = await leftThere();
  loseContent(team);
  second.edit("recipes.ts", '"left "', '"LEFT "');
  second.edit("recipes.ts", 'outputs.text.write("right "', 'outputs.text.fail("right "');
  const built = await second.build(["both", "-k", ...asked], 1, withCache(team));
  expect(built.targets).toEqual({ make: "computed", one: "computed", two: "failed", both: "skipped" });
});

test("a build that brings all outputs brings what was left", async () => {
  const { team, first, second } = await leftThere();
  const plan = await second.start(["plan", "both"], withCache(team)).finished;
  expect(plan.stdout).toContain("its outputs were left in the shared cache");
  const built = await second.build(["both"], 0, withCache(team));
  expect(built.targets).toEqual({ make: "cached", one: "fresh", two: "fresh", both: "fresh" });
  expect(second.read(place("make/large.bin"))).toBe(first.read(place("make/large.bin")));
  expect(second.read(place("run.yaml"))).not.toContain("left:\n");
  expect((await second.build(["both"], 0, withCache("off"))).end.outcome).toBe("up-to-date");
});

test("where it cannot bring them and nothing needs them, they stay, with a warning; a target that is asked for is made again", async () => {
  const { team, second } = await leftThere();
  loseContent(team);
  const stayed = await second.build(["both"], 0, withCache(team));
  expect(stayed.end.counts.computed).toBe(0);
  expect(stayed.events).toContainEqual(
    expect.objectContaining({ kind: "warning", text: expect.stringContaining("outputs of make stay") as string }),
  );
  const made = await second.build(["make"], 0, withCache(team));
  expect(made.targets).toEqual({ make: "computed" });
  expect(second.has(place("make/large.bin"))).toBe(true);
});

test("an output that was here and is lost is made again, though others may be left", async () => {
  const { team, second } = await leftThere();
  await second.build(["both"], 0, withCache(team));
  second.remove(place("make"));
  second.remove("cache");
  const built = await second.build(["both", ...asked], 0, withCache("off"));
  expect(built.targets).toMatchObject({ make: "computed" });
});

test("the Expfile may say that outputs stay, and a flag says otherwise", async () => {
  const team = temporaryFolder();
  const said = {
    ...files,
    "Expfile.ts": files["Expfile.ts"].replace(
      /\}\);\n$/,
      `}, { cache: { shared: { at: "${team}", outputs: "asked" } } });\n`,
    ),
  };
  await makeProject(said).build([]);
  const second = makeProject(said);
  await second.build(["both"]);
  expect(second.has(place("make/large.bin"))).toBe(false);
  await second.build(["both", "--outputs", "all"]);
  expect(second.has(place("make/large.bin"))).toBe(true);
});

interface Fetched {
  readonly brought: readonly {
    readonly name: string;
    readonly output: string;
    readonly size: number;
    readonly path?: string;
  }[];
  readonly missing: readonly { readonly name: string; readonly output: string; readonly at: string }[];
  readonly bytes: number;
}
async function fetchJson(
  rig: Rig,
  shared: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const { code, stdout, stderr } = await rig.start(["fetch", "--json", ...args], {
    env: { EXP_SHARED_CACHE: shared, ...env },
  }).finished;
  return { code, stderr, fetched: (stdout === "" ? undefined : JSON.parse(stdout)) as Fetched | undefined };
}

test("exp fetch brings what was left to its place, and the run is up to date as before", async () => {
  const { team, first, second } = await leftThere();
  const { code, fetched } = await fetchJson(second, team);
  expect(code).toBe(0);
  expect(fetched!.brought.map(({ name, output }) => `${name}.${output}`).sort()).toEqual(["make.folder", "make.large"]);
  expect(second.read(place("make/large.bin"))).toBe(first.read(place("make/large.bin")));
  expect(second.read(place("make/folder/a.txt"))).toBe(first.read(place("make/folder/a.txt")));
  expect(second.read(place("run.yaml"))).not.toContain("left:\n");
  expect((await second.build(["both"], 0, withCache("off"))).end.outcome).toBe("up-to-date");
  const again = await second.start(["fetch"], withCache(team)).finished;
  expect([again.code, again.stdout]).toEqual([0, "nothing to bring: what was asked for is here\n"]);
});

test("exp fetch brings one output that is named, and says what cannot be had", async () => {
  const { team, second } = await leftThere();
  expect((await fetchJson(second, team, ["make.folder"])).fetched!.brought).toMatchObject([{ output: "folder" }]);
  expect([second.has(place("make/folder")), second.has(place("make/large.bin"))]).toEqual([true, false]);
  expect(second.read(place("run.yaml"))).toMatch(/left:\n +large: /);
  loseContent(team);
  const { code, stdout } = await second.start(["fetch"], withCache(team)).finished;
  expect(code).toBe(1);
  expect(stdout).toMatch(/^make\.large cannot be had: .*\/cas\/.* does not give it\. exp build make makes it again$/m);
  const unknown = await second.start(["fetch", "maek"], withCache(team)).finished;
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('Did you mean "make"?')]);
  const none = await second.start(["fetch"], withCache("off")).finished;
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("no shared cache is named")]);
});

test("a fetch that broke off is gone on with by the next one", async () => {
  const large = {
    ...files,
    "recipes.ts": files["recipes.ts"].replace("repeat(20_000)", "repeat(600_000)"),
  };
  const team = temporaryFolder();
  await makeProject(large).build([], 0, withCache(team));
  const second = makeProject(large);
  const { url } = await startFolderServer(team);
  await second.build(["both", ...asked], 0, withCache(url));
  const content = entriesIn(team, "cas").find((file) => readFileSync(file).length === 12_000_000)!;
  const name = content.split("/").at(-1)!;
  let isFirst = true;
  const broken = await startProxy(url, ({ path }): Fault | undefined => {
    if (!path.endsWith(name)) return undefined;
    const fault: Fault = isFirst ? { kind: "cut", after: 6_000_000 } : { kind: "silent" };
    isFirst = false;
    return fault;
  });
  const failed = await fetchJson(second, broken.url, ["make.large"], { EXP_SHARED_CACHE_PATIENCE: "1" });
  expect([failed.code, failed.fetched!.missing]).toMatchObject([1, [{ output: "large" }]]);
  const whole = await startProxy(url, () => undefined);
  expect((await fetchJson(second, whole.url, ["make.large"])).code).toBe(0);
  const [range] = whole.asked.filter(({ path }) => path.endsWith(name)).map((one) => one.range);
  expect(Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1])).toBeGreaterThan(4 << 20);
  expect(readFileSync(second.path(place("make/large.bin"))).equals(readFileSync(content))).toBe(true);
});

test.skipIf(!hasPython)("a fetch on a terminal that ends in an error ends (needs python3)", async () => {
  const { team, second } = await leftThere();
  // Where content would lie while it comes in.
  second.remove("cache/partial");
  second.write({ "cache/partial": "" });
  const said = "there is a file where a folder is needed. Move it away and run the command again";
  const fetching = second.start(["fetch"], { ...withCache(team), through: terminal });
  const ended = fetching.finished.then(({ code, stdout }) => ({ code, stdout }));
  const redrawn = fetching.saw(`${said}\r\n\r\u001b[K`).then(() => "its progress goes on");
  expect(await Promise.race([ended, redrawn])).toEqual({ code: 1, stdout: expect.stringContaining(said) as string });
});

test("what was kept of a fetch and is damaged is brought anew", async () => {
  const { team, second } = await leftThere();
  const large = entriesIn(team, "cas").find((file) => readFileSync(file).length === 400_000)!;
  second.write({ [`cache/partial/${large.split("/").at(-1)!}`]: "damaged" });
  const { code, stderr } = await fetchJson(second, team, ["make.large"]);
  expect([code, stderr]).toEqual([0, ""]);
});

test("verify makes what it reads again, an export says what it lacks, a reader in Python what is left; a clean of files forgets nothing", async () => {
  const { team, second } = await leftThere();
  // What it reads is made again first; `make` makes other bytes each time.
  const verdict = async () => {
    const { stdout } = await second.exp("verify", "two", "--json");
    const { actions } = JSON.parse(stdout) as { actions: readonly { target: string; verdict: unknown }[] };
    return actions.find(({ target }) => target === "two")!.verdict;
  };
  expect(await verdict()).toMatchObject({ kind: "differs" });
  const exported = await second.exp("runs", "export", "default");
  expect([exported.code, exported.stdout]).toEqual([0, expect.stringContaining("exp fetch --items brings")]);
  const read = () =>
    spawnSync("python3", [join(repository, "docs/read_run.py"), second.root, "default"], { encoding: "utf8" });
  if (hasPython) expect([read().status, read().stdout]).toEqual([0, expect.not.stringContaining("wrong:")]);
  second.write({ [place("make/large.bin")]: "mine" });
  if (hasPython) expect(read().stdout).toContain("make/large.bin: its output was left in the shared cache");
  second.remove(place("make/large.bin"));
  await second.exp("clean", "--outputs");
  const built = await second.build(["both", ...asked], 0, withCache(team));
  expect(built.end.counts.computed).toBe(0);
  expect(second.has(place("both/text.txt"))).toBe(true);
  await fetchJson(second, team);
  expect(await verdict()).toEqual({ kind: "same" });
});

test("what was left is no stage for another run, until it is fetched", async () => {
  const { team, second } = await leftThere();
  const other = ["both", "--run", "other", "--from", "default:make"];
  const refused = await second.start(["build", ...other], withCache("off")).finished;
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining("exp fetch make --run default brings it"),
  ]);
  await fetchJson(second, team);
  expect((await second.build(other, 0, withCache("off"))).targets).toMatchObject({ make: "cached" });
});

test("what was paid for comes, also where outputs may stay", async () => {
  const paid = {
    ...files,
    "recipes.ts": files["recipes.ts"].replace(
      "export const make = async ({ config, outputs }) => {",
      "export const make = async ({ config, outputs, call }) => {\n  await call({ request: 1 }, () => Promise.resolve({ response: 1, costUsd: 1.5 }));",
    ),
  };
  const team = temporaryFolder();
  await makeProject(paid).build([], 0, withCache(team));
  const second = makeProject(paid);
  await second.build(["both", ...asked], 0, withCache(team));
  expect(second.has(place("make/large.bin"))).toBe(true);
});

// `--max-usd`: no build spends more than it was told; it stops softly, says so, and the next one goes on from there.

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { makeProject, type Rig, type RunOptions } from "./rig.ts";

const expfile = `import { contract, experiments, fanOut, json, rule, type, z } from "expfile";
const rating = contract({
  name: "money/rate",
  config: z.strictObject({ items: z.int().default(6), unit: z.string().default(""), dear: z.array(z.int()).default([]) }),
  items: { item: type(), outputs: { score: json() } },
  outputs: { scores: json() },
});
const rate = fanOut(rating, {
  split: () => import("./split.ts").then((m) => m.split),
  recipes: { rate: { recipe: () => import("./rate.ts").then((m) => m.recipe), retries: 2, env: ["LEDGER"] } },
  merge: () => import("./merge.ts").then((m) => m.merge),
  batch: 1,
});
const plain = (name, recipe) => rule(contract({ name, outputs: { out: json() } }), { recipe, env: ["LEDGER"], retries: 2 });
const free = plain("money/free", () => import("./free.ts"));
const ask = plain("money/ask", () => import("./ask.ts"));
const sum = rule(contract({ name: "money/sum", inputs: { scores: json() }, outputs: { out: json() } }), { recipe: () => import("./sum.ts") });
const copy = rule(contract({ name: "money/copy", inputs: { from: json() }, outputs: { out: json() } }), { recipe: () => import("./copy.ts") });
export default experiments({
  main: () => {
    const rated = rate();
    const given = free();
    return { rate: rated, sum: sum({ scores: rated.scores }), free: given, later: copy({ from: given.out }), ask: ask() };
  },
});
`;

const sources = {
  "Expfile.ts": expfile,
  "split.ts": `export const split = ({ config }) =>
  Array.from({ length: config.items }, (_, n) => ({
    item: { n, unit: config.unit, usd: config.dear.includes(n) ? 5 : 0.25 },
    label: "n" + n,
  }));
`,
  "rate.ts": `import { pay } from "./provider.ts";
export const recipe = async ({ item, outputs, call }) => {
  const score = await call({ request: { n: item.n, unit: item.unit }, maxUsd: item.usd }, () => pay("rate " + item.n, item.usd));
  await outputs.score.write(score);
};
`,
  "merge.ts": `export const merge = async ({ items, outputs }) =>
  outputs.scores.write(await Promise.all(items.map((one) => one.outputs.score.read())));
`,
  "free.ts": `export const recipe = ({ outputs }) => outputs.out.write("free");
`,
  "copy.ts": `export const recipe = async ({ inputs, outputs }) => outputs.out.write(await inputs.from.read());
`,
  "sum.ts": `export const recipe = async ({ inputs, outputs }) =>
  outputs.out.write((await inputs.scores.read()).reduce((a, b) => a + b, 0));
`,
  "ask.ts": `import { pay } from "./provider.ts";
export const recipe = async ({ outputs, call }) =>
  outputs.out.write(await call({ request: "ask", maxUsd: 0.25 }, () => pay("ask", 0.25)));
`,
  // A payment is a line of the ledger, which lies outside of what is cached: when it began, and when it had ended.
  "provider.ts": `import { appendFileSync, existsSync } from "node:fs";
export const pay = async (what, costUsd, takesMs = 0) => {
  const file = process.env.LEDGER;
  appendFileSync(file, "asked " + what + "\\n");
  await new Promise((resolve) => setTimeout(resolve, takesMs));
  while (existsSync(file + ".hold")) await new Promise((resolve) => setTimeout(resolve, 10));
  appendFileSync(file, "paid " + what + " " + costUsd + "\\n");
  return { response: what.length, costUsd };
};
`,
};

interface Project {
  readonly rig: Rig;
  readonly options: RunOptions;
  readonly build: Rig["build"];
  /** The whole text that a command prints, and its exit code. */
  readonly run: (...args: readonly string[]) => Promise<{ readonly code: number | null; readonly text: string }>;
  /** What was paid for, in order, and what it came to. */
  readonly paid: () => string[];
  readonly paidUsd: () => number;
}

function project(more: Readonly<Record<string, string>> = {}, env: Readonly<Record<string, string>> = {}): Project {
  const rig = makeProject({ ...sources, ...more });
  const ledger = rig.path("ledger.txt");
  const options = { env: { LEDGER: ledger, ...env } };
  const lines = () => (existsSync(ledger) ? readFileSync(ledger, "utf8").trimEnd().split("\n") : []);
  const paid = () => lines().flatMap((line) => (line.startsWith("paid ") ? [line.slice(5)] : []));
  return {
    ...{ rig, options, paid },
    build: (args = [], expected = 0, other = options) => rig.build(args, expected, other),
    async run(...args) {
      const { code, stdout, stderr } = await rig.start(args, options).finished;
      return { code, text: stdout + stderr };
    },
    paidUsd: () => paid().reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0),
  };
}

const stageOf = (rig: Rig, target: string) =>
  (parse(rig.read("runs/default/run.yaml")) as { targets: Record<string, Record<string, unknown>> }).targets[target]!;
const historyOf = (rig: Rig) =>
  rig
    .read("runs/default/history.jsonl")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("a build that has spent what it may", () => {
  test("keeps what is finished, merges nothing, ends with 3, and the next one goes on from there with a limit of its own", async () => {
    const { rig, build, paid } = project();
    const first = await build(["sum", "-j", "1", "--max-usd", "1"], 3);
    expect(paid()).toHaveLength(4);
    expect(first.end).toMatchObject({ outcome: "unaffordable", costUsd: 1, spentUsd: 1, maxUsd: 1 });
    expect(first.end.counts).toEqual({ computed: 4, cached: 0, fresh: 0 });
    expect(first.events.find(({ kind }) => kind === "target-unaffordable")).toMatchObject({
      ...{ target: "rate", items: 6, remaining: 2, costUsd: 1 },
      why: "a call costs up to $0.25, and $0 is left of the $1.00 that the build may spend",
    });
    expect(first.targets).toEqual({ sum: "skipped" });
    expect(rig.has("runs/default/rate/scores.json")).toBe(false);

    const second = await build(["sum", "-j", "1", "--max-usd", "0.25"], 3);
    expect(second.end).toMatchObject({ costUsd: 0.25, spentUsd: 0.25 });
    expect(second.end.counts).toMatchObject({ computed: 1, fresh: 4 });
    const third = await build(["sum", "--max-usd", "0.25"]);
    expect(third.targets).toEqual({ rate: "computed", sum: "computed" });
    expect(paid().sort()).toEqual([0, 1, 2, 3, 4, 5].map((n) => `rate ${n} 0.25`));
    // All that was spent on it, by three builds.
    expect(stageOf(rig, "rate")).toMatchObject({ status: "done", cost_usd: 1.5 });
    expect(stageOf(rig, "rate")).not.toHaveProperty("spent_usd");
  });

  test("says in run.yaml, history, status and why that money was the reason", async () => {
    const { rig, build, run } = project();
    await build(["sum", "-j", "1", "--max-usd", "1"], 3);
    const unpaid =
      "not paid for: 4 of 6 items finished, 2 remain; a call costs up to $0.25, and $0 is left of the $1.00 that the build may spend";
    expect(stageOf(rig, "rate")).toMatchObject({
      status: "unaffordable",
      items: 6,
      remaining: 2,
      spent_usd: 1,
      build: 1,
    });
    expect(stageOf(rig, "rate").unpaid).toBe(unpaid);
    expect(historyOf(rig)).toMatchObject([
      { outcome: "unaffordable", cost_usd: 1, max_usd: 1, changed: { rate: { origin: "unaffordable" } } },
    ]);
    const status = JSON.parse((await run("status", "--json")).text) as { targets: Record<string, unknown>[] };
    expect(status.targets.find(({ target }) => target === "rate")).toMatchObject({
      ...{ state: "stale", items: { fresh: 4, cached: 0, stale: 2 } },
      unpaid,
    });
    expect((await run("status")).text).toContain(unpaid);
    expect((await run("why", "rate")).text).toContain(unpaid);
    const past = await run("why", "rate", "--build", "1");
    expect(past.text).toMatch(/^rate was not paid for in build 1/);
    expect(past.text).toContain(unpaid);
    for (const word of ["failed", "error"]) expect(past.text + (await run("status")).text).not.toContain(word);
    // When it is finished, nothing is said of it any more.
    await build(["sum"]);
    expect(stageOf(rig, "rate")).not.toHaveProperty("unpaid");
    expect((await run("why", "rate")).text).not.toContain("not paid for");
    expect((await run("why", "sum", "--build", "1")).text).toContain("which stopped for want of money");
  });

  test("tells people what it spent of what, what remains, and how to go on", async () => {
    const { run } = project();
    const { text } = await run("build", "rate", "-j", "1", "--max-usd", "1");
    expect(text.replaceAll(/after [\d.]+ m?s/g, "after 1 s")).toBe(
      `
run default · main · configs/default.yaml
rate      unpaid            4 of 6 items finished, 2 remain · $1.00
  why    a call costs up to $0.25, and $0 is left of the $1.00 that the build may spend
stopped for want of money after 1 s: rate is not paid for; 2 items remain; 4 computed; spent $1.00 of $1.00
what is finished is kept, and not paid for again: exp build rate -j 1 --max-usd MORE goes on from here
`.trimStart(),
    );
  });

  test("neither tries again nor blames the recipe, and goes on with targets that cost nothing", async () => {
    const { rig, build, paid } = project();
    rig.edit("free.ts", "({ outputs }) =>", "async ({ outputs }) => await new Promise((r) => setTimeout(r, 1500)) ??");
    const { events, targets, end } = await build(["--max-usd", "0"], 3);
    // The last of them begins when others have long been refused.
    expect(targets).toEqual({ sum: "skipped", free: "computed", later: "computed" });
    expect(events.filter(({ kind }) => kind === "action-retried" || kind === "target-failed")).toEqual([]);
    expect(events.flatMap((event) => (event.kind === "target-unaffordable" ? [event.target] : [])).sort()).toEqual([
      ...["ask", "rate"],
    ]);
    expect([end.spentUsd, end.maxUsd, paid()]).toEqual([0, 0, []]);
  });

  test("stops at the first item that it cannot pay for, and with -k tries those that cost less", async () => {
    const { build, paid } = project();
    const dear = ["rate", "-j", "1", "--rate.dear", "[1, 3]", "--max-usd", "2"];
    await build(dear, 3);
    expect(paid()).toEqual(["rate 0 0.25"]);
    const { events } = await build([...dear, "-k"], 3);
    expect(paid().sort()).toEqual(["rate 0 0.25", "rate 2 0.25", "rate 4 0.25", "rate 5 0.25"]);
    expect(events.find(({ kind }) => kind === "target-unaffordable")).toMatchObject({ remaining: 2 });
  });

  test("that also has a failure has failed", async () => {
    const { rig, build } = project();
    rig.write({ "free.ts": 'export const recipe = () => { throw new Error("no luck"); };\n' });
    const { end, targets } = await build(["-k", "--max-usd", "0"], 1);
    expect([end.outcome, targets.free]).toEqual(["failed", "failed"]);
  });
});

describe("a recipe that is refused", () => {
  test("is not done, whatever it makes of the error", async () => {
    const { rig, build } = project();
    const makesUp = `export const recipe = async ({ outputs, call, log }) => {
  const answer = await call({ request: "ask", maxUsd: 0.25 }, () => { throw new Error("asked"); }).catch((error) => (log(error.message), "made up"));
  await outputs.out.write(answer);
};
`;
    rig.write({ "ask.ts": makesUp });
    const { events } = await build(["ask", "--max-usd", "0.2"], 3);
    expect(events.filter(({ kind }) => kind === "target-unaffordable")).toHaveLength(1);
    expect(rig.has("runs/default/ask/out.json")).toBe(false);
    expect(rig.read("runs/default/logs/ask.log")).toContain("a call costs up to $0.25, and $0.20 is left of the $0.20");
    // Another error, too.
    rig.write({
      "ask.ts": makesUp.replace('"made up"', "Promise.reject(Object.assign(new Error('busy'), { retryable: true }))"),
    });
    const again = await build(["ask", "--max-usd", "0.2"], 3);
    expect(again.events.filter(({ kind }) => kind === "action-retried")).toEqual([]);
  });

  test("keeps what it has paid for, and pays for the rest only", async () => {
    const { rig, build, paid } = project();
    rig.write({
      "ask.ts": `import { pay } from "./provider.ts";
export const recipe = async ({ outputs, call }) => {
  let sum = 0;
  for (const n of [1, 2, 3]) sum += await call({ request: { n }, maxUsd: 0.25 }, () => pay("ask " + n, 0.25));
  await outputs.out.write(sum);
};
`,
    });
    const { end } = await build(["ask", "--max-usd", "0.5"], 3);
    expect(end).toMatchObject({ costUsd: 0.5, spentUsd: 0.5 });
    await build(["ask", "--max-usd", "0.25"]);
    expect(paid()).toEqual(["ask 1 0.25", "ask 2 0.25", "ask 3 0.25"]);
  });

  test("that takes its items together leaves all of them, and counts what it spent once", async () => {
    const { rig, build, paid } = project();
    rig.write({
      "Expfile.ts": expfile
        .replace("m.recipe), retries", "m.recipe), vectorised: true, retries")
        .replace("batch: 1", "batch: 3"),
      "rate.ts": `import { pay } from "./provider.ts";
export const recipe = { run: async ({ items, call }) => {
  for (const { item, outputs } of items)
    await outputs.score.write(await call({ request: { n: item.n }, maxUsd: item.usd }, () => pay("rate " + item.n, item.usd)));
} };
`,
    });
    const first = await build(["rate", "-j", "1", "--max-usd", "1"], 3);
    expect(first.events.find(({ kind }) => kind === "target-unaffordable")).toMatchObject({
      items: 6,
      remaining: 3,
      costUsd: 1,
    });
    expect(first.end).toMatchObject({ costUsd: 1, spentUsd: 1, counts: { computed: 3 } });
    const second = await build(["rate", "-j", "1", "--max-usd", "0.5"]);
    expect(second.end.spentUsd).toBe(0.5);
    expect(paid()).toHaveLength(6);
  });

  test("asks inside of what pays for another call, and does not wait for its own money", async () => {
    const { rig, build, paid } = project();
    rig.write({
      "ask.ts": `import { pay } from "./provider.ts";
export const recipe = async ({ outputs, call }) =>
  outputs.out.write(await call({ request: "outer", maxUsd: 0.25 }, async () => {
    await call({ request: "inner", maxUsd: 0.25 }, () => pay("inner", 0.25));
    return pay("outer", 0.25);
  }));
`,
    });
    await build(["ask", "--max-usd", "0.25"], 3);
    expect(paid()).toEqual([]);
    await build(["ask", "--max-usd", "0.5"]);
    expect(paid()).toEqual(["inner 0.25", "outer 0.25"]);
  });

  test("says what is wrong with a limit or a cost that is no number of dollars, and loses no answer", async () => {
    const { rig, build, run, paid } = project();
    rig.edit("ask.ts", "maxUsd: 0.25", 'maxUsd: "a lot"');
    expect((await run("build", "ask")).text).toContain("maxUsd of a paid call is a lot, and not a number of dollars");
    rig.edit("ask.ts", 'maxUsd: "a lot"', "maxUsd: 0.5");
    rig.edit("ask.ts", 'pay("ask", 0.25)', 'pay("ask", 0.25).then((answer) => ({ ...answer, costUsd: NaN }))');
    const { text } = await run("build", "ask");
    expect(text).toContain("costUsd of a paid answer is NaN, and not a number of dollars: it is remembered as 0.5");
    const { end } = await build(["ask", "--max-usd", "0"]);
    expect([end.outcome, paid()]).toEqual(["done", ["ask 0.25"]]);
  });
});

describe("the limit", () => {
  test("holds for many workers at once, to the cent where calls say what they cost at most", async () => {
    const { rig, build, paid, paidUsd } = project();
    rig.edit("rate.ts", 'pay("rate " + item.n, item.usd)', 'pay("rate " + item.n, (item.n % 5) / 20, 20)');
    const { end } = await build(["rate", "-j", "8", "--rate.items", "60", "--max-usd", "3"], 3);
    expect(paidUsd()).toBeLessThanOrEqual(3 + 1e-9);
    // What was set aside and not spent has served others: by the dearest, only 12 would have been paid for.
    expect(paid().length).toBeGreaterThan(12);
    expect(end.spentUsd).toBeCloseTo(paidUsd(), 9);
    expect(3 - paidUsd()).toBeLessThan(0.25);
  });

  test("of calls that do not say what they cost is overshot by no more than the first call, then by none that is no dearer", async () => {
    const { rig, build, paid } = project();
    rig.edit("rate.ts", ", maxUsd: item.usd", "");
    await build(["rate", "-j", "6", "--max-usd", "0.1"], 3);
    expect(paid()).toHaveLength(1);
    await build(["rate", "-j", "6", "--max-usd", "0.8"], 3);
    expect(paid()).toHaveLength(4);
  });

  test("begins anew with the next build, also when one was killed, and what was finished is not paid for again", async () => {
    const { rig, build, options, paid, paidUsd } = project();
    rig.write({ "ledger.txt.hold": "" });
    const first = rig.start(["build", "rate", "-j", "2", "--max-usd", "0.5"], options);
    const asked = () => rig.has("ledger.txt") && rig.read("ledger.txt").split("\n").length > 2;
    await expect.poll(asked, { timeout: 120_000 }).toBe(true);
    first.process.kill("SIGKILL");
    await first.finished;
    rig.remove("ledger.txt.hold");
    rig.remove("ledger.txt");
    await build(["rate", "-j", "2", "--max-usd", "1"], 3);
    expect([paid().length, paidUsd()]).toEqual([4, 1]);
    await build(["rate", "--max-usd", "0.5"]);
    expect(new Set(paid()).size).toBe(6);
    expect(paid()).toHaveLength(6);
  });

  test("of 0 is enough where all is remembered", async () => {
    const { rig, build, paid } = project();
    await build(["sum", "ask"]);
    const once = paid().length;
    rig.edit("rate.ts", "write(score)", "write(score + 1)");
    rig.edit("ask.ts", "outputs.out.write(", "outputs.out.write(1 + ");
    const { end } = await build(["sum", "ask", "--max-usd", "0"]);
    expect([end.outcome, end.spentUsd, paid().length]).toEqual(["done", 0, once]);
    const { end: last } = await build(["sum", "ask", "--max-usd", "0"]);
    expect([last.outcome, last.maxUsd]).toEqual(["up-to-date", 0]);
  });

  test("waits do not count against a recipe's own time, and none is begun that could not be paid for", async () => {
    const { rig, build, paid } = project();
    rig.edit("Expfile.ts", "m.recipe), retries", "m.recipe), timeoutMs: 1500, retries");
    rig.edit("rate.ts", 'pay("rate " + item.n, item.usd)', 'pay("rate " + item.n, 0.05, 700)');
    // One at a time, because each sets aside all that there is: the fourth waits for more than two seconds.
    const { targets } = await build(["rate", "-j", "4", "--rate.items", "4", "--max-usd", "0.4"]);
    expect(targets).toEqual({ rate: "computed" });
    expect(paid()).toHaveLength(4);
    const lines = rig.read("ledger.txt").trimEnd().split("\n");
    expect(lines.map((line) => line.split(" ")[0])).toEqual(Array.from({ length: 4 }, () => ["asked", "paid"]).flat());
  });

  test("is not waited for by a recipe that pays for something that never ends", async () => {
    const { rig, build } = project();
    rig.edit("Expfile.ts", 'recipe, env: ["LEDGER"], retries: 2', 'recipe, env: ["LEDGER"], timeoutMs: 1000');
    rig.write({
      "ask.ts": `export const recipe = ({ call }) =>
  Promise.all([1, 2].map((n) => call({ request: n, maxUsd: 0.25 }, () => new Promise((resolve) => setTimeout(resolve, 1e8)))));
`,
    });
    const { events } = await build(["ask", "--max-usd", "0.25"], 1);
    expect(JSON.stringify(events)).toContain("ran longer than its timeout of 1000 ms");
  });

  test("is not held up by what a recipe that has ended still pays for", async () => {
    const { rig, build, options, paid } = project();
    // It ends without its own call, which waits for a file that never goes; its worker lives on.
    rig.write({
      "ledger.txt.hold": "",
      "ask.ts": `import { existsSync } from "node:fs";
import { pay } from "./provider.ts";
export const recipe = async ({ outputs, call }) => {
  void call({ request: "ask", maxUsd: 0.5 }, () => pay("ask", 0.5));
  while (!existsSync(process.env.LEDGER)) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await outputs.out.write("without");
};
`,
      "rate.ts": `import { existsSync } from "node:fs";
export const recipe = async ({ item, outputs, call }) => {
  while (!existsSync(process.env.LEDGER)) await new Promise((resolve) => setTimeout(resolve, 10));
  await outputs.score.write(await call({ request: item.n, maxUsd: 0.25 }, () => ({ response: 1, costUsd: 0.25 })));
};
`,
    });
    // Items that wait for it leave it a processor.
    const { targets, end } = await build(["ask", "rate", "-j", "8", "--max-usd", "0.6"], 3, options);
    expect(targets).toEqual({ ask: "computed" });
    expect([end.outcome, paid()]).toEqual(["unaffordable", []]);
    // Nobody knows what became of it: it counts as it might have come to.
    expect(end.spentUsd).toBeGreaterThanOrEqual(0.5);
  });
});

describe("how it is said", () => {
  test("--max-usd and EXP_MAX_USD refuse nonsense, in words, and nothing is built", async () => {
    const { rig, run } = project();
    for (const wrong of ["-1", "five", "1e3", ""]) {
      const { code, text } = await run("build", "--max-usd", wrong);
      expect([code, text]).toEqual([
        2,
        `--max-usd takes a number of dollars, 0 or more, not "${wrong}"\n  --max-usd 5, or --max-usd 0.50; with --max-usd 0 nothing may be paid\n`,
      ]);
    }
    const { code, stderr } = await rig.start(["plan"], { env: { EXP_MAX_USD: "lots" } }).finished;
    expect([code, stderr]).toEqual([
      2,
      'EXP_MAX_USD takes a number of dollars, 0 or more, not "lots"\n  EXP_MAX_USD=5, or EXP_MAX_USD=0.50; with EXP_MAX_USD=0 nothing may be paid\n',
    ]);
    expect(rig.has("runs")).toBe(false);
  });

  test("EXP_MAX_USD counts where the flag says nothing", async () => {
    const { rig, options, build, paid } = project();
    const env = { ...options.env, EXP_MAX_USD: "0.5" };
    await build(["rate", "-j", "1"], 3, { env });
    expect(paid()).toHaveLength(2);
    await build(["rate", "-j", "1", "--max-usd", "0.25"], 3, { env });
    expect(paid()).toHaveLength(3);
    await build(["rate", "-j", "1"], 3, { env: { ...env, EXP_MAX_USD: "0" } });
    await build(["rate"], 0, { env: { ...env, EXP_MAX_USD: "" } });
    // The next build may be answered unseen, but never with another limit than its own.
    expect((await rig.build(["rate"], 0, { env })).end).toMatchObject({ outcome: "up-to-date", maxUsd: 0.5 });
  });

  test("programs hear of the limit at once, and of what is spent while it goes on", async () => {
    const { rig, build } = project();
    rig.edit("rate.ts", 'pay("rate " + item.n, item.usd)', 'pay("rate " + item.n, item.usd, 700)');
    const { events } = await build(["rate", "-j", "1", "--rate.items", "3", "--max-usd", "5"]);
    const spent = events.flatMap((event) => (event.kind === "spent" ? [event] : []));
    expect(spent[0]).toMatchObject({ spentUsd: 0, maxUsd: 5 });
    expect(spent.length).toBeGreaterThan(1);
    expect(spent.at(-1)!.spentUsd).toBeGreaterThan(0);
  });

  test("exp plan says what a build is expected to spend, and warns where that is more", async () => {
    const { rig, build, run } = project();
    await build(["rate"]);
    rig.edit("rate.ts", "write(score)", "write(score + 2)");
    const enough = await run("plan", "rate", "--max-usd", "2");
    expect(enough.code).toBe(3);
    expect(enough.text).toMatch(/, \$1\.50 of \$2\.00 by past traces$/m);
    expect(enough.text).not.toContain("warning");
    const short = await run("build", "--dry-run", "rate", "--max-usd", "1");
    expect(short.text).toContain(
      "warning: a build is expected to cost $1.50, more than the $1.00 that it may spend (--max-usd): it would stop on the way, and keep what is finished",
    );
    const json = JSON.parse((await run("plan", "rate", "--max-usd", "1", "--json")).text) as Record<string, unknown>;
    expect(json).toMatchObject({ maxUsd: 1, warnings: [expect.stringContaining("$1.50")] });
    expect(JSON.parse((await run("plan", "rate", "--json")).text)).not.toHaveProperty("maxUsd");
  });

  test("exp verify pays no more than it may either, and says that it could not", async () => {
    const { rig, build, run } = project();
    await build(["ask"]);
    await rig.exp("clean", "--calls");
    const kept = await build(["ask", "--max-usd", "0"], 3);
    expect(kept.end.outcome).toBe("unaffordable");
    await build(["ask"]);
    rig.remove("runs/.archive/calls");
    const verified = await run("verify", "ask", "--paid", "--max-usd", "0.1");
    expect(verified.code).toBe(3);
    expect(verified.text).toContain("$0.10 is left of the $0.10 that this command may spend");
    expect((await run("verify", "ask", "--paid", "--max-usd", "0.25")).code).toBe(0);
  });

  test("exp watch has one limit for all of its builds, and goes on watching", async () => {
    const { rig, options, paid } = project();
    const watching = rig.start(["watch", "ask", "--paid", "--max-usd", "0.3"], options);
    await watching.saw("up to date");
    expect(paid()).toEqual(["ask 0.25"]);
    rig.edit("ask.ts", 'request: "ask"', 'request: "another"');
    await watching.saw("what is left is not paid for");
    expect(paid()).toEqual(["ask 0.25"]);
    rig.edit("ask.ts", 'request: "another"', 'request: "ask"');
    await watching.saw("done in");
    watching.process.kill("SIGINT");
    expect((await watching.finished).code).toBe(130);
  });
});

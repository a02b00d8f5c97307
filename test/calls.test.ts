// Memory for paid calls: what was paid for once is never paid for again, unless asked.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Calls } from "../src/runs/calls.ts";
import { makeProject, type Rig } from "./rig.ts";

/** Each payment is a line of the ledger, which lies outside of what is cached. */
function paidProject(more: Readonly<Record<string, string>> = {}): {
  rig: Rig;
  env: Record<string, string>;
  paid: () => string[];
} {
  const rig = makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, z } from "expfile";
const judge = rule(
  contract({
    name: "paid/judge",
    config: z.strictObject({ question: z.string().default("how many?"), draws: z.int().default(1), unit: z.string().default("") }),
    outputs: { answers: json() },
  }),
  { recipe: () => import("./judge.ts"), env: ["LEDGER"] },
);
export default experiments({ main: () => ({ judge: judge() }) });
`,
    "judge.ts": `import { ask } from "./provider.ts";
const parse = (answer, unit) => Number(answer.text) + unit;
export const recipe = async ({ config, outputs, call, signal }) => {
  const answers = [];
  for (let draw = 0; draw < config.draws; draw++) {
    const answer = await call({ request: { model: "m", question: config.question }, draw }, () => ask(config.question, draw));
    answers.push(parse(answer, config.unit));
  }
  await outputs.answers.write(answers);
};
`,
    "provider.ts": `import { appendFileSync, existsSync } from "node:fs";
export const ask = async (question, draw) => {
  if (existsSync(process.env.LEDGER + ".down")) throw new Error("503: come back later");
  appendFileSync(process.env.LEDGER, question + " " + draw + "\\n");
  return { response: { text: String(40 + draw) }, costUsd: 0.25 };
};
`,
    ...more,
  });
  const env = { LEDGER: rig.path("ledger.txt") };
  return { rig, env, paid: () => (rig.has("ledger.txt") ? rig.read("ledger.txt").trimEnd().split("\n") : []) };
}

test("two builds with one process number and one hostname, at one time, write into files of their own", async () => {
  const { rig } = paidProject();
  const folder = rig.path("calls");
  const both = [1, 2].map(() => new Calls(folder, { now: () => 1, notBefore: 0 }));
  await Promise.all(both.map((calls, i) => calls.keep([{ request: { i }, draw: 0, response: i, costUsd: 1, at: 1 }])));
  for (const calls of both) calls.close();
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  expect(texts.map((text) => text.trimEnd().split("\n").length)).toEqual([1, 1]);
});

const answers = (rig: Rig, run = "default"): unknown => JSON.parse(rig.read(`runs/${run}/judge/answers.json`));

describe("what was paid for is remembered", () => {
  test("a changed parser re-runs the recipe and pays nothing", async () => {
    const { rig, env, paid } = paidProject();
    const first = await rig.build(["--judge.draws", "2"], 0, { env });
    expect(first.end.costUsd).toBe(0.5);
    expect(answers(rig)).toEqual(["40", "41"]);
    rig.edit("judge.ts", "Number(answer.text) + unit", "Number(answer.text) * 2 + unit");
    const second = await rig.build([], 0, { env });
    expect(second.targets).toEqual({ judge: "computed" });
    expect(second.end.costUsd).toBe(0);
    expect(answers(rig)).toEqual(["80", "82"]);
    expect(paid()).toEqual(["how many? 0", "how many? 1"]);
  });

  test("more draws pay for the new ones only", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    await rig.build(["--judge.draws", "3"], 0, { env });
    expect(paid()).toEqual(["how many? 0", "how many? 1", "how many? 2"]);
  });

  test("another question is another call, and the first one again is free", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    await rig.build(["--judge.question", "how few?"], 0, { env });
    await rig.build(["--judge.question", "how many?", "--judge.unit", "g"], 0, { env });
    expect(paid()).toEqual(["how many? 0", "how few? 0"]);
    expect(answers(rig)).toEqual(["40g"]);
  });

  test("another run of the project pays nothing for the same request", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    await rig.build(["--run", "second", "--judge.unit", "kg"], 0, { env });
    expect(answers(rig, "second")).toEqual(["40kg"]);
    expect(paid()).toHaveLength(1);
  });

  test("a deleted cache does not lose a paid call", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    rig.remove("cache");
    await rig.build(["--judge.unit", "t"], 0, { env });
    expect(paid()).toHaveLength(1);
  });

  test("what was answered before a failure is kept", async () => {
    const { rig, env, paid } = paidProject();
    rig.edit(
      "judge.ts",
      "await outputs.answers.write",
      'if (config.unit === "") throw new Error("no unit");\n  await outputs.answers.write',
    );
    await rig.build(["--judge.draws", "2"], 1, { env });
    expect((await rig.build(["--judge.unit", "s"], 0, { env })).end.costUsd).toBe(0);
    expect(paid()).toHaveLength(2);
  });
});

describe("what is not remembered", () => {
  test("an error of the transport is asked again", async () => {
    const { rig, env, paid } = paidProject();
    rig.write({ "ledger.txt.down": "" });
    const failed = await rig.start(["build"], { env }).finished;
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("503: come back later");
    rig.remove("ledger.txt.down");
    await rig.build([], 0, { env });
    expect(answers(rig)).toEqual(["40"]);
    expect(paid()).toHaveLength(1);
  });
});

describe("clean", () => {
  test("keeps paid calls, and says so", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    const cleaned = await rig.start(["clean", "judge"], { env }).finished;
    expect(cleaned.stdout).toContain("paid calls are kept");
    const built = await rig.build([], 0, { env });
    expect(built.targets).toEqual({ judge: "computed" });
    expect(built.end.costUsd).toBe(0);
    expect(paid()).toHaveLength(1);
  });

  test("--calls pays again, and the new answers are remembered", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    await rig.start(["clean", "judge", "--calls"], { env }).finished;
    expect((await rig.build([], 0, { env })).end.costUsd).toBe(0.25);
    rig.edit("judge.ts", "Number(answer.text) + unit", "Number(answer.text) * 3 + unit");
    expect((await rig.build([], 0, { env })).end.costUsd).toBe(0);
    expect(paid()).toHaveLength(2);
  });

  test("--calls of one run leaves the memory of the others", async () => {
    const { rig, env, paid } = paidProject();
    await rig.build([], 0, { env });
    await rig.build(["--run", "second"], 0, { env });
    await rig.start(["clean", "--calls", "--run", "second"], { env }).finished;
    rig.edit("judge.ts", "Number(answer.text) + unit", "Number(answer.text) * 3 + unit");
    await rig.build([], 0, { env });
    expect(paid()).toHaveLength(1);
  });
});

describe("money is told", () => {
  test("status and plan know what a target cost", async () => {
    const { rig, env } = paidProject();
    await rig.build([], 0, { env });
    const status = JSON.parse((await rig.start(["status", "--json"], { env }).finished).stdout) as {
      targets: unknown[];
    };
    expect(status.targets).toMatchObject([{ target: "judge", costUsd: 0.25 }]);
    const plan = JSON.parse((await rig.start(["plan", "--judge.draws", "2", "--json"], { env }).finished).stdout) as {
      targets: unknown[];
    };
    expect(plan.targets).toMatchObject([{ name: "judge", state: "stale", expectedUsd: 0.25 }]);
  });
});

describe("secrets", () => {
  const secretExpfile = `import { contract, experiments, json, rule } from "expfile";
const judge = rule(contract({ name: "paid/judge", outputs: { answers: json() } }), { recipe: () => import("./judge.ts"), secrets: ["API_KEY"] });
export default experiments({ main: () => ({ judge: judge() }) });
`;
  const telling = `export const recipe = async ({ outputs, log }) => {
  log("the key is " + process.env.API_KEY);
  if (process.env.API_KEY.startsWith("wrong")) throw new Error("refused " + process.env.API_KEY);
  await outputs.answers.write(process.env.API_KEY.length);
};
`;

  test("a secret reaches the recipe and counts for nothing", async () => {
    const { rig } = paidProject({ "Expfile.ts": secretExpfile, "judge.ts": telling });
    await rig.build([], 0, { env: { API_KEY: "first-key-12345" } });
    expect(answers(rig)).toBe(15);
    expect((await rig.build([], 0, { env: { API_KEY: "other-key-123456" } })).end.outcome).toBe("up-to-date");
  });

  test("a secret is found in no file of the project and in no output", async () => {
    const { rig } = paidProject({ "Expfile.ts": secretExpfile, "judge.ts": telling });
    const done = await rig.start(["build"], { env: { API_KEY: "wrong-key-12345" } }).finished;
    expect(done.code).toBe(1);
    expect(done.stdout).toContain("refused");
    expect(done.stdout + done.stderr).not.toContain("wrong-key-12345");
    expect(filesHolding(rig, "wrong-key-12345")).toEqual([]);
  });

  test("a secret that is missing is named with what to do", async () => {
    const { rig } = paidProject({ "Expfile.ts": secretExpfile, "judge.ts": telling });
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stdout + done.stderr).toContain("API_KEY");
    expect(done.stdout + done.stderr).toContain(".env");
  });

  test("a secret may come from the file .env", async () => {
    const { rig } = paidProject({
      "Expfile.ts": secretExpfile,
      "judge.ts": telling,
      ".env": "API_KEY=from-the-file-1\n",
    });
    await rig.build();
    expect(answers(rig)).toBe(15);
  });
});

function filesHolding(rig: Rig, text: string): string[] {
  const names = readdirSync(rig.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name));
  return names.filter((name) => readFileSync(name).includes(text));
}

test("9,000 remembered calls survive a crash before the first result, and a collection", async () => {
  const rig = makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const judge = rule(contract({ name: "paid/judge", outputs: { sum: json() } }), { recipe: () => import("./judge.ts"), env: ["FOLDER"] });
export default experiments({ main: () => ({ judge: judge() }) });
`,
    "judge.ts": `import { appendFileSync, existsSync } from "node:fs";
export const recipe = async ({ outputs, call }) => {
  let [sum, paid] = [0, 0];
  const ask = (q) => call({ request: { q } }, () => (paid++, Promise.resolve({ response: q, costUsd: 0.001 })));
  for (let at = 0; at < 9000; at += 500)
    for (const answer of await Promise.all(Array.from({ length: 500 }, (_, i) => ask(at + i)))) sum += answer;
  appendFileSync(process.env.FOLDER + "/paid.txt", paid + "\\n");
  if (!existsSync(process.env.FOLDER + "/go")) await new Promise(() => setInterval(() => undefined, 1000));
  await outputs.sum.write(sum);
};
`,
  });
  const env = { FOLDER: rig.root };
  const first = rig.start(["build"], { env });
  while (!rig.has("paid.txt")) await new Promise((resolve) => setTimeout(resolve, 20));
  first.process.kill("SIGKILL");
  await first.finished;
  const collected = await rig.exp("gc", "--max-age", "0s", "--max-size", "0");
  expect(collected.code, collected.stderr).toBe(0);
  rig.write({ go: "" });
  const second = await rig.build([], 0, { env });
  expect([rig.read("paid.txt"), second.end.costUsd]).toEqual(["9000\n0\n", 0]);
  expect(rig.read("runs/default/judge/sum.json")).toBe(`${(9000 * 8999) / 2}\n`);
});

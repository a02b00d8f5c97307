// The project of the executor suite: a recipe, a program and a fan-out, each of which writes down what it sees and that it ran.

export const journal = "journal";

export const files: Readonly<Record<string, string>> = {
  "Expfile.ts": `import { command, contract, experiments, fanOut, file, json, rule, text, tree, type, z } from "expfile";
const seeing = contract({
  name: "suite/see",
  config: z.strictObject({ word: z.string().default("word") }),
  outputs: { seen: json(), large: file(".bin"), folder: tree() },
});
export type Seeing = typeof seeing;
const counting = contract({ name: "suite/count", inputs: { large: file(".bin") }, outputs: { size: text() } });
const drawing = contract({
  name: "suite/draw",
  config: z.strictObject({ count: z.int().default(12), faults: z.string().default("") }),
  inputs: { large: file(".bin") },
  outputs: { all: text() },
  items: {
    item: type<{ n: number; faults: string }>(),
    inputs: { large: file(".bin") },
    outputs: { page: text(), size: json() },
  },
});
export type Drawing = typeof drawing;
const see = rule(seeing, { recipe: () => import("./recipes.ts").then((m) => m.see), env: ["DECLARED"], secrets: ["TOKEN"] });
const count = rule(
  counting,
  command({ code: ["count.sh"], argv: ({ inputs, outputs }) => ["sh", "count.sh", inputs.large, outputs.size] }),
);
const draw = fanOut(drawing, {
  split: () => import("./recipes.ts").then((m) => m.split),
  recipes: {
    draw: {
      recipe: () => import("./recipes.ts").then((m) => m.draw),
      retries: { times: 2, backoffMs: 10 },
      timeoutMs: 600_000,
    },
  },
  merge: () => import("./recipes.ts").then((m) => m.merge),
});
export default experiments({
  main: () => {
    const seen = see();
    return { see: seen, count: count({ large: seen.large }), draw: draw({ large: seen.large }) };
  },
});
`,
  "count.sh": `wc -c < "$1" > "$2"\n`,
  "recipes.ts": `import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
const journal = ROOT + "/${journal}";
export const see = async ({ config, outputs, log }) => {
  log("seen by " + process.pid + ", told " + process.env.TOKEN);
  const { DECLARED, UNDECLARED, TZ, LC_ALL } = process.env;
  await outputs.seen.write({ word: config.word, DECLARED, UNDECLARED, TZ, LC_ALL, token: process.env.TOKEN?.length, here: readdirSync(".") });
  writeFileSync(outputs.large.path, Buffer.alloc(300_000, config.word));
  writeFileSync(outputs.folder.file("a.txt"), "a");
  writeFileSync(outputs.folder.file("deep/b.bin"), Buffer.alloc(50_000, config.word));
};
export const split = ({ config, inputs }) =>
  Array.from({ length: config.count }, (_, n) => ({ item: { n, faults: config.faults }, inputs: { large: inputs.large } }));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const draw = {
  setup: () => {
    appendFileSync(journal, "setup\\n");
    return { from: "setup" };
  },
  run: async ({ item: { n, faults }, inputs, outputs, attempt, setup, log }) => {
    log("item " + n + " begins");
    appendFileSync(journal, "begin " + n + "\\n");
    const fault = faults.split(" ").find((each) => each.split("=")[1] === String(n))?.split("=")[0];
    if (fault === "fails") throw new Error("no luck with " + n);
    if (fault === "retries" && attempt < 3) throw Object.assign(new Error("not yet"), { retryable: true });
    if (fault === "hangs") await sleep(1e9);
    if (fault === "dies") process.kill(process.pid, "SIGKILL");
    if (faults.startsWith("slow")) await sleep(Number(faults.slice(4)));
    const waitsFor = ROOT + "/gate";
    if (faults === "gated") while (!existsSync(waitsFor)) await sleep(20);
    await outputs.page.write(String(n).repeat(3000));
    await outputs.size.write({ size: readFileSync(inputs.large.path).length, setup: setup.from });
    appendFileSync(journal, "item " + n + "\\n");
  },
};
export const merge = async ({ items, outputs }) => {
  let all = "";
  for (const { outputs: made } of items) all += (await made.page.read()).slice(0, 3) + JSON.stringify(await made.size.read());
  await outputs.all.write(all);
};
`,
};

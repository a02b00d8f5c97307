// Recipes that are programs: what they see, what counts as their code, and how they fail. Limits of time and memory, for every kind of recipe.

import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

const python = spawnSync("python3", ["--version"], { encoding: "utf8" });
const pythonVersion = /\d+\.\d+/.exec(python.stdout ?? "")?.[0];

/** One target whose program is a shell script; `declared` is what else the command declares. */
function scriptProject(script: string, declared = ""): Rig {
  return makeProject({
    "Expfile.ts": `import { command, contract, experiments, json, rule, text, z } from "expfile";
const spec = contract({ name: "script", config: z.strictObject({ word: z.string().default("word"), other: z.number().default(1) }), outputs: { out: text() } });
const run = rule(spec, command<typeof spec>({
  code: ["scripts/*.sh"],
  argv: ({ config, outputs }) => ["sh", "scripts/run.sh", config.word, outputs.out],
  ${declared}
}));
export default experiments({ main: () => ({ run: run() }) });
`,
    "scripts/run.sh": script,
  });
}
const out = (rig: Rig): string => rig.read("runs/default/run/out.txt");

describe.skipIf(pythonVersion === undefined)("a Python program (skipped where python3 is missing)", () => {
  function pythonProject(): Rig {
    return makeProject({
      "Expfile.ts": `import { command, contract, experiments, json, rule, source, text, z } from "expfile";
const spec = contract({
  name: "count",
  config: z.strictObject({ letter: z.string().default("a") }),
  inputs: { words: text() },
  outputs: { count: json<{ count: number }>() },
});
const count = rule(spec, command<typeof spec>({
  code: ["py/*.py"],
  argv: ({ config, inputs, outputs }) => ["python3", "py/count.py", config.letter, inputs.words, outputs.count],
  tools: { python3: "${pythonVersion}" },
}));
export default experiments({ main: () => ({ count: count({ words: source("words.txt", text()) }) }) });
`,
      "py/count.py": `import json, sys
from helper import count
letter, source, target = sys.argv[1:]
with open(source) as file, open(target, "w") as out:
    json.dump({"count": count(file.read(), letter)}, out)
`,
      "py/helper.py": "def count(text, letter):\n    return text.count(letter)\n",
      "words.txt": "banana\n",
    });
  }

  test("reads its inputs and writes its outputs", async () => {
    const rig = pythonProject();
    await rig.build();
    expect(rig.read("runs/default/count/count.json")).toBe('{"count": 3}');
  });

  test("re-runs when a file of its code, its input or its config changes, and why names which", async () => {
    const rig = pythonProject();
    await rig.build();
    rig.edit("py/helper.py", "text.count(letter)", "text.count(letter) * 2");
    expect((await rig.exp("why", "count")).stdout).toContain("py/helper.py");
    expect((await rig.build()).targets).toEqual({ count: "computed" });
    rig.edit("words.txt", "banana", "bananas");
    expect((await rig.build()).targets).toEqual({ count: "computed" });
    expect((await rig.build(["--count.letter", "n"])).targets).toEqual({ count: "computed" });
    expect(rig.read("runs/default/count/count.json")).toBe('{"count": 4}');
  });
});

describe("what a program sees", () => {
  test("its config stands in the command line; a field that is not in it counts for nothing", async () => {
    const rig = scriptProject('printf "%s" "$1" > "$2"');
    await rig.build();
    expect(out(rig)).toBe("word");
    expect((await rig.build(["--run.other", "2"])).targets).toEqual({ run: "fresh" });
    const changed = await rig.exp("why", "run", "--run.word", "verb");
    expect(changed.stdout).toContain("command");
    expect((await rig.build(["--run.word", "verb"])).targets).toEqual({ run: "computed" });
    expect(out(rig)).toBe("verb");
  });

  test("an empty folder with its code, and neither the project nor its names", async () => {
    const rig = scriptProject('find . -type f | sort > "$2.tmp"; mv "$2.tmp" "$2"; pwd >> "$2"');
    await rig.build();
    const files = out(rig).split("\n").slice(0, -2);
    expect(files.filter((name) => !name.startsWith("./out/"))).toEqual(["./scripts/run.sh"]);
    const folder = out(rig).split("\n").at(-2) ?? "";
    expect(relative(rig.root, folder)).not.toMatch(/run|default/);
  });

  test("declared variables only, in UTC and a fixed locale", async () => {
    const rig = scriptProject('{ echo "$TZ $LC_ALL"; echo "[$HIDDEN] [$SHOWN]"; } > "$2"', 'env: ["SHOWN"],');
    await rig.build([], 0, { env: { HIDDEN: "secretly", SHOWN: "openly", TZ: "Asia/Tokyo", LC_ALL: "de_DE.UTF-8" } });
    expect(out(rig)).toBe("UTC C.UTF-8\n[] [openly]\n");
  });

  test("a declared variable counts, one that is not declared does not", async () => {
    const rig = scriptProject('echo "$SHOWN" > "$2"', 'env: ["SHOWN"],');
    await rig.build([], 0, { env: { SHOWN: "a", HIDDEN: "1" } });
    expect((await rig.build([], 0, { env: { SHOWN: "a", HIDDEN: "2" } })).end.outcome).toBe("up-to-date");
    const why = await rig.start(["why", "run"], { env: { SHOWN: "b" } }).finished;
    expect(why.stdout).toContain("environment SHOWN: a → b");
    expect((await rig.build([], 0, { env: { SHOWN: "b" } })).targets).toEqual({ run: "computed" });
    expect(out(rig)).toBe("b\n");
  });

  test("recipes in TypeScript see no more than programs do", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const spec = contract({ name: "see", outputs: { seen: json() } });
export default experiments({ main: () => ({ see: rule(spec, { recipe: () => import("./see.ts"), env: ["SHOWN"] })() }) });
`,
      "see.ts": `export const recipe = async ({ outputs }) =>
  outputs.seen.write([process.env.SHOWN, process.env.HIDDEN ?? null, new Date(0).getHours(), process.env.LC_ALL]);
`,
    });
    await rig.build([], 0, { env: { HIDDEN: "secretly", SHOWN: "openly", TZ: "Asia/Tokyo" } });
    expect(JSON.parse(rig.read("runs/default/see/seen.json"))).toEqual(["openly", null, 0, "C.UTF-8"]);
  });
});

test("programs run one after the other in one worker, as recipes in TypeScript do", async () => {
  const rig = makeProject({
    "Expfile.ts": `import { command, contract, experiments, rule, text } from "expfile";
const spec = contract({ name: "parent", outputs: { out: text() } });
const ask = (word) => rule(spec, command({ code: [], argv: ({ outputs }) => ["sh", "-c", "echo $PPID > $0 # " + word, outputs.out] }))();
export default experiments({ main: () => Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((name) => [name, ask(name)])) });
`,
  });
  await rig.build(["-j1"]);
  const workers = new Set(["a", "b", "c", "d", "e", "f"].map((name) => rig.read(`runs/default/${name}/out.txt`)));
  expect([...workers]).toHaveLength(1);
});

describe("tools", () => {
  test("a version that the machine does not have is refused with both versions", async () => {
    const rig = scriptProject('echo done > "$2"', 'tools: { node: "99" },');
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain(`node 99 is needed here, found ${process.versions.node}`);
    expect(rig.has("runs/default/run/out.txt")).toBe(false);
  });

  test("a tool that is missing is named", async () => {
    const rig = scriptProject('echo done > "$2"', 'tools: { "no-such-tool": "1" },');
    expect((await rig.exp("build")).stdout).toContain("no-such-tool is needed and was not found");
  });

  test("the declared version counts, down to what is declared", async () => {
    const [major, minor] = process.versions.node.split(".");
    const rig = scriptProject('echo done > "$2"', `tools: { node: "${major}" },`);
    await rig.build();
    rig.edit("Expfile.ts", `node: "${major}"`, `node: "${major}.${minor}"`);
    expect((await rig.exp("why", "run")).stdout).toContain(`tool node: ${major} → ${major}.${minor}`);
    expect((await rig.build()).targets).toEqual({ run: "computed" });
  });
});

describe("a program that fails", () => {
  test("shows its exit code, the end of its log and where the whole is", async () => {
    const rig = scriptProject('for i in $(seq 1 60); do echo "line $i"; done; echo "the last word" >&2; exit 7');
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain('"sh" ended with exit code 7');
    expect(done.stdout).toContain("end of runs/default/logs/run.log:");
    expect(done.stdout).toContain("the last word");
    expect(done.stdout).not.toContain("line 2\n");
    expect(rig.read("runs/default/logs/run.log")).toContain("line 2\n");
  });

  test("by a signal says by which", async () => {
    const rig = scriptProject("kill -TERM $$");
    expect((await rig.exp("build")).stdout).toContain("SIGTERM");
  });

  test("because there is no such program says so, and is not tried again", async () => {
    const rig = scriptProject('echo > "$2"', "retries: { times: 2, backoffMs: 1 },");
    rig.edit("Expfile.ts", '["sh",', '["no-such-program",');
    const built = await rig.build([], 1);
    const failure = built.events.flatMap((event) => (event.kind === "target-failed" ? event.failures : []))[0];
    expect(failure?.what).toContain('the program "no-such-program" was not found');
    expect(built.events.some((event) => event.kind === "action-retried")).toBe(false);
  });

  test("leaves nothing at the place of its outputs", async () => {
    const rig = scriptProject('echo half > "$2"; exit 1');
    await rig.build([], 1);
    expect(rig.has("runs/default/run")).toBe(false);
  });

  test("code that matches no file is an error that names the pattern", async () => {
    const rig = scriptProject('echo > "$2"');
    rig.edit("Expfile.ts", "scripts/*.sh", "script/*.sh");
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stdout + done.stderr).toContain('no file matches "script/*.sh"');
  });
});

describe("limits end the whole process group", () => {
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  /** Resolves when the process is gone; the test's own time limit is the only clock. */
  async function gone(pid: number): Promise<void> {
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const grandchild = 'sleep 600 & echo $! > "$1"; wait';

  test("a timeout ends a program and what it started", async () => {
    const rig = scriptProject(grandchild, "timeoutMs: 400,");
    const done = await rig.exp("build", "--run.word", rig.path("pid"));
    expect(done.code).toBe(1);
    expect(done.stdout).toMatch(/time|timeout/);
    await gone(Number(rig.read("pid")));
  });

  test("Ctrl-C ends a program and what it started", async () => {
    const rig = scriptProject(grandchild);
    const running = rig.start(["build", "--json", "--run.word", rig.path("pid")]);
    while (!rig.has("pid") || rig.read("pid") === "") await new Promise((resolve) => setTimeout(resolve, 10));
    running.process.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    await gone(Number(rig.read("pid")));
  });

  test("a timeout ends a recipe that never yields", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const spec = contract({ name: "spin", outputs: { value: json() } });
export default experiments({ main: () => ({ spin: rule(spec, { recipe: () => import("./spin.ts"), timeoutMs: 400 })() }) });
`,
      "spin.ts": "export const recipe = () => { for (;;); };\n",
    });
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toMatch(/spin failed: .*0\.4 s|spin failed: .*400/);
  });

  test.skipIf(process.platform !== "linux")(
    "memory over the limit ends the action and says so (Linux only)",
    async () => {
      const rig = makeProject({
        "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const spec = contract({ name: "big", outputs: { value: json() } });
export default experiments({ main: () => ({ big: rule(spec, { recipe: () => import("./big.ts"), resources: { memory: 200 } })() }) });
`,
        "big.ts": `export const recipe = async ({ outputs }) => {
  const kept = [];
  for (let i = 0; i < 40; i++) {
    kept.push(Buffer.alloc(2 ** 25, i));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await outputs.value.write(kept.length);
};
`,
      });
      const done = await rig.exp("build");
      expect(done.code).toBe(1);
      expect(done.stdout).toMatch(/big failed: used .*more than its limit of 200 MiB/);
    },
  );
});

describe("retries", () => {
  /** Fails until the attempt that is asked for; `flag` is what the error carries. */
  function flaky(flag: string, options: string): Rig {
    return makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const spec = contract({ name: "flaky", outputs: { value: json() } });
export default experiments({ main: () => ({ flaky: rule(spec, { recipe: () => import("./flaky.ts"), ${options} })() }) });
`,
      "flaky.ts": `export const recipe = async ({ attempt, outputs }) => {
  if (attempt < 3) throw Object.assign(new Error("busy " + attempt), ${flag});
  await outputs.value.write(attempt);
};
`,
    });
  }

  test("what may pass by itself is tried again, with a wait that doubles", async () => {
    const rig = flaky("{ retryable: true }", "retries: { times: 3, backoffMs: 20 }");
    const built = await rig.build();
    const retries = built.events.flatMap((event) => (event.kind === "action-retried" ? [event] : []));
    expect(retries.map(({ attempt, why }) => [attempt, why])).toEqual([
      [2, "busy 1"],
      [3, "busy 2"],
    ]);
    // Jitter keeps to the upper half.
    expect(retries[0]?.waitMs).toBeGreaterThanOrEqual(10);
    expect(retries[0]?.waitMs).toBeLessThanOrEqual(20);
    expect(retries[1]?.waitMs).toBeGreaterThanOrEqual(20);
    expect(retries[1]?.waitMs).toBeLessThanOrEqual(40);
    expect(rig.read("runs/default/flaky/value.json")).toBe("3\n");
  });

  test("what does not say so is not tried again", async () => {
    const built = await flaky("{}", "retries: { times: 3, backoffMs: 1 }").build([], 1);
    expect(built.events.some((event) => event.kind === "action-retried")).toBe(false);
  });

  test("no more often than the rule allows", async () => {
    const built = await flaky("{ retryable: true }", "retries: { times: 1, backoffMs: 1 }").build([], 1);
    expect(built.events.filter((event) => event.kind === "action-retried")).toHaveLength(1);
  });

  test("a program's exit code is tried again where the rule says so", async () => {
    const rig = scriptProject(
      '[ -e "$1" ] && echo done > "$2" || { touch "$1"; exit 1; }',
      "retries: { times: 1, backoffMs: 1 },",
    );
    const built = await rig.build(["--run.word", rig.path("tried")]);
    expect(built.events.filter((event) => event.kind === "action-retried")).toHaveLength(1);
  });

  test("retries, timeouts and resources are in no key", async () => {
    const rig = scriptProject('echo done > "$2"');
    await rig.build();
    rig.edit(
      "Expfile.ts",
      'code: ["scripts/*.sh"],',
      'code: ["scripts/*.sh"], retries: 2, timeoutMs: 60_000, resources: { cpu: 2 },',
    );
    expect((await rig.build()).targets).toEqual({ run: "fresh" });
  });
});

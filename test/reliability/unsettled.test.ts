// Recipes that await what never comes are told so at once, and those that only wait long are left alone.

import { expect, test } from "vitest";
import type { Failure } from "../../src/model/failure.ts";
import { benchOf, expectNoScratch, oneTarget, plainExpfile, plainRule, type Bench } from "./bench.ts";

const out = "outputs: { out: text() }";
const never = "await new Promise(() => {});";

async function failureOf(bench: Bench, args: readonly string[] = []): Promise<Failure> {
  const built = await bench.build(args, 1);
  const failed = built.events.find((event) => event.kind === "target-failed");
  if (failed?.kind !== "target-failed") throw new Error("nothing failed");
  return failed.failures[0]!;
}

test("a recipe that awaits for ever fails, and it is said where it is and what to look for", async () => {
  const bench = benchOf(oneTarget(out, never));
  expect(await failureOf(bench)).toMatchObject({
    what: "it failed: it awaits a promise that was never settled: no timer, file, connection, process or thread is left that could settle it",
    neededBy: "rule bench/it",
    fix: "Look for a promise whose resolve is never called, an event that never comes, or a timer that was unref'd: those do not keep a program alive.",
    details: [expect.stringMatching(/^at recipe.* rules\/it\.ts:6:\d+$/)],
  });
  expectNoScratch(bench.rig);
  bench.rig.edit("rules/it.ts", never, 'await outputs.out.write("right");');
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("right");
});

const halts: readonly (readonly [after: string, body: string])[] = [
  ["a timer", "await new Promise((resolve) => setTimeout(resolve, 20));"],
  ["a program that it ran", 'await new Promise((resolve) => spawn("true").on("exit", resolve));'],
  [
    "a request over a connection that is kept alive",
    `const http = await import("node:http");
  const server = http.createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  await (await fetch("http://127.0.0.1:" + server.address().port)).text();
  server.unref();`,
  ],
  ["a paid call", "await call({ request: { question: 1 } }, async () => ({ response: 1 }));"],
  ["an error that it caught", "await Promise.reject(new Error()).catch(() => {});"],
];
for (const [after, body] of halts) {
  test(`a recipe that awaits for ever after ${after} fails`, async () => {
    const bench = benchOf(oneTarget(out, `${body} ${never}`));
    bench.rig.edit("rules/it.ts", "log, signal", "log, signal, call");
    expect((await failureOf(bench)).what).toContain("never settled");
  });
}

/** Each takes longer than a few turns of the event loop. */
const waits: readonly (readonly [what: string, body: string])[] = [
  ["a timer", "await new Promise((resolve) => setTimeout(resolve, 300));"],
  [
    "an interval",
    "await new Promise((resolve) => { const i = setInterval(() => { clearInterval(i); resolve(); }, 300); });",
  ],
  ["a program", 'await new Promise((resolve) => spawn("sleep", ["0.3"]).on("exit", resolve));'],
  [
    "a program whose output it reads",
    'for await (const piece of spawn("sh", ["-c", "sleep 0.3; echo x"]).stdout) void piece;',
  ],
  [
    "a thread",
    'const { Worker } = await import("node:worker_threads"); const w = new Worker("setTimeout(() => require(\'node:worker_threads\').parentPort.postMessage(1), 300)", { eval: true }); await new Promise((resolve) => w.once("message", resolve));',
  ],
  [
    "a thread that wakes it by shared memory",
    'const { Worker } = await import("node:worker_threads"); const shared = new Int32Array(new SharedArrayBuffer(4)); const w = new Worker("const { workerData } = require(\'node:worker_threads\'); setTimeout(() => { Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0); }, 300)", { eval: true, workerData: shared }); await Atomics.waitAsync(shared, 0, 0).value;',
  ],
  [
    "a channel of messages",
    "const { port1, port2 } = new MessageChannel(); setTimeout(() => port2.postMessage(1), 300); await new Promise((resolve) => (port1.onmessage = resolve)); port1.close();",
  ],
  [
    "a server's answer",
    `const net = await import("node:net");
  const server = net.createServer((socket) => setTimeout(() => socket.end("x"), 300)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const socket = net.connect(server.address().port, "127.0.0.1");
  server.unref();
  for await (const piece of socket) void piece;`,
  ],
  ["a name to be looked up", 'const dns = await import("node:dns/promises"); await dns.lookup("localhost");'],
  [
    "a hash that takes long",
    'const { scrypt } = await import("node:crypto"); await new Promise((resolve) => scrypt("a", "b", 64, { N: 2 ** 17, maxmem: 2 ** 30 }, resolve));',
  ],
  [
    "keys to be made",
    'await crypto.subtle.generateKey({ name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, true, ["encrypt", "decrypt"]);',
  ],
  [
    "a compression",
    'const zlib = await import("node:zlib"); await new Promise((resolve) => zlib.brotliCompress(Buffer.alloc(4 << 20, "expfile"), resolve));',
  ],
  [
    "WebAssembly to be compiled",
    "for (let i = 0; i < 50; i++) await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));",
  ],
  [
    "files",
    'for (let i = 0; i < 50; i++) { await fs.promises.writeFile(scratch + "/f", Buffer.alloc(1 << 20)); await fs.promises.readFile(scratch + "/f"); }',
  ],
  [
    "a pipe to be written to",
    'fs.mkdirSync(scratch, { recursive: true }); await new Promise((resolve) => spawn("mkfifo", [scratch + "/p"]).on("exit", resolve)); spawn("sh", ["-c", "sleep 0.3; echo x > $0", scratch + "/p"]).unref(); await fs.promises.readFile(scratch + "/p");',
  ],
  [
    "a file to change",
    'const w = fs.watch("."); setTimeout(() => fs.writeFileSync("new", ""), 300).unref(); await new Promise((resolve) => w.once("change", resolve)); w.close();',
  ],
  ["a long computation", "for (const end = Date.now() + 300; Date.now() < end;) await null;"],
  ["immediates", "for (let i = 0; i < 1000; i++) await new Promise((resolve) => setImmediate(resolve));"],
  ["shared memory, blocked", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);"],
  [
    "paid calls, its own and one that it only joins",
    "const ask = () => call({ request: { q: 1 } }, async () => { await new Promise((resolve) => setTimeout(resolve, 300)); return { response: 1 }; }); await Promise.all([ask(), ask()]);",
  ],
];
test("recipes that only wait long are left alone, whatever they wait for", async () => {
  const rules = waits.map(([what, body]) => [what.replaceAll(/\W/g, "_"), body] as const);
  const names = rules.map(([name]) => name);
  const bench = benchOf({
    ...plainExpfile(names, `return { ${names.map((name) => `${name}: ${name}()`).join(", ")} };`),
    ...Object.fromEntries(
      rules.flatMap(([name, body]) => Object.entries(plainRule(name, out, `${body} await outputs.out.write("");`))),
    ),
  });
  for (const name of names) bench.rig.edit(`rules/${name}.ts`, "log, signal", "log, signal, call");
  const built = await bench.build();
  expect(built.targets).toEqual(Object.fromEntries(names.map((name) => [name, "computed"])));
});

test("a recipe that waits for an answer that another recipe is paying for is left alone", async () => {
  const ask =
    'const answer = await call({ request: { q: 1 } }, async () => { mark("paid"); await new Promise((resolve) => setTimeout(resolve, 500)); return { response: "yes" }; }); await outputs.out.write(answer);';
  const bench = benchOf({
    ...plainExpfile(["first", "second"], "return { first: first(), second: second() };"),
    ...plainRule("first", out, ask),
    ...plainRule("second", out, ask),
  });
  for (const name of ["first", "second"]) bench.rig.edit(`rules/${name}.ts`, "log, signal", "log, signal, call");
  const built = await bench.build(["-j2"]);
  expect(built.targets).toEqual({ first: "computed", second: "computed" });
  expect(bench.marks.counts.paid).toBe(1);
});

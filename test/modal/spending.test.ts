// What a build may spend at Modal, where a container's second costs dollars: its own time, and the calls that its recipes pay for.

import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, type Rig } from "../rig.ts";
import { ModalServer } from "./server/server.ts";

let server: ModalServer;

beforeAll(async () => {
  server = await ModalServer.start();
});
afterAll(() => server.stop());

/** A dollar a second, half a minute at most. */
const local = `modal: { poll: 0.2, parallel: 4, time: 0.5, prices: { cpu: 1, memory: 0 } }\n`;

function project(recipe: string, count = 6): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, fanOut, text, type } from "expfile";
const drawing = contract({
  name: "lab/draw",
  items: { item: type<{ n: number }>(), outputs: { a: text() } },
  outputs: { all: text() },
});
const draw = fanOut(drawing, {
  split: () => import("./draw.ts").then((m) => m.split),
  recipes: { draw: () => import("./draw.ts").then((m) => m.draw) },
  merge: () => import("./draw.ts").then((m) => m.merge),
  batch: 1,
});
export default experiments({ main: () => ({ draw: draw() }) });
`,
    "draw.ts": `export const split = () => Array.from({ length: ${count} }, (_, n) => ({ item: { n } }));
export const draw = async ({ item, outputs, call }) => {
  ${recipe}
};
export const merge = ({ items, outputs }) => outputs.all.write(String(items.length));
`,
    "configs/default.yaml": "version: 1\n",
    "exp.local.yaml": local,
  });
}

const waiting = `await new Promise((resolve) => setTimeout(resolve, 300));
  await outputs.a.write(String(item.n));`;
const build = ["--executor", "modal", "draw"];
const env = () => ({ env: server.environment });

type Event = { readonly kind: string; readonly [field: string]: unknown };

const spentIn = (events: readonly Event[]) =>
  Math.max(0, ...events.flatMap((event) => (event.kind === "spent" ? [event.spentUsd as number] : [])));
const finishedIn = (events: readonly Event[]) => events.filter(({ kind }) => kind === "item-finished").length;

describe("containers", () => {
  test("no more are begun than the build may spend; what they finished stays, and a build that may spend more goes on", async () => {
    const rig = project(waiting);
    const before = server.sandboxes.all.size;
    const first = await rig.build([...build, "--max-usd", "31"], 3, env());
    const finished = finishedIn(first.events as unknown as Event[]);
    // The first is given 30 of the 31 dollars; when it is over, most of them are free again.
    expect(finished).toBeGreaterThan(0);
    expect(finished).toBeLessThan(6);
    expect(spentIn(first.events as unknown as Event[])).toBeLessThanOrEqual(31);
    expect(existsSync(rig.path("runs/default/draw/all.txt"))).toBe(false);
    expect(server.sandboxes.live).toEqual([]);
    const second = await rig.build([...build, "--max-usd", "1000"], 0, env());
    expect(finishedIn(second.events as unknown as Event[])).toBe(6 - finished);
    expect(rig.read("runs/default/draw/all.txt")).toBe("6");
    expect(server.sandboxes.all.size - before).toBe(6);
  });

  test("what is too dear for one is not begun, and says so", async () => {
    const rig = project(waiting);
    const before = server.sandboxes.all.size;
    const told = await rig.start(["build", ...build, "--max-usd", "1"], env()).finished;
    expect(told.code).toBe(3);
    expect(told.stdout + told.stderr).toContain(
      "30 s of its container cost $30.00, and $1.00 is left of the $1.00 that the build may spend",
    );
    expect(server.sandboxes.all.size).toBe(before);
  });
});

describe("calls of recipes in containers", () => {
  const calling = `const answer = await call(
    { request: { ask: String(item.n) }, maxUsd: 5 },
    () => Promise.resolve({ response: "yes", costUsd: 5 }),
  );
  await outputs.a.write(String(answer));`;

  test("are paid from what the build may spend, and no more of them", async () => {
    const rig = project(calling);
    const first = await rig.build([...build, "--max-usd", "80"], 3, env());
    const finished = finishedIn(first.events as unknown as Event[]);
    const spent = spentIn(first.events as unknown as Event[]);
    expect(finished).toBeLessThan(6);
    expect(spent).toBeGreaterThanOrEqual(5 * finished);
    expect(spent).toBeLessThanOrEqual(80);
    const second = await rig.build([...build, "--max-usd", "2000"], 0, env());
    // What was paid for is remembered: altogether each call is paid once.
    const calls = readdirSync(rig.path("runs/.archive/calls")).flatMap((name) =>
      rig.read(`runs/.archive/calls/${name}`).trim().split("\n"),
    );
    expect(new Set(calls.map((line) => (JSON.parse(line) as { k: string }).k)).size).toBe(6);
    expect(calls.length).toBe(6);
    expect(finishedIn(second.events as unknown as Event[])).toBe(6 - finished);
  });
});

test("a container of an earlier build is waited for as long as this one may pay it, and ended then", async () => {
  const rig = project("await new Promise((resolve) => setTimeout(resolve, 20_000)); await outputs.a.write('a');", 1);
  const driver = rig.start(["build", ...build], env());
  const waited = Date.now();
  while (server.sandboxes.live.length === 0 && Date.now() - waited < 60_000)
    await new Promise((resolve) => setTimeout(resolve, 50));
  driver.process.kill("SIGKILL");
  await driver.finished;
  const told = await rig.start(["build", ...build, "--max-usd", "1"], env()).finished;
  expect(told.code).toBe(3);
  expect(told.stdout).toContain("0 of 1 item finished, 1 remain");
  expect(server.sandboxes.live).toEqual([]);
});

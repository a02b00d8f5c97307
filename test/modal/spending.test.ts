// What a build may spend at Modal, where a container's second costs dollars: its own time, and the calls that its recipes pay for.

import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { finishedIn, paidCalls, paying, spendingProject } from "../spending.fixture.ts";
import { ModalServer } from "./server/server.ts";

let server: ModalServer;

beforeAll(async () => {
  server = await ModalServer.start();
});
afterAll(() => server.stop());

/** A dollar a second, half a minute at most. */
const local = `modal: { poll: 0.2, parallel: 4, time: 0.5, prices: { cpu: 1, memory: 0 } }\n`;

const waiting = `await new Promise((resolve) => setTimeout(resolve, 300));
  await outputs.a.write(String(item.n));`;
const build = ["--executor", "modal", "draw"];
const env = () => ({ env: server.environment });

describe("containers", () => {
  test("no more are begun than the build may spend; what they finished stays, and a build that may spend more goes on", async () => {
    const rig = spendingProject(waiting, { local });
    const before = server.sandboxes.all.size;
    const first = await rig.build([...build, "--max-usd", "31"], 3, env());
    const finished = finishedIn(first.events);
    // The first is given 30 of the 31 dollars; when it is over, most of them are free again.
    expect(finished).toBeGreaterThan(0);
    expect(finished).toBeLessThan(6);
    expect(first.end.spentUsd).toBeLessThanOrEqual(31);
    expect(existsSync(rig.path("runs/default/draw/all.txt"))).toBe(false);
    expect(server.sandboxes.live).toEqual([]);
    const second = await rig.build([...build, "--max-usd", "1000"], 0, env());
    expect(finishedIn(second.events)).toBe(6 - finished);
    expect(rig.read("runs/default/draw/all.txt")).toBe("6");
    expect(server.sandboxes.all.size - before).toBe(6);
  });

  test("what is too dear for one is not begun, and says so", async () => {
    const rig = spendingProject(waiting, { local });
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
  test("are paid from what the build may spend, and no more of them", async () => {
    // Half a minute of a container, thirty cents, is set aside beside what its calls may cost.
    const rig = spendingProject(paying(5), { local: local.replace("cpu: 1", "cpu: 0.01") });
    const first = await rig.build([...build, "--max-usd", "21.5"], 3, env());
    const finished = finishedIn(first.events);
    const spent = first.end.spentUsd;
    // Each goes out alone, with all that is left but what its time may cost: with half of it, the fourth would find too little.
    expect(finished).toBe(4);
    expect(spent).toBeGreaterThan(5 * finished);
    expect(spent).toBeLessThanOrEqual(21.5);
    const second = await rig.build([...build, "--max-usd", "2000"], 0, env());
    // What was paid for is remembered: altogether each call is paid once.
    const calls = paidCalls(rig);
    expect([new Set(calls).size, calls.length]).toEqual([6, 6]);
    expect(finishedIn(second.events)).toBe(6 - finished);
  });
});

test("a container of an earlier build is waited for as long as this one may pay it, and ended then", async () => {
  const recipe = "await new Promise((resolve) => setTimeout(resolve, 20_000)); await outputs.a.write('a');";
  const rig = spendingProject(recipe, { local, count: 1 });
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

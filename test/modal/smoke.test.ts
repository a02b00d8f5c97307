// The smoke test, against the local Modal: it is known to run, says what it is asked of, and leaves nothing.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository, type Finished } from "../rig.ts";
import { hasBubblewrap, ModalServer } from "./server/server.ts";

let server: ModalServer;

beforeAll(async () => {
  server = await ModalServer.start();
});
afterAll(() => server.stop());

function smoke(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(repository, "scripts", "smoke-modal.mjs"), ...args], {
    cwd: repository,
    env: { PATH, HOME, ...server.environment, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (piece: Buffer) => (stdout += piece.toString("utf8")));
  child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString("utf8")));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

test.skipIf(!hasBubblewrap)("asks everything, says of whom and what it costs, and leaves nothing behind", async () => {
  const { code, stdout, stderr } = await smoke(["--yes"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Asks a LOCAL SERVER (http://127.0.0.1:");
  expect(stdout).toContain("Of a LOCAL SERVER, not of Modal:");
  expect(Number(/costs at most \$([\d.]+) by/.exec(stdout)![1])).toBeLessThan(0.1);
  expect(stdout).toMatch(/a container at the end of its lifetime +as expected +status timeout, exit code 124/);
  expect(stdout).toContain("the name is taken; 1 container begun");
  expect(stdout).toContain("25 listed by 3 requests");
  expect(stdout).toContain("All that it began is ended, its volume is deleted.");
  expect(stdout).not.toContain("OTHERWISE");
  expect(server.sandboxes.all.size).toBeGreaterThan(35);
  expect(server.sandboxes.live).toEqual([]);
  expect([...server.volumes.keys()]).toEqual([]);
});

test.skipIf(!hasBubblewrap)("what is otherwise than expected is told, and is its exit code", async () => {
  let begun = 0;
  // The first one is that which commits.
  const misfortune = () => (begun++ === 0 ? ({ kind: "lost", afterMs: 0 } as const) : undefined);
  Object.assign(server.settings, { misfortune, isOverBeforeCommit: true, commitMs: 2000 });
  const { code, stdout } = await smoke(["--yes", "--about", "seen"]);
  const all = await smoke(["--yes", "--about", "a container sees"]);
  Object.assign(server.settings, { misfortune: () => undefined, isOverBeforeCommit: false, commitMs: 0 });
  expect([code, all.code]).toEqual([1, 0]);
  expect(stdout).toMatch(/`sync` is seen while it lives +OTHERWISE +/);
  expect(stdout).toMatch(/without `sync` is seen when it is over +as expected +seen after [12]\.\d s/);
  expect(server.sandboxes.live).toEqual([]);
});

test("where nobody agrees, or nobody may ask, nothing is begun", async () => {
  const before = server.sandboxes.all.size;
  const unasked = await smoke([]);
  expect([unasked.code, unasked.stderr]).toEqual([2, "Nobody can be asked here: say --yes, and it is done.\n"]);
  const stranger = await smoke(["--yes"], { MODAL_TOKEN_SECRET: "" });
  expect(stranger.code).toBe(2);
  expect(stranger.stderr).toContain("of Modal's token the secret is missing");
  expect(server.sandboxes.all.size).toBe(before);
  expect([...server.volumes.keys()]).toEqual([]);
});

test("what is interrupted is cleaned up all the same", async () => {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(repository, "scripts", "smoke-modal.mjs"), "--yes"], {
    ...{ cwd: repository, env: { PATH, HOME, ...server.environment }, stdio: "ignore" },
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  while (server.sandboxes.running.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGINT");
  expect(await ended).toBe(1);
  expect(server.sandboxes.live).toEqual([]);
  expect([...server.volumes.keys()]).toEqual([]);
});

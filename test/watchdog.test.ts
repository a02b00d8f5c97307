// The shell that ends what a killed driver leaves behind: the groups that it knows to live, and no others.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repository } from "./rig.ts";

let folder = "";
const sleepers: ChildProcess[] = [];
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "exp-watchdog-"))));
afterEach(() => {
  for (const sleeper of sleepers.splice(0)) sleeper.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Stands for a worker: the first of a group of its own. */
function sleeper(): number {
  const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
  sleepers.push(child);
  return child.pid!;
}

/** A driver that tells the watchdog so, and then ends as the signal says; without one, in good order. */
async function drive(calls: string, signal: string | undefined): Promise<void> {
  const module = join(folder, "watchdog.mjs");
  const source = join(repository, "src/backends/executors/local/watchdog.ts");
  buildSync({ entryPoints: [source], outfile: module, bundle: true, platform: "node", format: "esm" });
  const end = signal === undefined ? "dog.close()" : `process.kill(process.pid, "${signal}")`;
  const text = `import { Watchdog } from ${JSON.stringify(module)};
const dog = new Watchdog(${JSON.stringify(join(folder, "scratch"))}, { PATH: process.env.PATH });
${calls}
setTimeout(() => ${end}, 300);`;
  await once(spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: "inherit" }), "exit");
}

const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

test("ends the groups that live, and none that has ended before: its number may be another's by now", async () => {
  const [one, two, three] = [sleeper(), sleeper(), sleeper()];
  const gone = once(sleepers[1]!, "exit");
  await drive(
    `dog.began(${one}); dog.began(${two}); dog.began(${three}); dog.ended(${three}); dog.ended(${one});`,
    "SIGKILL",
  );
  await gone;
  expect(sleepers.map(isOver)).toEqual([false, true, false]);
});

test("ends nothing after a driver that has ended in good order", async () => {
  const [one, two] = [sleeper(), sleeper()];
  await drive(`dog.began(${one}); dog.began(${two});`, undefined);
  // As long as the other takes to be ended, and longer.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(sleepers.map(isOver)).toEqual([false, false]);
});

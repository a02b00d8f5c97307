// Builds in Modal containers, when the platform misbehaves or has not been told enough: the program against the local Modal.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, type Rig } from "../rig.ts";
import { hasBubblewrap, ModalServer } from "./server/server.ts";

let server: ModalServer;

beforeAll(async () => {
  server = await ModalServer.start();
});
afterAll(() => server.stop());

const args = ["--executor", "modal"];

function project(modal = ""): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const writing = contract({ name: "lab/write", outputs: { a: text() } });
const write = rule(writing, { recipe: () => import("./write.ts")${modal} });
export default experiments({ main: () => ({ write: write() }) });
`,
    "write.ts": `export const recipe = async ({ outputs }) => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await outputs.a.write("a");
};
`,
    "configs/default.yaml": "version: 1\n",
    "exp.local.yaml": "modal: { poll: 0.2 }\n",
  });
}

test.skipIf(!hasBubblewrap)(
  "what Modal takes back is done again, on a GPU, and what it cost is in the result",
  async () => {
    let begun = 0;
    server.settings.misfortune = () => (begun++ === 0 ? { kind: "lost", afterMs: 50 } : undefined);
    const rig = project(', modal: { gpu: "H100" }');
    const built = await rig.build(args, 0, { env: server.environment });
    server.settings.misfortune = () => undefined;
    expect(begun).toBe(2);
    expect(JSON.stringify(built.events)).toContain("was taken back by Modal (worker lost)");
    expect(rig.read("runs/default/write/a.txt")).toBe("a");
    const [, usd] = /"costUsd":([\d.e-]+)/.exec(rig.read("runs/default/trace/trace.jsonl"))!;
    // At least 0.3 s of an H100, and less than a minute.
    expect(Number(usd)).toBeGreaterThan(0.0003);
    expect(Number(usd)).toBeLessThan(0.07);
    expect(server.sandboxes.live).toEqual([]);
  },
);

test("a GPU that has no price is an error, which says what to write, and nothing is begun", async () => {
  const before = server.sandboxes.all.size;
  const failed = await project(', modal: { gpu: "B300" }').start(["build", ...args], { env: server.environment })
    .finished;
  expect(failed.code).toBe(1);
  expect(failed.stdout + failed.stderr).toContain("modal: { prices: { gpu: { B300: … } } }");
  expect(server.sandboxes.all.size).toBe(before);
});

test("without credentials a build says exactly what is missing, and so does doctor", async () => {
  const env = { MODAL_CONFIG_PATH: "/no-such-file", MODAL_TOKEN_ID: "ak", MODAL_TOKEN_SECRET: "" };
  const rig = project();
  const failed = await rig.start(["build", ...args], { env }).finished;
  expect(failed.code).toBe(2);
  const what = "of Modal's token the secret is missing: MODAL_TOKEN_ID is set, and MODAL_TOKEN_SECRET is not";
  expect(failed.stderr).toContain(what);
  expect((await rig.start(["doctor"], { env }).finished).stdout).toContain(what);
});

test("credentials that Modal refuses are told as such", async () => {
  const env = { ...server.environment, MODAL_TOKEN_SECRET: "as-other" };
  const failed = await project().start(["build", ...args], { env }).finished;
  expect(failed.code).toBe(2);
  expect(failed.stderr).toContain("Modal refuses the credentials: Token ID is malformed or was revoked");
});

test("what a container has made counts, also when its driver was killed before it wrote down which one it is", async () => {
  const rig = project();
  const before = server.sandboxes.all.size;
  const driver = rig.start(["build", ...args], { env: server.environment });
  const until = async (isSo: () => boolean) => {
    for (const end = Date.now() + 60_000; !isSo() && Date.now() < end;) await new Promise((r) => setTimeout(r, 20));
  };
  await until(() => server.sandboxes.live.length > 0);
  driver.process.kill("SIGKILL");
  await driver.finished;
  await until(() => server.sandboxes.live.length === 0);
  const [submission] = readdirSync(rig.path("runs/default/.containers"));
  const notes = `runs/default/.containers/${submission}/containers.jsonl`;
  const lines = rig.read(notes).trim().split("\n");
  rig.write({ [notes]: `${lines.filter((line) => !line.includes('"id"')).join("\n")}\n` });
  await rig.build(args, 0, { env: server.environment });
  expect(rig.read("runs/default/write/a.txt")).toBe("a");
  expect(server.sandboxes.all.size - before).toBe(1);
});

test("a container that ran while no answer told of it is not run again: another one takes what it told", async () => {
  const journal = mkdtempSync(join(tmpdir(), "exp-ran-"));
  server.settings.seesToo = [journal];
  for (const version of ["", "V2"]) {
    server.faults.add({ rpc: `SandboxCreate${version}`, kind: "answer-lost" });
    // Until it is over.
    server.faults.add({ rpc: `SandboxGetFromName${version}`, kind: "slow", ms: 4000 });
  }
  const rig = project();
  rig.edit("write.ts", "export const", `import { appendFileSync } from "node:fs";\nexport const`);
  rig.edit("write.ts", "await new", `appendFileSync("${journal}/ran", "x"); await new`);
  await rig.build(args, 0, { env: server.environment });
  server.settings.seesToo = [];
  expect(rig.read("runs/default/write/a.txt")).toBe("a");
  expect(readFileSync(join(journal, "ran"), "utf8")).toBe("x");
  rmSync(journal, { recursive: true });
});

// Builds that lost their run write no more, leases live through a bad moment, and nobody judges processes of another host by their number.

import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import type * as Os from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { ScratchFolder } from "../../src/backends/executors/local/scratch.ts";
import { Lease } from "../../src/runs/lease.ts";
import { hasEnded, hostTag, processTag, tagOf } from "../../src/util/host.ts";
import type * as Fs from "../../src/util/fs.ts";
import { ownerOfTemporary, temporaryName } from "../../src/util/fs.ts";
import { who } from "../../src/util/who.ts";
import { benchOf, chain, eventsOf, oneTarget, until } from "./bench.ts";

const broken = vi.hoisted(() => ({ disk: false, passwd: false }));

vi.mock("node:os", async (original) => {
  const os = await original<typeof Os>();
  return {
    ...os,
    userInfo: () => {
      if (!broken.passwd) return os.userInfo();
      throw Object.assign(new Error("no such user"), { code: "ERR_SYSTEM_ERROR", syscall: "uv_os_get_passwd" });
    },
  };
});

vi.mock("../../src/util/fs.ts", async (original) => {
  const fs = await original<typeof Fs>();
  return {
    ...fs,
    writeAtomic: (...args: Parameters<typeof fs.writeAtomic>) => {
      if (broken.disk) throw Object.assign(new Error("no space left"), { code: "ENOSPC", syscall: "write" });
      fs.writeAtomic(...args);
    },
  };
});

afterEach(() => {
  broken.disk = broken.passwd = false;
});

const gone = 4_194_303;
const done = oneTarget("outputs: { out: text() }", 'await outputs.out.write("done");');
const waiting = oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");');

interface Lock {
  readonly id: string;
  readonly beat: number;
}

function lockBy(machine: string, pid: number): string {
  const holder = { host: hostname(), machine, pid, started: "1", user: "somebody", what: "exp build" };
  return JSON.stringify({ id: "another", beat: 0, ...holder });
}

describe("a lease", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
  afterEach(() => void vi.useRealTimers());

  async function leaseOf(): Promise<{ lease: Lease; file: string; read: () => Lock }> {
    const folder = mkdtempSync(join(tmpdir(), "exp-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "lock");
    const lease = (await Lease.take(file, "a test", { onWait: () => {}, signal: new AbortController().signal }))!;
    return { lease, file, read: () => JSON.parse(readFileSync(file, "utf8")) as Lock };
  }

  test("skips a beat while the disk is full, and beats on", async () => {
    const { lease, read } = await leaseOf();
    broken.disk = true;
    vi.advanceTimersByTime(3_000);
    expect(read().beat).toBe(0);
    broken.disk = false;
    vi.advanceTimersByTime(3_000);
    expect(read().beat).toBeGreaterThan(0);
    lease.release();
  });

  test("beats on after its file was away for a moment", async () => {
    const { lease, file, read } = await leaseOf();
    renameSync(file, `${file}.away`);
    vi.advanceTimersByTime(3_000);
    expect(existsSync(file)).toBe(false);
    renameSync(`${file}.away`, file);
    vi.advanceTimersByTime(3_000);
    expect(read().beat).toBeGreaterThan(0);
    lease.release();
    expect(existsSync(file)).toBe(false);
  });

  test("stops for good when another holds the file", async () => {
    const { lease, file, read } = await leaseOf();
    const own = readFileSync(file, "utf8");
    writeFileSync(file, lockBy(hostTag(), process.pid));
    vi.advanceTimersByTime(3_000);
    expect(lease.isHeld()).toBe(false);
    writeFileSync(file, own);
    vi.advanceTimersByTime(3_000);
    expect(read().beat).toBe(0);
    lease.release();
  });
});

describe("a build that lost its run", () => {
  test("leaves trace, record and history as they were", async () => {
    const bench = benchOf(waiting);
    bench.allow("go");
    await bench.build();
    bench.forbid("go");
    bench.marks.clear();
    bench.rig.edit("rules/it.ts", '"done"', '"done again"');
    const first = bench.start("build", "--json");
    await until(() => bench.marks.counts.it === 1);
    const names = ["run.yaml", "history.jsonl", "trace/trace.jsonl", "it/out.txt"].map(
      (name) => `runs/default/${name}`,
    );
    const before = names.map((name) => bench.rig.read(name));
    bench.rig.write({ "runs/default/lock": lockBy(hostTag(), process.pid) });
    bench.allow("go");
    const end = await first.finished;
    expect(end.code).toBe(1);
    expect(end.stdout).toContain("took over the run");
    expect(eventsOf(end.stdout).at(-1)).toMatchObject({ kind: "build-finished", outcome: "failed" });
    expect(names.map((name) => bench.rig.read(name))).toEqual(before);
  });
});

describe("another host's processes", () => {
  test("are not judged by their number, even under the same hostname", async () => {
    const bench = benchOf(done);
    bench.rig.write({ "runs/default/lock": lockBy("0123abcd0123abcd", gone) });
    const build = bench.start("build", "--json");
    await build.saw('"event":"waiting-for-lock"');
    bench.rig.remove("runs/default/lock");
    expect((await build.finished).code).toBe(0);
  });

  /** What a process leaves behind that dies while it writes. */
  const left = (tag: string) => [
    `cache/tmp/${tag}/0/half`,
    ...[
      "runs/default/run.yaml",
      "runs/.archive/code/0123.json",
      "cache/stats.jsonl",
      "cache/actions/0-merged-0123.jsonl",
      "cache/bundles/0123.json",
      "cache/claims/0123",
      "cache/expfile/kept.json",
      "cache/stamps/0123",
    ].map((name) => `${name}.${tag}.0123abcd.tmp`),
    ...["runs/.archive/blobs/tmp", "cache/blobs/tmp"].map((folder) => `${folder}/${tag}.0123abcd.tmp`),
  ];
  const anotherBoot = `${hostTag().slice(0, 8)}0123abcd`;
  const elsewhere = "0123abcd0123abcd";

  async function remaining(owner: string, age: "new" | "old"): Promise<readonly string[]> {
    const bench = benchOf(done);
    const names = left(owner);
    bench.rig.write(Object.fromEntries(names.map((name) => [name, "half"])));
    const days = age === "old" ? 2 : 0;
    const at = Date.now() / 1000 - days * 86_400;
    for (const name of [...names, `cache/tmp/${owner}`]) utimesSync(bench.rig.path(name), at, at);
    await bench.build();
    return names.filter((name) => bench.rig.has(name));
  }

  test("keep what they are writing; what those of this host left that have ended is swept", async () => {
    expect(await remaining(`${elsewhere}-${gone}`, "new")).toEqual(left(`${elsewhere}-${gone}`));
    expect(await remaining(`${hostTag()}-${gone}`, "new")).toEqual([]);
  });

  test("left what has not changed for a day; what this process is writing is its own, however old", async () => {
    expect(await remaining(`${elsewhere}-${gone}`, "old")).toEqual([]);
    expect(await remaining(processTag(), "old")).toEqual(left(processTag()));
  });

  test("of an earlier boot of this machine have ended, whatever lives under their numbers now", async () => {
    expect(await remaining(`${anotherBoot}-${process.pid}`, "new")).toEqual([]);
  });

  test("are not taken for those of an earlier boot where machines cannot be told apart", () => {
    const one = { host: "a", machineId: "b", boot: "c", pidNamespace: "pid:[4026531836]" };
    const machine = (about: Partial<typeof one>) => tagOf({ ...one, ...about }).slice(0, 8);
    expect(tagOf({ ...one, boot: "d" })).not.toBe(tagOf(one));
    expect(machine({ boot: "d" })).toBe(machine({}));
    for (const about of [{ host: "d" }, { machineId: "d" }]) expect(machine(about)).not.toBe(machine({}));
    for (const unsure of [{ machineId: "" }, { pidNamespace: "pid:[4026532511]" }, { pidNamespace: "" }])
      expect(machine({ ...unsure, boot: "d" })).not.toBe(machine(unsure));
  });

  test("can see that a build here lives, by the hour", () => {
    const folder = mkdtempSync(join(tmpdir(), "exp-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const scratch = new ScratchFolder(folder);
    scratch.next();
    utimesSync(folder, 0, 0);
    vi.advanceTimersByTime(3_600_000);
    expect(statSync(folder).mtimeMs).toBeGreaterThan(0);
    scratch.remove();
    vi.advanceTimersByTime(3_600_000);
    expect(existsSync(folder)).toBe(false);
  });

  test("have never ended for certain", () => {
    expect(hasEnded(processTag())).toBe(false);
    expect(hasEnded(`${hostTag()}-${gone}`)).toBe(true);
    expect(hasEnded(`${elsewhere}-${gone}`)).toBe(false);
    expect(hasEnded("no tag")).toBe(false);
    expect(ownerOfTemporary(temporaryName("run.yaml"))).toBe(processTag());
  });
});

test("a process that died while it broke a lock holds nobody up for long", async () => {
  const bench = benchOf(done);
  bench.rig.write({ "runs/default/lock": lockBy(hostTag(), gone), "runs/default/lock.break": "left behind" });
  expect((await bench.build()).targets).toEqual({ it: "computed" });
  expect(bench.rig.has("runs/default/lock.break")).toBe(false);
});

test("a process of this host that died while it broke a lock holds nobody up at all", async () => {
  const bench = benchOf(done);
  const breaking = `0123456789abcdef ${hostTag()} ${gone} 12345`;
  bench.rig.write({ "runs/default/lock": lockBy(hostTag(), gone), "runs/default/lock.break": breaking });
  const built = await bench.build();
  expect(built.targets).toEqual({ it: "computed" });
  expect(built.events.map(({ kind }) => kind)).not.toContain("waiting-for-lock");
  expect(bench.rig.has("runs/default/lock.break")).toBe(false);
});

test("a user without an entry among the system's users goes by number", () => {
  expect(who()).toBe(`${userInfo().username}@${hostname()}`);
  broken.passwd = true;
  expect(who()).toBe(`uid${process.getuid!()}@${hostname()}`);
});

describe("clean of one of two equal targets", () => {
  test("has it made anew, whoever of them computed it", async () => {
    const bench = benchOf({
      ...done,
      "Expfile.ts": done["Expfile.ts"]!.replace("{ it: it() }", "{ a: it(), b: it() }"),
    });
    await bench.build();
    expect(bench.marks.counts).toEqual({ it: 1 });
    for (const [target, twin] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      bench.marks.clear();
      const cleaned = await bench.exp("clean", target);
      expect(cleaned.stdout).toContain(`${target}: cleaned; 1 result took`);
      expect(cleaned.stdout).toContain(`has results in common, which are made anew too: ${twin}`);
      expect((await bench.exp("clean", target)).stdout).toContain(`${target}: there was nothing to clean`);
      await bench.build();
      expect(bench.marks.counts).toEqual({ it: 1 });
      expect((await bench.build()).end.outcome).toBe("up-to-date");
    }
  });

  test("says the same of both when both are named", async () => {
    const bench = benchOf({
      ...done,
      "Expfile.ts": done["Expfile.ts"]!.replace("{ it: it() }", "{ a: it(), b: it() }"),
    });
    await bench.build();
    const cleaned = await bench.exp("clean");
    expect(cleaned.stdout).toMatch(/^a: cleaned; 1 result .*\nb: cleaned; 1 result /);
    expect(cleaned.stdout).not.toContain("in common");
  });

  test("has the items of a fan-out made anew too", async () => {
    const twins = chain["Expfile.ts"]!.replace(
      /main: \(\) => \{.*/,
      "main: () => ({ a: numbers(), b: numbers() }) });",
    );
    const bench = benchOf({ ...chain, "Expfile.ts": twins });
    await bench.build(["--set", "a.items=5", "--set", "b.items=5"]);
    const once = { merge: 1, one0: 1, one1: 1, one2: 1, one3: 1, one4: 1 };
    expect(bench.marks.counts).toEqual(once);
    for (const target of ["a", "b"]) {
      bench.marks.clear();
      expect((await bench.exp("clean", target)).stdout).toContain("cleaned; 5 items and the merge");
      await bench.build();
      expect(bench.marks.counts).toEqual(once);
    }
  });
});

// What is asked of Modal, one question after the other: what exp goes by, what came of it, what follows where it is otherwise. Each says beforehand what it
// will run, so that the price of all of them is known.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../src/model/digest.ts";
import { mountPath, must, type Container, type Session } from "./session.ts";

export interface Finding {
  readonly found: string;
  /** Undefined: nothing was expected, and now it is known. */
  readonly isAsExpected: boolean | undefined;
}

export interface Question {
  readonly about: string;
  readonly expected: string;
  /** What it means for exp if it is otherwise; or what exp does with it. */
  readonly meaning: string;
  readonly runs: readonly Container[];
  /** A local server would answer for this machine. */
  readonly isForCloudOnly?: boolean;
  ask(session: Session): Promise<Finding>;
}

const small = (what: string, lifetime = 60): Container => ({ what, lifetime });
const asExpected = (found: string, isAsExpected: boolean): Finding => ({ found, isAsExpected });
const learnt = (found: string): Finding => ({ found, isAsExpected: undefined });
const inSeconds = (seconds: number | undefined, most: number) =>
  seconds === undefined ? `not within ${most} s` : `after ${seconds.toFixed(1)} s`;

/** A container is over before what it wrote is seen: so long does exp wait for it. */
const lateSeconds = 15;
/** As at Modal's end of a volume: blocks are known without the zeros at their end. */
const bytes = Buffer.concat([Buffer.from("begin"), Buffer.alloc(9 * 1024 * 1024), Buffer.from("end\0\0")]);
const listed = 25;

const status = (what: string, argv: readonly string[], wanted: readonly [status: string, code: number]) =>
  ({ runs: [small(what)], argv, wanted }) as const;

/** How containers end, and what exp is told of it. */
function ends(about: string, { runs, argv, wanted }: ReturnType<typeof status>, meaning: string): Question {
  const [name, code] = wanted;
  return {
    ...{ about, meaning, runs },
    expected: `status ${name}, exit code ${code}`,
    async ask(session) {
      const { id } = await session.begin(runs[0], argv);
      const over = await session.over(id);
      const found = `status ${over.status}, exit code ${over.exitCode}${over.message === "" ? "" : ` (${over.message})`}`;
      return asExpected(found, over.status === name && over.exitCode === code);
    },
  };
}

export const questions: readonly Question[] = [
  {
    about: "a request, there and back",
    expected: "nothing: the plan of a million items takes 50 ms for it (docs/scale.md)",
    meaning: "with it the driver's looks at many containers take longer or shorter than in docs/scale.md",
    runs: [],
    async ask({ client, name }) {
      const times: number[] = [];
      for (let n = 0; n < 11; n++) {
        const before = performance.now();
        await client.volumes.fromName(name, { createIfMissing: true, version: 2 });
        times.push(performance.now() - before);
      }
      return learnt(`${times.toSorted((a, b) => a - b)[5]!.toFixed(0)} ms (median of 11)`);
    },
  },
  {
    about: "files go onto a volume and come back by the raw client",
    expected: "the same bytes, in two blocks, zeros at their ends included; listed with their size",
    meaning: "exp's files travel in this way, which Modal's JavaScript SDK does not support: nothing works without it",
    runs: [],
    async ask(session) {
      const files = await session.files();
      const folder = mkdtempSync(join(tmpdir(), "exp-smoke-"));
      try {
        const digest = createHash("sha256").update(bytes).digest("hex") as Digest;
        must(await files.put([{ path: "cas/mixed", size: bytes.length, digest, content: { bytes } }]));
        const to = join(folder, "mixed");
        must(await files.get({ path: "cas/mixed", digest, to }));
        const list = must(await files.list("cas"));
        const isSame = readFileSync(to).equals(bytes);
        const sizes = list.map(({ path, size }) => `${path} ${size}`).join(", ");
        return asExpected(
          `${isSame ? "the same bytes" : "other bytes"}; listed: ${sizes || "nothing"}`,
          isSame && list.some(({ path, size }) => path.replace(/^\//, "") === "cas/mixed" && size === bytes.length),
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
  {
    about: "a container sees what was put on the volume before it began, and Node of our version",
    expected: `"seen", and v${process.versions.node.split(".")[0]}`,
    meaning: "what a batch is sent lies there when it begins; without it every batch would fail",
    runs: [small("one that reads a file of the volume")],
    async ask(session) {
      const files = await session.files();
      must(await files.put([{ path: "in/a", size: 4, content: { bytes: Buffer.from("seen") } }]));
      const { id, seconds } = await session.begin(this.runs[0]!, ["sh", "-c", `cat ${mountPath}/in/a; node --version`]);
      let printed = "";
      await session.cloud.follow({ id }, (text) => (printed += text), AbortSignal.timeout(30_000));
      await session.over(id);
      const isSeen = printed.startsWith(`seenv${process.versions.node.split(".")[0]}.`);
      return asExpected(
        `${JSON.stringify(printed)}, which it could say ${seconds.toFixed(1)} s after it was asked for`,
        isSeen,
      );
    },
  },
  {
    about: "what a container writes and commits with `sync` is seen while it lives",
    expected: "at once when `sync` has returned",
    meaning: "results are told while a batch runs; otherwise a container that is taken back loses all that it did",
    runs: [small("one that writes, syncs, and waits", 90)],
    async ask(session) {
      const files = await session.files();
      const script = `echo told > ${mountPath}/told && sync ${mountPath} && echo committed && sleep 60`;
      const { id } = await session.begin(this.runs[0]!, ["sh", "-c", script]);
      const heard = new AbortController();
      const committed = session.cloud.follow(
        { id },
        (text) => {
          if (text.includes("committed")) heard.abort();
        },
        AbortSignal.any([heard.signal, AbortSignal.timeout(45_000)]),
      );
      await committed;
      if (!heard.signal.aborted) return asExpected("`sync` did not return within 45 s", false);
      const seconds = await session.until(async () => must(await files.read("told")) !== undefined, 20);
      must(await session.cloud.end({ id }));
      await session.over(id);
      return asExpected(`seen ${inSeconds(seconds, 20)}`, seconds !== undefined && seconds < 5);
    },
  },
  {
    about: "what a container writes without `sync` is seen when it is over",
    expected: `within ${lateSeconds} s after the platform says that it is over`,
    meaning: `exp waits ${lateSeconds} s for results of a container that ended with success (lateResultsMs)`,
    runs: [small("one that writes and ends")],
    async ask(session) {
      const files = await session.files();
      const { id } = await session.begin(this.runs[0]!, ["sh", "-c", `echo late > ${mountPath}/late`]);
      await session.over(id);
      const seconds = await session.until(async () => must(await files.read("late")) !== undefined, 2 * lateSeconds);
      return asExpected(`seen ${inSeconds(seconds, 2 * lateSeconds)}`, seconds !== undefined && seconds <= lateSeconds);
    },
  },
  ends(
    "a container that ends well",
    status("one that does nothing", ["true"], ["success", 0]),
    "a batch is done only if it says so itself; this is not relied on",
  ),
  ends(
    "a container that fails",
    status("one that fails", ["sh", "-c", "exit 3"], ["failure", 3]),
    "exp tries a batch again that ended too early, and says the code",
  ),
  ends(
    "a container whose program is killed",
    status("one that kills itself", ["sh", "-c", "kill -9 $$"], ["failure", 137]),
    "137 is taken for want of memory: the batch is sent again with twice as much",
  ),
  {
    ...ends(
      "a container that wants more memory than its limit",
      {
        ...status("", ["node", "-e", "const all = []; for (;;) all.push(Buffer.alloc(1 << 26, 1))"], ["failure", 137]),
        runs: [{ what: "one that takes more than its 256 MiB", lifetime: 60 }],
      },
      "if the platform says it otherwise, exp does not give the next one more memory",
    ),
    isForCloudOnly: true,
  },
  {
    ...ends(
      "a container at the end of its lifetime",
      {
        ...status("", ["sleep", "60"], ["timeout", 124]),
        runs: [{ what: "one that sleeps, and may live 10 s", lifetime: 10 }],
      },
      "if the platform says it otherwise, exp does not give the next one more time",
    ),
  },
  {
    about: "a container that somebody ends",
    expected: "status terminated",
    meaning: "exp says that it was ended, and does not send the batch again",
    runs: [small("one that sleeps")],
    async ask(session) {
      const { id } = await session.begin(this.runs[0]!, ["sleep", "60"]);
      must(await session.cloud.end({ id }));
      const over = await session.over(id);
      return asExpected(`status ${over.status}, exit code ${over.exitCode}`, over.status === "terminated");
    },
  },
  {
    about: "a name is one container's while it lives, and free afterwards",
    expected: "asked for twice, the same one is found; after its end another is begun",
    meaning:
      "a driver that was killed finds its containers by their names; otherwise work would be done, and paid for, twice",
    runs: [small("one that sleeps"), small("another of its name")],
    async ask(session) {
      const [first, again] = this.runs as readonly [Container, Container];
      const one = await session.begin(first, ["sleep", "60"]);
      const two = await session.begin(again, ["sleep", "60"], one.name);
      must(await session.cloud.end({ id: one.id }));
      await session.over(one.id);
      const three = await session.begin(again, ["true"], one.name);
      await session.over(three.id);
      const isSame = two.isFound && two.id === one.id;
      return asExpected(
        `${isSame ? "the same one was found" : "another one was begun"}; after its end ${three.isFound ? "the old one was found" : "another was begun"}`,
        isSame && !three.isFound,
      );
    },
  },
  {
    about: "a request that is made again under its idempotency key",
    expected: "nothing: the answer of the first time, or that the name is taken; exp looks for the name in both cases",
    meaning: "if two containers begin, the name does not protect either, and work is paid for twice",
    runs: [small("one whose answer is thrown away"), small("one more, if it is begun twice")],
    async ask(session) {
      const name = `${session.name}-twice`;
      const { client } = session;
      const app = await client.apps.fromName("exp-smoke", { createIfMissing: true });
      const image = client.images.fromRegistry("node:20-slim");
      session.loseAnswerTo = "SandboxCreateV2";
      const create = () =>
        client.sandboxes.create(app, image, {
          ...{ name, command: ["sleep", "60"], cpu: 0.25, cpuLimit: 0.25, memoryMiB: 256, memoryLimitMiB: 256 },
          ...{ timeoutMs: 60_000, tags: { smoke: session.name } },
        });
      const outcome = await create().then(
        () => "the answer of the first time",
        (error: unknown) => ((error as Error).name === "AlreadyExistsError" ? "the name is taken" : String(error)),
      );
      const begun = must(await session.cloud.list({ smoke: session.name }));
      for (const handle of begun) must(await session.cloud.end(handle));
      const found = `${outcome}; ${begun.length} container${begun.length === 1 ? "" : "s"} begun`;
      return asExpected(found, begun.length === 1);
    },
  },
  {
    about: `${listed} containers begun at once, and listed`,
    expected: "all are begun and listed; nothing is throttled for long",
    meaning: "docs/scale.md takes 20 beginnings a second, and 20 containers in a page of their list",
    runs: Array.from({ length: listed }, () => small("one of many that sleep", 45)),
    async ask(session) {
      const before = performance.now();
      const ids = await Promise.all(this.runs.map((run) => session.begin(run, ["sleep", "40"]).then(({ id }) => id)));
      const seconds = (performance.now() - before) / 1000;
      const { client } = session;
      const { appId } = await client.apps.fromName("exp-smoke");
      session.calls.clear();
      let count = 0;
      for await (const _ of client.sandboxes.list({ appId, tags: { smoke: session.name } })) count += 1;
      const pages = session.calls.get("SandboxListV2") ?? session.calls.get("SandboxList") ?? 0;
      await Promise.all(ids.map((id) => session.cloud.end({ id })));
      const found = `begun within ${seconds.toFixed(1)} s (${(listed / seconds).toFixed(1)} a second); ${count} listed by ${pages} requests`;
      return asExpected(found, count === listed);
    },
  },
  {
    about: "a program that is started in a container and has a time limit",
    expected: "nothing: exp starts none",
    meaning: "whether -1, 124 or 137 comes back was told differently in different places",
    runs: [small("one that sleeps, and a program in it")],
    async ask(session) {
      const { id } = await session.begin(this.runs[0]!, ["sleep", "60"]);
      const sandbox = await session.sandbox(id);
      const started = await sandbox.exec(["sleep", "30"], { timeoutMs: 2000 });
      const code = await Promise.race([
        started.wait().then(
          (exit) => `exit code ${exit}`,
          (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
        ),
        new Promise<string>((resolve) => setTimeout(() => resolve("nothing within 15 s"), 15_000).unref()),
      ]);
      must(await session.cloud.end({ id }));
      await session.over(id);
      return learnt(code);
    },
  },
  {
    about: "a GPU",
    expected: "a container of the older backend, which sees one; its output is followed",
    meaning:
      "containers with GPUs are told apart by their ids (22 letters); what they print goes into the run's folder",
    runs: [{ what: "one with a T4", lifetime: 120, gpu: "T4" }],
    isForCloudOnly: true,
    async ask(session) {
      const { id, seconds } = await session.begin(this.runs[0]!, ["sh", "-c", "nvidia-smi -L || echo none"]);
      let printed = "";
      await session.cloud.follow({ id }, (text) => (printed += text), AbortSignal.timeout(60_000));
      const { status: end } = await session.over(id);
      const isOld = /^sb-[0-9A-Za-z]{22}$/.test(id);
      return asExpected(
        `${JSON.stringify(printed.trim())} after ${seconds.toFixed(1)} s; ${isOld ? "the older backend" : `the id ${id}`}, ${end}`,
        isOld && /GPU 0: .*T4/.test(printed) && end === "success",
      );
    },
  },
];

/** What cannot be brought about on purpose. */
export const unasked: readonly string[] = [
  "the status and the exit code of a container that is taken back (exp takes any status but success for that)",
  "how many GPUs the workspace may have at once, and how long one is waited for when there are none",
];

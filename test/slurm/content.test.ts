// Work that travels by content, between a driver and a batch in one process: forged, lost and late messages, which no real place gives at will.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Order } from "../../src/backends/executors/executor.ts";
import type { ResultLine } from "../../src/backends/executors/remote/batch.ts";
import { Submission } from "../../src/backends/executors/remote/batches.ts";
import { ContentCarrier } from "../../src/backends/executors/remote/content-carrier.ts";
import { takeUp, type Errand, type TakenUp } from "../../src/backends/executors/remote/errand.ts";
import { chunkWords, type PaidCall } from "../../src/backends/executors/remote/message.ts";
import type { Place } from "../../src/backends/executors/remote/place.ts";
import { Seal } from "../../src/backends/executors/remote/seal.ts";
import { SubmissionFolder } from "../../src/backends/executors/remote/submission.ts";
import { freshDigests, LocalStore } from "../../src/backends/store/local.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../../src/model/digest.ts";
import { readLog } from "../../src/util/append-log.ts";
import { statOf, statText } from "../../src/util/stat.ts";

const key = digestOfBytes("an action");
const setup = {
  ...{ cacheFolder: "", blobsFolder: "", callsFolder: "", callsNotBefore: 0, mayPay: true },
  ...{ nodeMajor: 20, what: "run r" },
};
const done = (blob: BlobRef): ResultLine => ({
  i: 0,
  outcome: { kind: "done", outputs: { out: { kind: "file", blob } }, tookMs: 1, costUsd: 0, startedAt: 1, by: "u@n" },
});

/** What both sides reach. */
class Everywhere {
  readonly content = new Map<Digest, Buffer>();
  readonly messages = new Map<Digest, Buffer>();
  isSilent = false;
  onRead: (name: Digest) => void = () => undefined;

  /** As one side sees it, with a store of its own. */
  from(store: LocalStore): Place {
    const answer = () => {
      if (this.isSilent) throw new Error("it says nothing");
    };
    return {
      name: "the place",
      put: async (blobs) => {
        answer();
        for (const { digest } of blobs) this.content.set(digest, store.read(digest)!);
      },
      bring: async (blobs) => {
        answer();
        return blobs.filter(({ digest }) => {
          const bytes = this.content.get(digest);
          if (bytes === undefined || digestOfBytes(bytes) !== digest) return true;
          store.putBytes(bytes);
          return false;
        });
      },
      write: async (name, bytes) => {
        answer();
        if (!this.messages.has(name)) this.messages.set(name, bytes);
      },
      read: async (name) => {
        answer();
        this.onRead(name);
        return this.messages.get(name);
      },
    };
  }
}

function folderFor(): string {
  const folder = mkdtempSync(join(tmpdir(), "exp-content-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function meet(change: (order: Order, root: string) => Order = (order) => order) {
  const root = folderFor();
  const everywhere = new Everywhere();
  const store = new LocalStore(join(root, "driver"), freshDigests);
  const warnings: string[] = [];
  const kept: PaidCall[] = [];
  let mayKeep = true;
  writeFileSync(join(root, "input.txt"), "read me");
  writeFileSync(join(root, "worker.js"), "work()");
  const order: Order = {
    ...{ key, target: "draw", part: "recipe", told: {}, outputs: {}, guarded: [], environment: {}, tools: {} },
    ...{
      resources: {},
      timeoutMs: undefined,
      memoryMiB: undefined,
      attempt: 1,
      logFile: join(root, "logs", "draw.log"),
    },
    ...{ secrets: { TOKEN: "a-secret" }, code: { kind: "command", argv: ["true"], files: [] } },
    inputs: { text: { kind: "file", format: "text", ext: ".txt", path: join(root, "input.txt") } },
  };
  const makeCarrier = () =>
    new ContentCarrier({
      ...{ at: "/place", store, carried: () => [], programs: [["worker.mjs", join(root, "worker.js")]] },
      ...{ callFiles: () => [], environment: (secret) => ({ KEY: secret }), warn: (text) => warnings.push(text) },
      open: () => Promise.resolve(everywhere.from(store)),
      keepCalls: async (calls) => {
        if (!mayKeep) throw new Error("the disk is full");
        kept.push(...calls);
      },
    });
  const carrier = makeCarrier();
  const folder = new SubmissionFolder(join(root, "submission"));
  const sent = await carrier.send(folder, {
    setup,
    secrets: order.secrets,
    orders: [change(order, root)],
  });
  const start = sent.kind === "sent" ? sent.start : { argument: ":0", environment: { KEY: folder.place()!.key } };
  const intent = { id: "1", run: "r", target: "draw", at: 1, driver: "d", jobName: "j", batches: [[key]] };
  folder.writeIntent(intent);
  const seal = new Seal(start.environment.KEY);
  const [digest, size] = start.argument.split(":") as [Digest, string];
  const begin = async (starts = 0): Promise<{ errand: TakenUp; theirs: LocalStore }> => {
    const own = folderFor();
    const theirs = new LocalStore(join(own, "blobs"), freshDigests);
    const place = everywhere.from(theirs);
    const errand = await takeUp({
      ...{ place, seal, root: { digest, size: Number(size) }, batch: 0, start: starts },
      ...{ folder: own, store: theirs, warn: () => undefined },
    });
    return { errand, theirs };
  };
  const begun = async (starts = 0): Promise<{ errand: Errand; theirs: LocalStore }> => {
    const { errand, theirs } = await begin(starts);
    if (errand.kind !== "errand") throw new Error(`it did not begin: ${errand.kind}`);
    return { errand, theirs };
  };
  return {
    ...{ root, everywhere, store, warnings, kept, carrier, makeCarrier, folder, seal, begin, begun, sent },
    submission: () => new Submission(folder, { v: 1, ...intent }),
    lines: (start = 0) => readLog<ResultLine>(folder.resultFile(0, start)).lines,
    keepsCalls: (does: boolean) => (mayKeep = does),
  };
}

test("what is sent is read there as it was here, secrets and all, and secrets lie nowhere in clear", async () => {
  const { begun, everywhere, folder } = await meet();
  const { errand } = await begun();
  const input = errand.order.inputs.text as { readonly path: string };
  expect(readFileSync(input.path, "utf8")).toBe("read me");
  expect(readFileSync(errand.workerFile, "utf8")).toBe("work()");
  expect(errand.order.secrets).toEqual({ TOKEN: "a-secret" });
  const all = [...everywhere.content.values(), readFileSync(folder.orderFile(0))].join("\n");
  expect(all).toContain("draw");
  expect(all).not.toContain("a-secret");
});

test("what comes back is here before its line is, with its log", async () => {
  const { begun, carrier, folder, store, lines, root } = await meet();
  const { errand, theirs } = await begun();
  const made = theirs.putBytes("made there");
  mkdirSync(dirname(errand.order.logFile), { recursive: true });
  writeFileSync(errand.order.logFile, "said there\n");
  errand.log.append(done(made));
  await errand.log.commit();
  expect(await carrier.collect(folder, [0])).toBe(undefined);
  expect(store.read(made.digest)!.toString()).toBe("made there");
  expect(readFileSync(join(root, "logs", "draw.log"), "utf8")).toBe("said there\n");
  expect(lines()).toEqual([done(made), { fetched: 0 }]);
});

test("a source that was edited meanwhile does not travel", async () => {
  const edited = (order: Order, root: string): Order => {
    const path = join(root, "input.txt");
    const guard = { path, seen: statText(statOf(path)!), digest: digestOfBytes("what it was") };
    return { ...order, guarded: [guard] };
  };
  const { sent, root } = await meet(edited);
  expect(sent).toEqual({ kind: "vanished", path: join(root, "input.txt"), isEdited: true });
});

test("what no batch has signed is not used, nor what one has signed under another name", async () => {
  const { begun, everywhere, carrier, folder, seal, lines, warnings } = await meet();
  const { errand, theirs } = await begun();
  const name = seal.nameOf(...chunkWords(0, 0, 0));
  const other = Seal.make().sign(name, JSON.stringify({ v: 1, lines: [{ result: { end: true } }] }));
  everywhere.messages.set(name, other);
  // It may have been damaged on its way: it is read three times before it counts as somebody else's.
  const troubles = [await carrier.collect(folder, [0]), await carrier.collect(folder, [0])];
  expect(troubles).toEqual(Array(2).fill("the place: a message is not what was signed"));
  expect(warnings).toEqual([]);
  expect(await carrier.collect(folder, [0])).toBe(undefined);
  expect(lines()).toEqual([]);
  expect(warnings).toEqual(["the place holds results that no batch of this project has signed: they are not used"]);

  everywhere.messages.clear();
  errand.log.append(done(theirs.putBytes("made")));
  await errand.log.commit();
  const right = everywhere.messages.get(name)!;
  everywhere.messages.set(seal.nameOf(...chunkWords(0, 0, 1)), right);
  await carrier.collect(folder, [0]);
  expect(lines().filter((line) => "i" in line).length).toBe(1);
});

test("another key reveals nothing", () => {
  const hidden = Seal.make().hide("a secret");
  expect(() => Seal.make().reveal(hidden)).toThrow();
});

test("while the place says nothing, nothing is lost and nothing concluded", async () => {
  const { begun, everywhere, carrier, folder, lines } = await meet();
  const { errand, theirs } = await begun();
  errand.log.append(done(theirs.putBytes("made")));
  await errand.log.commit();
  everywhere.isSilent = true;
  expect(await carrier.collect(folder, [0])).toBe("it says nothing");
  expect(lines()).toEqual([]);
  everywhere.isSilent = false;
  expect(await carrier.collect(folder, [0])).toBe(undefined);
  expect(lines().length).toBe(2);
});

test("what was made and is not there is made again; the second time it is a failure", async () => {
  const { begun, everywhere, carrier, folder, lines, warnings } = await meet();
  for (const start of [0, 1]) {
    const { errand, theirs } = await begun(start);
    const made = theirs.putBytes("made");
    errand.log.append(done(made));
    await errand.log.commit();
    everywhere.content.set(made.digest, Buffer.from("other bytes"));
    await carrier.collect(folder, [0]);
  }
  expect(lines(0)).toEqual([{ fetched: 0 }]);
  expect(warnings[0]).toBe("the place lacks some of what batches have made: that is made again");
  expect(lines(1)[0]).toMatchObject({ i: 0, outcome: { kind: "failed", why: "lost" } });
});

test("an answer that was paid for is kept before its chunk counts as fetched", async () => {
  const { begun, carrier, folder, kept, lines, keepsCalls } = await meet();
  const { errand } = await begun();
  const call = { request: { question: 1 }, draw: 0, response: "yes", costUsd: 1, at: 5 };
  await errand.log.keepCall(call);
  keepsCalls(false);
  expect(await carrier.collect(folder, [0])).toBe("the disk is full");
  expect(lines()).toEqual([]);
  keepsCalls(true);
  await carrier.collect(folder, [0]);
  expect(kept).toEqual([call]);
});

test("a batch that is started again knows what its first start had come to, and had paid", async () => {
  const { begun } = await meet();
  const first = await begun();
  first.errand.log.append(done(first.theirs.putBytes("made")));
  await first.errand.log.keepCall({ request: { question: 1 }, draw: 0, response: "yes", costUsd: 1, at: 5 });
  const { errand } = await begun(1);
  expect([...errand.ended]).toEqual([0]);
  expect(readFileSync(join(errand.callsFolder, "earlier.jsonl"), "utf8")).toContain('"response":"yes"');
});

test("a later driver reads on where the last one stopped, also in a second start", async () => {
  const { begun, everywhere, carrier, makeCarrier, folder, lines } = await meet();
  const first = await begun();
  first.errand.log.append(done(first.theirs.putBytes("made")));
  await first.errand.log.commit();
  await carrier.collect(folder, [0]);
  const second = await begun(1);
  second.errand.log.append({ end: true });
  await second.errand.log.commit();
  const asked: Digest[] = [];
  everywhere.onRead = (name) => asked.push(name);
  await makeCarrier().collect(folder, [0]);
  expect(lines(1)).toEqual([{ end: true }, { fetched: 0 }]);
  expect(lines(0).length).toBe(2);
  const chunk = ([start, number]: readonly [number, number]) =>
    new Seal(folder.place()!.key).nameOf(...chunkWords(0, start, number));
  expect(asked).not.toContain(chunk([0, 0]));
});

test("a start that ended before it had told anything does not hide the next one", async () => {
  const { begun, carrier, folder, lines } = await meet();
  const third = await begun(2);
  third.errand.log.append({ end: true });
  await third.errand.log.commit();
  await carrier.collect(folder, [0]);
  expect(lines(2)).toEqual([{ end: true }, { fetched: 0 }]);
});

test("what was swept before the batch began is told to its driver", async () => {
  const { begin, everywhere, carrier, folder, submission } = await meet();
  everywhere.content.delete(digestOfBytes("read me"));
  await expect(begin()).rejects.toThrow(digestOfBytes("read me"));
  await carrier.collect(folder, [0]);
  const known = submission();
  known.readNews();
  expect(known.batches[0]!.lacked).toBe(digestOfBytes("read me"));
});

test("what was given up does not begin", async () => {
  const { begin, carrier, folder } = await meet();
  await carrier.giveUp(folder);
  expect((await begin()).errand.kind).toBe("given-up");
});

test("much that ends at once is told in several messages", async () => {
  const { begun, everywhere, carrier, folder, lines } = await meet();
  const { errand } = await begun();
  const text = "x".repeat(2000);
  const outcome = (i: number): ResultLine => ({
    i,
    outcome: { kind: "failed", why: "threw", message: text, retryable: false, tookMs: 1, costUsd: 0 },
  });
  for (let i = 0; i < 5000; i++) errand.log.append(outcome(i));
  await errand.log.commit();
  expect(everywhere.messages.size).toBe(3);
  await carrier.collect(folder, [0]);
  expect(lines().filter((line) => "i" in line).length).toBe(5000);
});

// `exp cache sweep`: what nobody has used for long goes, and nothing that a result needs which stays.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { Breaker } from "../../src/backends/store/breaker.ts";
import { writeEntry } from "../../src/backends/store/shared-entry.ts";
import { SharedFolder } from "../../src/backends/store/shared-folder.ts";
import { Guard } from "../../src/backends/store/shared-guard.ts";
import { probeName } from "../../src/backends/store/shared-once.ts";
import { sweepShared } from "../../src/backends/store/shared-sweep.ts";
import type { Listed, SharedKind } from "../../src/backends/store/shared.ts";
import type { Digest } from "../../src/model/digest.ts";
import { makeProject, type Rig } from "../rig.ts";
import {
  bucketCredentials,
  entriesIn,
  freePort,
  hasNginx,
  isOfCode,
  startBucket,
  startNginx,
  temporaryFolder,
} from "./places.ts";
import { build, digests, files } from "./team.fixture.ts";

const day = 86_400_000;

interface Amount {
  readonly results: number;
  readonly contents: number;
  readonly bytes: number;
}
interface Swept {
  readonly dryRun: boolean;
  readonly there: Amount;
  readonly idle: Amount;
  readonly gone: Amount | null;
}

async function sweep(rig: Rig, shared: string, ...args: readonly string[]) {
  const words = ["cache", "sweep", "--shared", shared, "--json", ...args];
  const { code, stdout, stderr } = await rig.start(words, { env: bucketCredentials }).finished;
  return { code, stderr, swept: (stdout === "" ? undefined : JSON.parse(stdout)) as Swept };
}
const verify = (rig: Rig, shared: string) =>
  rig.start(["cache", "verify", "--shared", shared, "--json"], { env: bucketCredentials }).finished;

/** The files of a place by the names of their entries: a bucket's server has more than one for each. */
function filesIn(root: string, kind: "ac" | "cas"): ReadonlyMap<string, string> {
  const own = entriesIn(root, kind).filter((path) => /^[0-9a-f]{64}(\._S3rver_object)?$/.test(basename(path)));
  return new Map(own.map((path) => [basename(path).slice(0, 64), path]));
}
/** As if everything had been put there, and never been used, so long ago. */
function age(root: string, days: number): void {
  const then = new Date(Date.now() - days * day);
  for (const kind of ["ac", "cas"] as const)
    for (const path of filesIn(root, kind).values()) utimesSync(path, then, then);
}
const ageOf = (path: string) => Date.now() - statSync(path).mtimeMs;
const other = "--make.word=other";
const nameOf = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
const large = (word: string) => nameOf(Buffer.alloc(300_000, word));

describe.each([
  ["a folder", () => Promise.resolve(temporaryFolder()).then((root) => ({ url: root, root }))],
  ["a bucket", startBucket],
])("in %s", (_, open) => {
  test("what was not used for so long goes, after it was told; what was used stays whole", async () => {
    const { url, root } = await open();
    const rig = makeProject(files);
    await build(rig, url);
    age(root, 100);
    await build(rig, url, {}, [other]);
    const [results, contents] = [filesIn(root, "ac").size, filesIn(root, "cas").size];
    // Items are pages of their number alone: the content of both builds is the same, but for what `make` made.
    const first = await sweep(rig, url, "--older-than", "90d");
    expect([first.code, first.swept]).toMatchObject([
      3,
      { dryRun: true, there: { results, contents }, idle: { results: 8, contents: 3 }, gone: null },
    ]);
    expect(first.swept.idle.bytes).toBeGreaterThan(350_000);
    expect([filesIn(root, "ac").size, filesIn(root, "cas").size]).toEqual([results, contents]);
    const { code, stdout } = await rig.start(["cache", "sweep", "--shared", url, "--older-than", "90d"], {
      env: bucketCredentials,
    }).finished;
    expect([code, stdout]).toEqual([
      3,
      expect.stringMatching(/8 results and 3 contents, .* were not used for 90d: --yes removes them/),
    ]);
    const done = await sweep(rig, url, "--older-than", "90d", "--yes");
    expect([done.code, done.swept]).toMatchObject([0, { dryRun: false, gone: { results: 8, contents: 3 } }]);
    expect(filesIn(root, "cas").has(large("word"))).toBe(false);
    expect(filesIn(root, "cas").has(large("other"))).toBe(true);
    expect((await verify(rig, url)).code).toBe(0);
    const second = makeProject(files);
    expect(await build(second, url, {}, [other])).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
    const again = await sweep(rig, url, "--older-than", "90d", "--yes");
    expect([again.code, again.swept.gone]).toEqual([0, { results: 0, contents: 0, bytes: 0 }]);
  });

  test("who takes a result has used it, and all that it names stays", async () => {
    const { url, root } = await open();
    const first = makeProject(files);
    await build(first, url);
    age(root, 100);
    const second = makeProject(files);
    expect(await build(second, url)).toMatchObject({ code: 0, counts: { computed: 0 } });
    for (const path of filesIn(root, "ac").values()) expect(ageOf(path)).toBeLessThan(day);
    // Content is as old as it was: the results name it.
    expect(ageOf(filesIn(root, "cas").get(large("word"))!)).toBeGreaterThan(99 * day);
    const { code, swept } = await sweep(first, url, "--older-than", "90d", "--yes");
    expect([code, swept.gone]).toEqual([0, { results: 0, contents: 0, bytes: 0 }]);
    const third = makeProject(files);
    expect(await build(third, url)).toMatchObject({ code: 0, counts: { computed: 0 } });
    expect(digests(third)).toEqual(digests(first));
  });

  test("a use is noted once a day, and a plan is none", async () => {
    const { url, root } = await open();
    await build(makeProject(files), url);
    const env = { EXP_SHARED_CACHE: url, ...bucketCredentials };
    age(root, 100);
    await makeProject(files).start(["plan"], { env }).finished;
    for (const path of filesIn(root, "ac").values()) expect(ageOf(path)).toBeGreaterThan(99 * day);
    age(root, 0.5);
    await build(makeProject(files), url);
    const results = [...filesIn(root, "ac").values()].filter((path) => !isOfCode(path));
    expect(results.length).toBe(8);
    for (const path of results) expect(ageOf(path)).toBeGreaterThan(0.4 * day);
    // Who may not write there leaves it as it was, too.
    age(root, 100);
    await build(makeProject(files), url, { EXP_SHARED_CACHE_PUBLISH: "0" });
    for (const path of filesIn(root, "ac").values()) expect(ageOf(path)).toBeGreaterThan(99 * day);
  });

  test("content that is published anew is as new, though it was there", async () => {
    const { url, root } = await open();
    await build(makeProject(files), url);
    age(root, 100);
    // Another recipe with the same large output.
    const same = makeProject({ ...files, "recipes.ts": files["recipes.ts"].replace('"a.txt"), "a"', '"a.txt"), "b"') });
    expect(await build(same, url)).toMatchObject({ code: 0, warnings: [] });
    expect(ageOf(filesIn(root, "cas").get(large("word"))!)).toBeLessThan(day);
    await sweep(same, url, "--older-than", "90d", "--yes");
    expect((await verify(same, url)).code).toBe(0);
  });

  test("content that no result names goes when it is old, and not before", async () => {
    const { url, root } = await open();
    const rig = makeProject(files);
    await build(rig, url);
    const stray = [...filesIn(root, "cas")].find(([name]) => name === large("word"))![1];
    for (const path of filesIn(root, "ac").values()) utimesSync(path, new Date(), new Date(Date.now() - 100 * day));
    expect((await sweep(rig, url, "--older-than", "90d", "--yes")).swept.gone).toMatchObject({
      // With those of four recipes' codes.
      results: 12,
      contents: 0,
    });
    expect(existsSync(stray)).toBe(true);
    age(root, 100);
    expect((await sweep(rig, url, "--older-than", "90d", "--yes")).swept.gone).toMatchObject({
      results: 0,
    });
    expect([...filesIn(root, "cas").keys()].filter((name) => name !== probeName)).toEqual([]);
  });
});

describe("a sweep of a folder", () => {
  test("removes what was left half-written long ago, and nothing that is no entry", async () => {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await build(rig, root);
    const [old, young, notes] = [join(root, "tmp", "old"), join(root, "tmp", "young"), join(root, "cas", "notes.txt")];
    for (const path of [old, young, notes]) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "half");
    }
    for (const path of [old, notes]) utimesSync(path, new Date(), new Date(Date.now() - 100 * day));
    await sweep(rig, root, "--older-than", "90d", "--yes");
    expect([old, young, notes].map((path) => existsSync(path))).toEqual([false, true, true]);
  });

  test("stops where a newer exp has published: what its results need cannot be known", async () => {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await build(rig, root);
    age(root, 100);
    const key = nameOf("newer");
    mkdirSync(join(root, "ac", key.slice(0, 2)), { recursive: true });
    writeFileSync(join(root, "ac", key.slice(0, 2), key), '{"v":2}\n');
    const there = [filesIn(root, "ac").size, filesIn(root, "cas").size];
    const { code, stderr } = await sweep(rig, root, "--older-than", "90d", "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining("holds results of a newer exp")]);
    expect([filesIn(root, "ac").size, filesIn(root, "cas").size]).toEqual(there);
  });

  test("keeps signed results' content, whether or not it is told the key", async () => {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await build(rig, root, { EXP_SHARED_CACHE_KEY: "ours" });
    age(root, 100);
    for (const path of filesIn(root, "ac").values()) utimesSync(path, new Date(), new Date());
    const { swept } = await sweep(rig, root, "--older-than", "90d", "--yes");
    expect(swept.gone).toEqual({ results: 0, contents: 0, bytes: 0 });
  });

  test("is told an age, of two days at least", async () => {
    const rig = makeProject(files);
    for (const [args, message] of [
      [[], "what is to go?"],
      [["--older-than", "soon"], '--older-than takes a time, not "soon"'],
      [["--older-than", "none"], '--older-than takes a time, not "none"'],
      [["--older-than", "1d"], '--older-than takes 2d or more, not "1d"'],
    ] as const)
      expect(await sweep(rig, temporaryFolder(), ...args)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(message) as string,
      });
    const empty = await sweep(rig, temporaryFolder(), "--older-than", "2d");
    expect([empty.code, empty.swept.there]).toEqual([0, { results: 0, contents: 0, bytes: 0 }]);
  });
});

describe("while others are at work", () => {
  /** A folder that lets others do something each time that it was listed. */
  class Busy extends SharedFolder {
    readonly listed: (() => Promise<unknown>)[] = [];
    override async *list(kind: SharedKind): AsyncGenerator<readonly Listed[]> {
      const all: (readonly Listed[])[] = [];
      for await (const some of super.list(kind)) all.push(some);
      yield* all;
      await this.listed.shift()?.();
    }
  }
  function makePlace() {
    const root = temporaryFolder();
    const place = new Busy(root);
    const open = () => new Breaker({ after: 3, restMs: 1000, now: () => performance.now() });
    const guard = new Guard({ who: root, breakers: { reading: open(), writing: open() }, warn: () => undefined });
    const access = { remote: place, guard, secret: undefined, patienceMs: 10_000, width: 4 };
    return {
      root,
      place,
      sweep: () => sweepShared(access, place, { before: Date.now() - 90 * day, isDryRun: false }),
      /** Publishes a result that names a folder with one file, content first. */
      publish: async (word: string, key = nameOf(`key of ${word}`) as Digest) => {
        const text = Buffer.from(word.repeat(1000));
        const file = { digest: nameOf(text) as Digest, size: text.length };
        const listing = Buffer.from(JSON.stringify([["file.txt", file.digest, file.size]]));
        const tree = { digest: nameOf(listing) as Digest, size: listing.length };
        await place.put("cas", file.digest, { bytes: text });
        await place.put("cas", tree.digest, { bytes: listing });
        const outputs = { folder: { kind: "tree", blob: tree, files: 1, size: file.size } } as const;
        const result = { outputs, at: 1, tookMs: 1, costUsd: 0, by: "a@b", executor: "local", attempts: 1 };
        await place.put("ac", key, { bytes: writeEntry(key, result, undefined) });
        return { key, file: file.digest, tree: tree.digest };
      },
      holds: async ({ key, file, tree }: { key: Digest; file: Digest; tree: Digest }) => [
        await place.has("ac", key),
        await place.has("cas", file),
        await place.has("cas", tree),
      ],
    };
  }

  test("what they publish stays, with content that was there and idle", async () => {
    for (const when of [0, 1, 2]) {
      const { root, place, publish, holds, sweep } = makePlace();
      const one = await publish("word");
      age(root, 100);
      let late = one;
      const nothing = () => Promise.resolve();
      place.listed.push(...Array.from({ length: when }, () => nothing), async () => {
        late = await publish("word", nameOf("another key") as Digest);
      });
      expect((await sweep()).swept.gone).toMatchObject({ results: 1, contents: 0 });
      expect([await holds(one), await holds(late)]).toEqual([
        [false, true, true],
        [true, true, true],
      ]);
    }
  });

  test("what they fetch stays", async () => {
    const { root, place, publish, holds, sweep } = makePlace();
    const one = await publish("word");
    age(root, 100);
    place.listed.push(() => place.touch("ac", one.key));
    expect((await sweep()).swept.gone).toEqual({ results: 0, contents: 0, bytes: 0 });
    expect(await holds(one)).toEqual([true, true, true]);
  });

  test("a result whose content went all the same goes, too", async () => {
    const { root, place, publish, holds, sweep } = makePlace();
    const one = await publish("word");
    const text = readFileSync(filesIn(root, "ac").get(one.key)!);
    age(root, 100);
    const nothing = () => Promise.resolve();
    // Put back by somebody who knows nothing of uses, after the last look at what stays.
    place.listed.push(nothing, nothing, () => place.put("ac", one.key, { bytes: text }));
    await sweep();
    expect(await holds(one)).toEqual([false, false, false]);
  });

  test("nothing is swept when an entry cannot be read", async () => {
    const { root, place, publish, holds, sweep } = makePlace();
    const [old, used] = [await publish("old"), await publish("used")];
    age(root, 100);
    await place.touch("ac", used.key);
    place.get = () => Promise.reject(new Error("no"));
    expect(await sweep()).toMatchObject({ kind: "unseen", swept: { gone: { results: 0, contents: 0 } } });
    expect(await holds(old)).toEqual([true, true, true]);
  });
});

describe("a place that cannot be swept", () => {
  test.skipIf(!hasNginx)("is one behind HTTP: whoever keeps the server does it", async () => {
    const { url, root } = await startNginx();
    const rig = makeProject(files);
    await build(rig, url);
    age(root, 100);
    const there = filesIn(root, "ac").size;
    expect(there).toBeGreaterThan(8);
    const { code, stderr } = await sweep(rig, url, "--older-than", "90d", "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining("find ac cas -type f -atime +90 -delete")]);
    expect(filesIn(root, "ac").size).toBe(there);
  });

  test("is one that does not answer", async () => {
    const url = `s3://team/exp?endpoint=http://127.0.0.1:${await freePort()}&region=us-east-1`;
    const { code, stderr } = await sweep(makeProject(files), url, "--older-than", "90d", "--yes");
    expect([code, stderr]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
  });
});

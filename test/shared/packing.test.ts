// Results of a fan-out's items lie in a shared cache together, beside the entry of each: what that saves, and that it changes nothing else.

import { cpSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Breaker } from "../../src/backends/store/breaker.ts";
import { packsOf } from "../../src/backends/store/pack.ts";
import { SharedCache } from "../../src/backends/store/shared-cache.ts";
import { SharedFolder } from "../../src/backends/store/shared-folder.ts";
import type { ActionResult } from "../../src/model/action.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { makeProject, type Rig } from "../rig.ts";
import { entriesIn, isOfCode, startFolderServer, startProxy, temporaryFolder } from "./places.ts";
import { build, digests, files } from "./team.fixture.ts";

const many = (count: number) => [`--pages.count=${count}`];

const undone: (() => void)[] = [];
afterAll(() => {
  for (const undo of undone.reverse()) undo();
});
const fills = new Map<string, Promise<{ readonly root: string; readonly first: Rig }>>();

/** What a build has published, in a copy of the test's own. The project that made it serves all tests of this file: none changes it. */
async function filled(count: number, env: Readonly<Record<string, string>> = {}) {
  const name = JSON.stringify([count, env]);
  if (!fills.has(name)) fills.set(name, fill(count, env));
  const { root: published, first } = await fills.get(name)!;
  const root = temporaryFolder();
  cpSync(published, root, { recursive: true });
  return { root, first };
}

async function fill(count: number, env: Readonly<Record<string, string>>) {
  const atEnd = (undo: () => void) => undone.push(undo);
  const [root, first] = [temporaryFolder(atEnd), makeProject(files, atEnd)];
  expect(await build(first, root, env, many(count))).toMatchObject({ code: 0, warnings: [] });
  return { root, first };
}
const packsIn = (root: string) =>
  entriesIn(root).filter((file) => readFileSync(file, "utf8").includes('"executor":"pack"'));
const singlesIn = (root: string) => entriesIn(root).filter((file) => !packsIn(root).includes(file) && !isOfCode(file));

describe("where a pack ends", () => {
  const keys = Array.from({ length: 3000 }, (_, i) => digestOfBytes(`key ${i}`));

  test("is decided by the keys, so that more items leave all packs but the last as they were", () => {
    const before = packsOf(keys.slice(0, 2500)).map(({ key }) => key);
    const after = packsOf(keys).map(({ key }) => key);
    expect(after.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
    expect(before.length).toBeGreaterThan(4);
    expect(before.length).toBeLessThan(40);
  });

  test("is not decided by what lies elsewhere: an item that goes away changes one pack", () => {
    const before = new Set(packsOf(keys).map(({ key }) => key));
    const after = packsOf(keys.filter((_, i) => i !== 1500)).map(({ key }) => key);
    expect(after.filter((key) => !before.has(key)).length).toBeLessThanOrEqual(1);
  });

  test("is after some thousands of keys at the latest, and a few are no pack", () => {
    const alike = Array.from(
      { length: 5000 },
      (_, i) => `ff${digestOfBytes(String(i)).slice(2)}` as (typeof keys)[number],
    );
    expect(Math.max(...packsOf(alike).map(({ items }) => items.length))).toBe(2048);
    expect(packsOf(keys.slice(0, 5))).toEqual([]);
  });
});

test("three hundred items are found with a few requests", async () => {
  const { root, first } = await filled(300);
  expect(packsIn(root).length).toBeGreaterThan(0);
  expect(singlesIn(root).length).toBe(303);
  const { url } = await startFolderServer(root);
  const proxy = await startProxy(url, () => undefined);
  const second = makeProject(files);
  expect(await build(second, proxy.url, {}, many(300))).toMatchObject({
    ...{ code: 0, warnings: [] },
    counts: { computed: 0 },
  });
  expect(digests(second)).toEqual(digests(first));
  expect(proxy.asked.filter(({ path }) => path.startsWith("/ac/")).length).toBeLessThan(30);
  // Nothing that it found together does it publish again.
  expect(proxy.asked.filter(({ method }) => method === "PUT")).toEqual([]);
});

test("of a fan-out that was extended the former packs serve, and new ones are published", async () => {
  const { root } = await filled(1200);
  const { url } = await startFolderServer(root);
  const proxy = await startProxy(url, () => undefined);
  const second = makeProject(files);
  expect(await build(second, proxy.url, {}, many(1300))).toMatchObject({ code: 0, warnings: [] });
  expect(proxy.asked.filter(({ method, path }) => method === "GET" && path.startsWith("/ac/")).length).toBeLessThan(
    900,
  );
  const again = await startProxy(url, () => undefined);
  expect(await build(makeProject(files), again.url, {}, many(1300))).toMatchObject({ counts: { computed: 0 } });
  expect(again.asked.filter(({ path }) => path.startsWith("/ac/")).length).toBeLessThan(40);
});

test("without packs, as an earlier exp published, all is found one by one, and put together for the next", async () => {
  const { root, first } = await filled(40);
  for (const file of packsIn(root)) rmSync(file);
  const second = makeProject(files);
  expect(await build(second, root, {}, many(40))).toMatchObject({ counts: { computed: 0 } });
  expect(packsIn(root)).toHaveLength(1);
  for (const file of singlesIn(root)) if (readFileSync(file, "utf8").includes('"page"')) rmSync(file);
  const third = makeProject(files);
  expect(await build(third, root, {}, many(40))).toMatchObject({ warnings: [], counts: { computed: 0 } });
  expect(digests(third)).toEqual(digests(first));
});

describe("exp cache push", () => {
  test("puts together what a build would have put together, once", async () => {
    const root = temporaryFolder();
    const first = makeProject(files);
    await build(first, "off", {}, many(60));
    const { url } = await startFolderServer(root);
    const proxy = await startProxy(url, () => undefined);
    expect(await json(first, "push", "--shared", proxy.url)).toMatchObject({ published: 63, left: 0 });
    expect(packsIn(root)).toHaveLength(1);
    const before = proxy.asked.length;
    expect(await json(first, "push", "--shared", proxy.url)).toMatchObject({ published: 0, there: 63, left: 0 });
    expect(packsIn(root)).toHaveLength(1);
    // Once for each content and each result, and a few more to find out what kind of server it is.
    const contents = entriesIn(root, "cas").length;
    expect(proxy.asked.length - before).toBeLessThan(63 + contents + 10);
    const second = makeProject(files);
    const asked = proxy.asked.length;
    expect(await build(second, proxy.url, {}, many(60))).toMatchObject({ warnings: [], counts: { computed: 0 } });
    expect(digests(second)).toEqual(digests(first));
    expect(proxy.asked.slice(asked).filter(({ path }) => path.startsWith("/ac/")).length).toBeLessThan(20);
  });

  test("puts together what others have published, too, as they have it", async () => {
    const { root, first } = await filled(40);
    for (const file of packsIn(root)) rmSync(file);
    const second = makeProject(files);
    await build(second, "off", {}, many(40));
    expect(await json(second, "push", "--shared", root)).toMatchObject({ published: 0, there: 43, left: 0 });
    const [pack] = packsIn(root);
    for (const file of singlesIn(root)) if (readFileSync(file, "utf8").includes('"page"')) rmSync(file);
    expect(pack).toBeDefined();
    const third = makeProject(files);
    expect(await build(third, root, {}, many(40))).toMatchObject({ warnings: [], counts: { computed: 0 } });
    expect(digests(third)).toEqual(digests(first));
  });
});

test("exp fetch brings the content of all items of a fan-out with a few requests", async () => {
  const { root, first } = await filled(60);
  const { url } = await startFolderServer(root);
  const second = makeProject(files);
  await build(second, url, {}, many(60));
  const proxy = await startProxy(url, () => undefined);
  const fetched = await second.exp("fetch", "pages", "--items", "--shared", proxy.url, "--json");
  const told = JSON.parse(fetched.stdout) as { brought: { name: string; output: string }[]; missing: unknown[] };
  expect([fetched.code, told.missing]).toEqual([0, []]);
  expect(told.brought.filter(({ output }) => output === "page")).toHaveLength(60);
  expect(proxy.asked.length).toBeLessThan(12);
  const shown = await second.exp("show", "pages[3].page");
  expect(shown.stdout).toBe((await first.exp("show", "pages[3].page")).stdout);
  expect(shown.stdout).toContain("3333");
});

test("a machine that may not write publishes no packs", async () => {
  const { root } = await filled(40);
  for (const file of packsIn(root)) rmSync(file);
  await build(makeProject(files), root, { EXP_SHARED_CACHE_PUBLISH: "0" }, many(40));
  expect(packsIn(root)).toEqual([]);
});

test("results in a pack that are not signed, or otherwise, are not taken", async () => {
  const team = { EXP_SHARED_CACHE_KEY: "secret" };
  const { root } = await filled(40, team);
  const [pack] = packsIn(root);
  const singles = singlesIn(root).filter((file) => readFileSync(file, "utf8").includes('"page"'));
  for (const file of singles) rmSync(file);
  const stranger = await build(
    makeProject(files),
    root,
    { EXP_SHARED_CACHE_KEY: "other", EXP_SHARED_CACHE_PUBLISH: "0" },
    many(40),
  );
  expect(stranger).toMatchObject({ code: 0, counts: { cached: 0 } });
  expect(stranger.warnings).toEqual([expect.stringContaining("wrongly signed")]);
  // One who cannot sign cannot swap an entry inside either: the pack is signed as a whole.
  writeFileSync(`${pack!}.new`, readFileSync(pack!, "utf8").replace('\\"tookMs\\":', '\\"tookMs\\":1'));
  rmSync(pack!);
  writeFileSync(pack!, readFileSync(`${pack!}.new`));
  rmSync(`${pack!}.new`);
  const second = await build(makeProject(files), root, { ...team, EXP_SHARED_CACHE_PUBLISH: "0" }, many(40));
  expect(second.warnings).toEqual([expect.stringContaining("wrongly signed")]);
  expect(second.counts!.computed).toBe(40);
});

test("a pack whose content is gone costs a computation, and no more", async () => {
  const { root, first } = await filled(40);
  for (const file of entriesIn(root, "cas")) rmSync(file);
  const second = makeProject(files);
  expect(await build(second, root, {}, many(40))).toMatchObject({ code: 0, failures: [] });
  expect(digests(second)).toEqual(digests(first));
});

test("what was accepted in place of a result is in no pack", async () => {
  const root = temporaryFolder();
  const rig = makeProject(files);
  await build(rig, "off", {}, many(40));
  rig.edit("recipes.ts", "repeat(10_000)", "repeat(10_001)");
  expect((await rig.exp("accept", "pages", "--because", "a test")).code).toBe(0);
  await build(rig, root, {}, many(60));
  const texts = [...packsIn(root), ...singlesIn(root)].map((file) => readFileSync(file, "utf8")).join("");
  const accepted = rig
    .read("runs/default/trace/trace.jsonl")
    .split("\n")
    .flatMap((line) => (line.includes('"as":') ? [(JSON.parse(line) as { k: string }).k] : []));
  expect(accepted.length).toBeGreaterThan(39);
  expect(accepted.filter((key) => texts.includes(key))).toEqual([]);
});

test("of two who computed the same at once, a pack holds of each result the one that was published first", async () => {
  const root = temporaryFolder();
  const machine = () =>
    new SharedCache({
      remote: new SharedFolder(root),
      // All content is kept with the results.
      local: [] as never,
      partials: join(root, "partial"),
      breakers: { reading: breaker(), writing: breaker() },
      ...{ secret: undefined, mayWrite: true, width: 8, patienceMs: 10_000 },
      warn: (text) => expect.unreachable(text),
    });
  const breaker = () => new Breaker({ after: 3, restMs: 1, now: () => 0 });
  const made = (text: string): ActionResult => ({
    outputs: { page: { kind: "file", blob: { digest: digestOfBytes(text), size: text.length }, text } },
    ...{ at: 1, tookMs: 1, costUsd: 0, by: text, executor: "local", attempts: 1 },
  });
  const keys = Array.from({ length: 20 }, (_, i) => digestOfBytes(`key ${i}`));
  const [first, second] = [machine(), machine()];
  for (const key of keys.slice(0, 5)) first.publish(key, made("first"));
  await first.settle(Infinity);
  const own = new Map(keys.map((key) => [key, made("second")]));
  for (const [key, result] of own) second.publish(key, result);
  second.publishPack(digestOfBytes("pack"), own, { at: 1, by: "second" });
  await second.settle(Infinity);
  const third = machine();
  for (const found of [await third.lookUpPack(digestOfBytes("pack")), await third.lookUp(keys)])
    expect(keys.map((key) => found.get(key)!.by)).toEqual(keys.map((_, i) => (i < 5 ? "first" : "second")));
});

async function json(rig: Rig, ...args: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse((await rig.exp("cache", ...args, "--json")).stdout) as Record<string, unknown>;
}

test("verify looks into packs, and at codes", async () => {
  const { root, first } = await filled(40);
  expect(await json(first, "verify", "--shared", root)).toMatchObject({ results: 43, codes: 4, packs: 1, wrong: [] });
  const [pack] = packsIn(root);
  const text = readFileSync(pack!, "utf8").replace('{\\"v\\":1,', '{\\"v\\":9,');
  rmSync(pack!);
  writeFileSync(pack!, text);
  const code = entriesIn(root).find(isOfCode)!;
  rmSync(code);
  writeFileSync(code, "{}");
  const { wrong } = (await json(first, "verify", "--shared", root)) as {
    wrong: { name: string; wrong: string; targets: string[] }[];
  };
  expect(wrong.map(({ name, wrong: kind }) => [name, kind]).sort()).toEqual(
    [
      [basename(code), "damaged"],
      [basename(pack!), "newer"],
    ].sort(),
  );
  expect(wrong.flatMap(({ targets }) => targets)).toEqual(["code of recipes.ts"]);
});

test("a sweep keeps what a pack that is used holds, with its content", async () => {
  const { root, first } = await filled(40);
  const old = new Date(Date.now() - 100 * 86_400_000);
  for (const file of [...singlesIn(root), ...entriesIn(root, "cas")]) utimesSync(file, old, old);
  const swept = await json(first, "sweep", "--shared", root, "--older-than", "90d", "--yes");
  expect(swept).toMatchObject({ whole: true, gone: { results: 3 } });
  expect(packsIn(root)).toHaveLength(1);
  const pages = singlesIn(root).filter((file) => readFileSync(file, "utf8").includes('"page"'));
  expect(pages).toHaveLength(40);
  const content = /"page":\{"kind":"file","blob":\{"digest":"([0-9a-f]{64})"/.exec(
    readFileSync(pages[0]!, "utf8"),
  )![1]!;
  expect(existsSync(`${root}/cas/${content.slice(0, 2)}/${content}`)).toBe(true);
});

describe("small content of items travels with their pack", () => {
  const merged = "all += (await made.page.read())";

  async function mergedAgain(change: (root: string) => void) {
    const { root } = await filled(60);
    change(root);
    const { url } = await startFolderServer(root);
    const proxy = await startProxy(url, () => undefined);
    const second = makeProject(files);
    await build(second, proxy.url, { EXP_SHARED_CACHE_PUBLISH: "0" }, many(60));
    const before = proxy.asked.length;
    mergeOtherwise(second);
    const built = await build(second, proxy.url, { EXP_SHARED_CACHE_PUBLISH: "0" }, many(60));
    expect(built).toMatchObject({ code: 0, failures: [] });
    expect(digests(second)).toEqual(await (right ??= digestsAlone()));
    return { built, asked: proxy.asked.slice(before) };
  }
  const mergeOtherwise = (rig: Rig) => rig.edit("recipes.ts", merged, "all += '-' + (await made.page.read())");
  /** What a machine without any cache makes of it. */
  let right: Promise<readonly string[]> | undefined;
  async function digestsAlone(): Promise<readonly string[]> {
    const rig = makeProject(files);
    mergeOtherwise(rig);
    await build(rig, "off", {}, many(60));
    return digests(rig);
  }

  test("and is brought with a few requests where a merge reads it", async () => {
    const { built, asked } = await mergedAgain(() => undefined);
    expect(built).toMatchObject({ warnings: [], counts: { computed: 1 } });
    expect(asked.length).toBeLessThan(12);
  });

  test("and where it is damaged there, what is not what it is said to be is brought by itself", async () => {
    const { built, asked } = await mergedAgain((root) => {
      const contents = /"contents":\{"kind":"file","blob":\{"digest":"([0-9a-f]{64})"/.exec(
        readFileSync(packsIn(root)[0]!, "utf8"),
      )![1]!;
      const file = `${root}/cas/${contents.slice(0, 2)}/${contents}`;
      const bytes = readFileSync(file);
      // In the middle of one of them.
      bytes[bytes.length - 5000] = 0;
      rmSync(file);
      writeFileSync(file, bytes);
    });
    expect(built).toMatchObject({ warnings: [], counts: { computed: 1 } });
    expect(asked.filter(({ path }) => path.startsWith("/cas/")).length).toBe(2);
  });

  test("and where it is gone, all is brought one by one", async () => {
    const { built, asked } = await mergedAgain((root) => {
      for (const pack of packsIn(root)) rmSync(pack);
    });
    expect(built).toMatchObject({ warnings: [], counts: { computed: 1 } });
    expect(asked.filter(({ path }) => path.startsWith("/cas/")).length).toBeGreaterThan(59);
  });
});

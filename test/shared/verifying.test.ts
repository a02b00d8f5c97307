// `exp cache verify`: names what is wrong in a shared cache, and nothing else.

import { createHash } from "node:crypto";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "../rig.ts";
import {
  bucketCredentials,
  entriesIn,
  freePort,
  hasNginx,
  startBucket,
  startFolderServer,
  startNginx,
  startProxy,
  temporaryFolder,
} from "./places.ts";
import { build, files } from "./team.fixture.ts";

interface Verified {
  readonly results: number;
  readonly contents: number;
  readonly unseen: number;
  readonly wrong: readonly { readonly at: string; readonly wrong: string; readonly targets: readonly string[] }[];
}

async function verify(
  rig: Rig,
  shared: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const { finished } = rig.start(["cache", "verify", "--shared", shared, "--json", ...args], {
    env: { ...bucketCredentials, ...env },
  });
  const { code, stdout, stderr } = await finished;
  return { code, stderr, verified: (stdout === "" ? undefined : JSON.parse(stdout)) as Verified };
}

/** In the place of what a file holds, which may not be written. */
function overwrite(path: string, change: (text: string) => string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, change(readFileSync(path, "latin1")), "latin1");
}
const fileOf = (root: string, text: string) =>
  entriesIn(root).find((path) => readFileSync(path, "utf8").includes(text))!;
const deep = Buffer.alloc(50_000, "word");
const deepName = createHash("sha256").update(deep).digest("hex");
/**
 * Results: the recipe, the split, five items, the merge. Contents: the large output, the folder's listing and two files, five pages; of each code its print
 * and a map.
 */
const all = { results: 8, codes: 4, packs: 0, contents: 17, unseen: 0 };

describe.each([
  ["a folder", true, () => Promise.resolve(temporaryFolder()).then((root) => ({ url: root }))],
  ["nginx with WebDAV", hasNginx, startNginx],
  ["a bucket", true, startBucket],
])("in %s", (_, isThere, open) => {
  test.skipIf(!isThere)("all that was published is right, for every machine that can name it", async () => {
    const { url } = await open();
    const first = makeProject(files);
    await build(first, url);
    expect(await verify(first, url)).toMatchObject({ code: 0, stderr: "", verified: { ...all, wrong: [] } });
    const second = makeProject(files);
    await build(second, url);
    second.remove("cache");
    expect(await verify(second, url)).toMatchObject({ code: 0, verified: { ...all, wrong: [] } });
    expect(await verify(makeProject(files), url)).toMatchObject({ code: 0, verified: { results: 0, contents: 0 } });
  });
});

describe("what is wrong is named:", () => {
  async function published(env: Readonly<Record<string, string>> = {}) {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await build(rig, root, env);
    return { root, rig };
  }

  test("a result that makes no sense, half of one, one of another key", async () => {
    const { root, rig } = await published();
    const [make, merge] = [fileOf(root, '"folder"'), fileOf(root, '"all"')];
    const own = readFileSync(make, "utf8");
    overwrite(make, (text) => text.slice(0, 100));
    overwrite(merge, () => own);
    const { code, verified } = await verify(rig, root);
    expect(code).toBe(1);
    expect(verified.wrong.map(({ at, wrong, targets }) => [at, wrong, targets])).toEqual(
      [
        [make, "damaged", ["default:make"]],
        [merge, "damaged", ["default:pages"]],
      ].sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
    );
  });

  test("content that is other bytes, cut, grown, or gone", async () => {
    for (const [wrong, change] of [
      ["other bytes", (path: string) => overwrite(path, (text) => text.replace("word", "Word"))],
      ["other bytes", (path: string) => overwrite(path, (text) => text.slice(1))],
      ["other bytes", (path: string) => overwrite(path, (text) => `${text}d`)],
      ["missing", rmSync],
    ] as const) {
      const { root, rig } = await published();
      const path = entriesIn(root, "cas").find((one) => one.endsWith(deepName))!;
      change(path);
      const { code, verified } = await verify(rig, root);
      expect([code, verified.wrong]).toMatchObject([1, [{ at: path, wrong, targets: ["default:make"] }]]);
      const { stdout } = await rig.exp("cache", "verify", "--shared", root);
      expect(stdout).toContain(
        `${path} ${wrong === "missing" ? "is missing, though a result names it" : "holds other bytes than its name stands for"} (default:make)\n`,
      );
    }
  });

  test("a result that is not signed, or by another key; without a key nobody is asked for signatures", async () => {
    const { root, rig } = await published({ EXP_SHARED_CACHE_KEY: "ours" });
    const ours = await verify(rig, root, [], { EXP_SHARED_CACHE_KEY: "ours" });
    expect(ours).toMatchObject({ code: 0, verified: { ...all, wrong: [] } });
    expect(await verify(rig, root)).toMatchObject({ code: 0, verified: { ...all, wrong: [] } });
    const theirs = await verify(rig, root, [], { EXP_SHARED_CACHE_KEY: "theirs" });
    expect([theirs.code, new Set(theirs.verified.wrong.map(({ wrong }) => wrong))]).toEqual([
      1,
      new Set(["wrongly signed"]),
    ]);
    expect(theirs.verified.wrong.length).toBe(12);
    overwrite(fileOf(root, '"folder"'), (text) => text.replace(/hmac.*\n/, ""));
    const unsigned = await verify(rig, root, [], { EXP_SHARED_CACHE_KEY: "ours" });
    expect(unsigned.verified.wrong).toMatchObject([{ wrong: "unsigned", targets: ["default:make"] }]);
  });

  test("a push mends what was removed", async () => {
    const { root, rig } = await published();
    rmSync(entriesIn(root, "cas").find((one) => one.endsWith(deepName))!);
    rmSync(fileOf(root, '"all"'));
    expect(await verify(rig, root)).toMatchObject({ code: 1 });
    await rig.exp("cache", "push", "--shared", root);
    expect(await verify(rig, root)).toMatchObject({ code: 0, verified: { ...all, wrong: [] } });
  });
});

describe("--sample", () => {
  test("looks at so many results, with their content", async () => {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await build(rig, root);
    const { code, verified } = await verify(rig, root, ["--sample", "3"]);
    expect([code, verified.results]).toEqual([0, 3]);
    expect(verified.contents).toBeLessThan(all.contents);
    // Those that are not there do not count.
    rmSync(fileOf(root, '"all"'));
    for (const count of [7, 5, 5, 5, 5, 5])
      expect((await verify(rig, root, ["--sample", String(count)])).verified.results).toBe(count);
    const wrong = await verify(rig, root, ["--sample", "0"]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('not "0"')]);
  });
});

describe("a cache that cannot be looked at", () => {
  test("is not taken for right", async () => {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await build(rig, root);
    const nobody = await verify(rig, `http://127.0.0.1:${await freePort()}`);
    expect(nobody).toMatchObject({ code: 1, verified: { results: 0, unseen: 12, wrong: [] } });
    expect(nobody.stderr).toContain("ECONNREFUSED");
    const { url } = await startFolderServer(root);
    const proxy = await startProxy(url, ({ path }) =>
      path.endsWith(deepName) ? { kind: "cut", after: 10 } : undefined,
    );
    expect(await verify(rig, proxy.url)).toMatchObject({ code: 1, verified: { results: 8, unseen: 1, wrong: [] } });
    const endless = await startProxy(url, ({ path }) => (path.endsWith(deepName) ? { kind: "endless" } : undefined));
    expect(await verify(rig, endless.url)).toMatchObject({ code: 1, verified: { wrong: [{ wrong: "other bytes" }] } });
  });
});

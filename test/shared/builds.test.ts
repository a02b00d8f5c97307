// Two machines with one shared cache: what one has computed the other need not compute. And whatever the cache does wrong costs no more than that.

import { createHash, randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeProject } from "../rig.ts";
import {
  countEntries,
  freePort,
  hasNginx,
  startBucket,
  startFolderServer,
  startNginx,
  startProxy,
  temporaryFolder,
  type Fault,
  type Proxy,
} from "./places.ts";
import { build, digests, files } from "./team.fixture.ts";

const places: readonly (readonly [
  name: string,
  isThere: boolean,
  open: () => Promise<{ url: string; root: string }>,
])[] = [
  ["a folder", true, () => Promise.resolve(temporaryFolder()).then((root) => ({ url: root, root }))],
  ["nginx with WebDAV", hasNginx, startNginx],
  ["a bucket", true, startBucket],
];

for (const [name, isThere, open] of places)
  describe.skipIf(!isThere)(`a cache in ${name}`, () => {
    test("another machine computes nothing, and has the same outputs", async () => {
      const { url, root } = await open();
      const first = makeProject(files);
      const made = await build(first, url);
      expect(made).toMatchObject({ code: 0, failures: [], warnings: [], counts: { cached: 0 } });
      expect(countEntries(root, "ac")).toBeGreaterThan(6);
      const second = makeProject(files);
      const fetched = await build(second, url);
      expect(fetched).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
      expect(digests(second)).toEqual(digests(first));
      // From then on it needs nobody.
      second.remove("cache/stamps");
      second.remove("cache/recall");
      expect(await build(second, "off")).toMatchObject({ code: 0, counts: { computed: 0, cached: 0 } });
    });

    test("more items and another word compute what is new, on top of what others have", async () => {
      const { url } = await open();
      await build(makeProject(files), url);
      const second = makeProject(files);
      expect(await build(second, url, {}, ["--pages.count=7"])).toMatchObject({ code: 0 });
      const expected = Array.from({ length: 7 }, (_, n) => `${n}${n}${n}300000`).join("");
      expect(second.read("runs/default/pages/all.txt")).toBe(expected);
    });
  });

describe("a cache that does wrong costs a warning and a computation, and no more:", () => {
  /** The digests that a build without any cache leaves. */
  let right: readonly string[] | undefined;
  async function rightDigests(): Promise<readonly string[]> {
    if (right !== undefined) return right;
    const rig = makeProject(files);
    await build(rig, "off");
    return (right = digests(rig));
  }
  /** What a build has published, by kind of place and how it was told: it is done once, and each test has a copy. */
  const published = new Map<string, string>();
  afterAll(() => {
    for (const folder of published.values()) rmSync(folder, { recursive: true });
  });
  async function fill({ url, root }: { url: string; root: string }, env: Readonly<Record<string, string>>) {
    const name = JSON.stringify([url === root ? "folder" : new URL(url).protocol, env]);
    const kept = published.get(name);
    if (kept !== undefined) return cpSync(kept, root, { recursive: true });
    expect(await build(makeProject(files), url, env)).toMatchObject({ code: 0, warnings: [] });
    const folder = mkdtempSync(join(tmpdir(), "exp-published-"));
    published.set(name, folder);
    cpSync(root, folder, { recursive: true });
  }
  /** A place that holds all results; the folder is served as it is. */
  async function filled(env: Readonly<Record<string, string>> = {}): Promise<{ root: string; url: string }> {
    const root = temporaryFolder();
    await fill({ url: root, root }, env);
    return { root, url: (await startFolderServer(root)).url };
  }
  const patience = { EXP_SHARED_CACHE_PATIENCE: "1" };

  const isContent = (path: string) => /(^|\/)cas\//.test(path);
  const faults: readonly (readonly [
    what: string,
    faultOf: (asked: { method: string; path: string }, number: number) => Fault | undefined,
    warning: RegExp,
  ])[] = [
    ["it says nothing", () => ({ kind: "silent" }), /asked for results: it said nothing for 1 s/],
    ["it hangs up", () => ({ kind: "reset" }), /asked for results: .*ECONNRESET/],
    ["it is overloaded", () => ({ kind: "status", status: 503 }), /asked for results: GET was answered with 503/],
    ["it wants to be paid", ({ method }) => (method === "GET" ? { kind: "status", status: 402 } : undefined), /402/],
    [
      "it sends other content",
      ({ path }) => (isContent(path) ? { kind: "other bytes" } : undefined),
      /gave other bytes than/,
    ],
    ["it sends other results", ({ path }) => (isContent(path) ? undefined : { kind: "other bytes" }), /make no sense/],
    [
      "it breaks off each time",
      ({ path }) => (isContent(path) ? { kind: "cut", after: 10 } : undefined),
      /asked for content/,
    ],
    [
      "it sends content without end",
      ({ path }) => (isContent(path) ? { kind: "endless" } : undefined),
      /gave other bytes than/,
    ],
    [
      "it sends results without end",
      ({ path }) => (isContent(path) ? undefined : { kind: "endless" }),
      /an entry is longer than/,
    ],
    ["it dies after a while", (_, number) => (number > 4 ? { kind: "reset" } : undefined), /ECONNRESET/],
    [
      "it answers every other time",
      (_, number) => (number % 2 === 0 ? { kind: "status", status: 500 } : undefined),
      /500/,
    ],
  ];
  /** The same place as two kinds of clients see it, with a proxy before it. */
  const clients: Readonly<
    Record<string, (faultOf: (typeof faults)[number][1]) => Promise<{ readonly url: string; readonly proxy: Proxy }>>
  > = {
    HTTP: async (faultOf) => {
      const proxy = await startProxy((await filled()).url, faultOf);
      return { url: proxy.url, proxy };
    },
    S3: async (faultOf) => {
      const bucket = await startBucket();
      await fill(bucket, {});
      const proxy = await startProxy(new URL(bucket.url).searchParams.get("endpoint")!, faultOf);
      return { url: `s3://team/exp?endpoint=${proxy.url}&region=us-east-1`, proxy };
    },
  };
  for (const [client, open] of Object.entries(clients)) {
    test.each(faults)(`over ${client} %s`, async (_, faultOf, warning) => {
      const rig = makeProject(files);
      const built = await build(rig, (await open(faultOf)).url, patience);
      expect(built).toMatchObject({ code: 0, failures: [] });
      expect(built.warnings.concat(built.stderr).join("\n")).toMatch(warning);
      expect(digests(rig)).toEqual(await rightDigests());
    });

    test(`over ${client} it lets nobody write: what is there is read all the same`, async () => {
      const { url, proxy } = await open(({ method }) =>
        method === "PUT" ? { kind: "status", status: 403 } : undefined,
      );
      const rig = makeProject(files);
      const built = await build(rig, url, {}, ["--pages.count=40"]);
      expect(built).toMatchObject({ code: 0, failures: [] });
      const again = await build(rig, url, {}, ["--make.word=other"]);
      expect(again).toMatchObject({ code: 0, failures: [] });
      expect(built.warnings.concat(built.stderr).join()).toMatch(/given results: PUT was answered with 403/);
      const reads = proxy.asked.filter(({ method }) => method === "GET").length;
      // Of both builds: the items that nobody has made yet were asked for one by one.
      expect(reads).toBeGreaterThan(60);
    });
  }

  test("nobody is there", async () => {
    const rig = makeProject(files);
    const built = await build(rig, `http://127.0.0.1:${await freePort()}`, patience);
    expect(built).toMatchObject({ code: 0, failures: [] });
    expect(built.warnings.join()).toContain("ECONNREFUSED");
    expect(digests(rig)).toEqual(await rightDigests());
  });

  test("it is asked no more once it has failed a few times", async () => {
    const proxy = await startProxy("http://127.0.0.1:9", () => ({ kind: "status", status: 503 }));
    const built = await build(makeProject(files), proxy.url, {}, ["--pages.count=200"]);
    expect(built).toMatchObject({ code: 0 });
    // Those that were under way when the third one failed.
    expect(proxy.asked.length).toBeLessThan(30);
    expect(built.warnings.length).toBeLessThanOrEqual(2);
  });

  test("what broke off is gone on with where it broke off", async () => {
    const { url } = await filled();
    const cut = new Set<string>();
    const proxy = await startProxy(url, ({ path }) => {
      if (!path.startsWith("/cas/") || cut.has(path)) return undefined;
      cut.add(path);
      return { kind: "cut", after: 40_000 };
    });
    const rig = makeProject(files);
    expect(await build(rig, proxy.url, patience)).toMatchObject({ code: 0, counts: { computed: 0 } });
    expect(proxy.asked.some(({ range }) => range !== undefined && range !== "bytes=0-")).toBe(true);
    expect(digests(rig)).toEqual(await rightDigests());
  });

  test("content is gone", async () => {
    const { root } = await filled();
    for (const folder of readdirSync(join(root, "cas"))) rmSync(join(root, "cas", folder), { recursive: true });
    const rig = makeProject(files);
    expect(await build(rig, root)).toMatchObject({ code: 0, failures: [] });
    expect(digests(rig)).toEqual(await rightDigests());
  });

  test("entries are half-written, empty, of another key, of another format", async () => {
    const { root } = await filled();
    const entries = readdirSync(join(root, "ac"), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const texts = entries.map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    for (const [i, entry] of entries.entries()) {
      const path = join(entry.parentPath, entry.name);
      const own = texts[i]!;
      const other = texts[(i + 1) % texts.length]!;
      chmodSync(path, 0o644);
      writeFileSync(
        path,
        [own.slice(0, own.length >> 1), "", other, own.replace('"v":1', '"v":2'), randomBytes(200)][i % 5]!,
      );
    }
    const rig = makeProject(files);
    const built = await build(rig, root);
    expect(built).toMatchObject({ code: 0, failures: [], counts: { cached: 0 } });
    expect(built.warnings.join("\n")).toMatch(/make no sense/);
    expect(digests(rig)).toEqual(await rightDigests());
  });

  test("results are not signed, or by another key: they are not taken", async () => {
    const { root } = await filled();
    const unsigned = makeProject(files);
    const built = await build(unsigned, root, { EXP_SHARED_CACHE_KEY: "ours", EXP_SHARED_CACHE_PUBLISH: "0" });
    expect(built).toMatchObject({ code: 0, counts: { cached: 0 } });
    expect(built.warnings.join()).toContain("that are unsigned");
    const signed = await filled({ EXP_SHARED_CACHE_KEY: "theirs" });
    const other = await build(makeProject(files), signed.root, {
      EXP_SHARED_CACHE_KEY: "ours",
      EXP_SHARED_CACHE_PUBLISH: "0",
    });
    expect(other).toMatchObject({ code: 0, counts: { cached: 0 } });
    expect(other.warnings.join()).toContain("that are wrongly signed");
    const same = await build(makeProject(files), signed.root, { EXP_SHARED_CACHE_KEY: "theirs" });
    expect(same).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
  });

  /** Changes the entry of `make`, whose outputs are `small`, `large` and `folder`. */
  function forge(root: string, change: (outputs: Record<string, unknown>) => Record<string, unknown>): void {
    for (const entry of readdirSync(join(root, "ac"), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const parsed = JSON.parse(readFileSync(path, "utf8")) as { r: { outputs: Record<string, unknown> } };
      if (!("folder" in parsed.r.outputs)) continue;
      chmodSync(path, 0o644);
      parsed.r.outputs = change(parsed.r.outputs);
      writeFileSync(path, JSON.stringify(parsed) + "\n");
      return;
    }
    throw new Error("the entry is not there");
  }

  test.each([
    ["above it", "../../escaped.txt"],
    ["anywhere", "/tmp/escaped.txt"],
    ["nowhere", "a//b"],
  ])("a folder's listing leads %s: it is not used, and nothing is written there", async (_, name) => {
    const { root } = await filled();
    const text = "escaped";
    const inside = createHash("sha256").update(text).digest("hex");
    const listing = JSON.stringify([[name, inside, text.length]]);
    const digest = createHash("sha256").update(listing).digest("hex");
    for (const [at, bytes] of [
      [inside, text],
      [digest, listing],
    ] as const) {
      mkdirSync(join(root, "cas", at.slice(0, 2)), { recursive: true });
      writeFileSync(join(root, "cas", at.slice(0, 2), at), bytes);
    }
    forge(root, (outputs) => ({
      ...outputs,
      folder: { kind: "tree", blob: { digest, size: listing.length }, files: 1, size: text.length },
    }));
    const rig = makeProject(files);
    const built = await build(rig, root);
    expect(built).toMatchObject({ code: 0, failures: [] });
    expect(built.warnings.join()).toContain("a folder whose listing makes no sense");
    expect(rig.has("runs/escaped.txt") || rig.has("runs/default/escaped.txt")).toBe(false);
    expect(digests(rig)).toEqual(await rightDigests());
  });

  test.each([
    ["lacks one", ({ large: _, ...outputs }: Record<string, unknown>) => outputs],
    [
      "has one absent that may not be",
      (outputs: Record<string, unknown>) => ({ ...outputs, large: { kind: "absent" } }),
    ],
    ["has a folder for a file", (outputs: Record<string, unknown>) => ({ ...outputs, large: outputs.folder })],
  ])("a result with other outputs, which %s, is not used", async (_, change) => {
    const { root } = await filled();
    forge(root, change);
    const rig = makeProject(files);
    expect(await build(rig, root)).toMatchObject({ code: 0, failures: [] });
    expect(digests(rig)).toEqual(await rightDigests());
  });

  test("who may not publish leaves it as it was", async () => {
    const root = temporaryFolder();
    expect(await build(makeProject(files), root, { EXP_SHARED_CACHE_PUBLISH: "0" })).toMatchObject({
      code: 0,
      warnings: [],
    });
    expect(countEntries(root, "ac") + countEntries(root, "cas")).toBe(0);
  });

  test("a place that is none is a mistake of whoever named it", async () => {
    const { code, stderr } = await build(makeProject(files), "ftp://somewhere/else");
    expect(code).toBe(2);
    expect(stderr).toContain('EXP_SHARED_CACHE names no shared cache: "ftp://somewhere/else"');
  });
});

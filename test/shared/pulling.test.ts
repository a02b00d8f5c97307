// `exp cache pull`: afterwards a build needs the shared cache no more, and finds the same.

import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "../rig.ts";
import {
  bucketCredentials,
  countEntries,
  entriesIn,
  freePort,
  startBucket,
  startFolderServer,
  startProxy,
  temporaryFolder,
} from "./places.ts";
import { build, digests, files } from "./team.fixture.ts";

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

interface Pulled {
  readonly place: string;
  readonly run: string;
  readonly results: number;
  readonly bytes: number;
  readonly targets: readonly { readonly name: string; readonly state: string }[];
}

async function pull(
  rig: Rig,
  shared: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const { finished } = rig.start(["cache", "pull", "--shared", shared, "--json", ...args], {
    env: { ...bucketCredentials, ...env },
  });
  const { code, stdout, stderr } = await finished;
  return { code, stderr, pulled: (stdout === "" ? undefined : JSON.parse(stdout)) as Pulled | undefined };
}
const allHere = [
  { name: "make", state: "here" },
  { name: "pages", state: "here" },
];

describe.each([
  ["a folder", () => Promise.resolve(temporaryFolder())],
  ["a bucket", async () => (await startBucket()).url],
])("from %s", (_, open) => {
  test("brings all that a build needs, which then computes nothing and asks nobody", async () => {
    const place = await open();
    const first = makeProject(files);
    await build(first, place, {}, ["--pages.count=300"]);
    const second = makeProject(files);
    const { code, stderr, pulled } = await pull(second, place, ["--pages.count=300"]);
    expect([code, stderr, pulled!.targets]).toEqual([0, "", allHere]);
    expect(pulled!.results).toBe(303);
    expect(second.has("runs/default/make")).toBe(false);
    const built = await build(second, "off", {}, ["--pages.count=300"]);
    expect(built).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
    expect(digests(second)).toEqual(digests(first));
    // What is here is not brought again.
    expect((await pull(second, place)).pulled).toMatchObject({ results: 0, bytes: 0, targets: allHere });
  });
});

describe("what is brought", () => {
  test("is the content of items where the merge has to be computed here", async () => {
    const root = temporaryFolder();
    await build(makeProject(files), root);
    const otherMerge = { ...files, "recipes.ts": files["recipes.ts"].replace("slice(0, 3)", "slice(0, 4)") };
    const second = makeProject(otherMerge);
    const { code, pulled } = await pull(second, root);
    expect([code, pulled!.targets]).toEqual([3, [allHere[0], { name: "pages", state: "due" }]]);
    // The recipe, the split and five items.
    expect(pulled!.results).toBe(7);
    // What is computed is the merge.
    expect(await build(second, "off")).toMatchObject({ code: 0, counts: { computed: 1, cached: 6 } });
    expect(second.read("runs/default/pages/all.txt")).toContain("4444300000");
  });

  test("is what there is of a fan-out, where some items are not", async () => {
    const root = temporaryFolder();
    await build(makeProject(files), root);
    const item = entriesIn(root).find((path) =>
      readFileSync(path, "utf8").includes(`"${digestOf("3".repeat(10_000))}"`),
    );
    rmSync(item!);
    const second = makeProject(files);
    const { code, pulled } = await pull(second, root);
    expect([code, pulled!.targets, pulled!.results]).toEqual([3, [allHere[0], { name: "pages", state: "due" }], 6]);
    expect(await build(second, "off")).toMatchObject({ code: 0, counts: { computed: 1, cached: 5 } });
  });

  test("is of the targets named only, with what they need", async () => {
    const root = temporaryFolder();
    await build(makeProject(files), root);
    const rig = makeProject(files);
    expect((await pull(rig, root, ["make"])).pulled).toMatchObject({ results: 1, targets: [allHere[0]] });
    const unknown = await pull(rig, root, ["mak"]);
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('Did you mean "make"?')]);
  });

  test("is nothing where nobody has computed it; what depends on that is not known", async () => {
    const { code, stderr, pulled } = await pull(makeProject(files), temporaryFolder());
    expect([code, stderr, pulled!.results]).toEqual([3, "", 0]);
    expect(pulled!.targets).toEqual([
      { name: "make", state: "due" },
      { name: "pages", state: "unknown" },
    ]);
  });

  test("leaves the run as it is, with edits and all", async () => {
    const root = temporaryFolder();
    await build(makeProject(files), root, {}, ["--make.word=new"]);
    const rig = makeProject(files);
    await build(rig, "off");
    rig.edit("runs/default/pages/all.txt", "000300000", "edited");
    const before = [rig.read("runs/default/trace/trace.jsonl"), rig.read("runs/default/run.yaml")];
    expect((await pull(rig, root, ["--make.word=new"])).pulled).toMatchObject({ targets: allHere });
    expect([rig.read("runs/default/trace/trace.jsonl"), rig.read("runs/default/run.yaml")]).toEqual(before);
    expect(rig.read("runs/default/pages/all.txt")).toContain("edited");
    expect(await build(rig, "off", {}, ["--make.word=new"])).toMatchObject({ code: 0, counts: { computed: 0 } });
  });
});

describe("a pull from a cache that does wrong", () => {
  test("fails where nobody is there, and says so", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { code, stderr, pulled } = await pull(makeProject(files), url);
    expect([code, pulled!.results]).toEqual([1, 0]);
    expect(stderr).toContain("ECONNREFUSED");
  });

  test("takes no result whose content is gone or other", async () => {
    const root = temporaryFolder();
    await build(makeProject(files), root);
    const { url } = await startFolderServer(root);
    const proxy = await startProxy(url, ({ path }) => (path.startsWith("/cas/") ? { kind: "other bytes" } : undefined));
    const lied = makeProject(files);
    expect(await pull(lied, proxy.url)).toMatchObject({ code: 1, pulled: { results: 0 } });
    rmSync(join(root, "cas"), { recursive: true });
    expect(countEntries(root, "ac")).toBeGreaterThan(0);
    const gone = makeProject(files);
    expect(await pull(gone, root)).toMatchObject({ code: 3, pulled: { results: 0 } });
    expect(await build(gone, "off")).toMatchObject({ code: 0, counts: { cached: 0 } });
  });

  test("can be left at any time", async () => {
    const proxy = await startProxy("http://127.0.0.1:9", () => ({ kind: "silent" }));
    const rig = makeProject(files);
    const started = rig.start(["cache", "pull", "--shared", proxy.url]);
    while (proxy.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    started.process.kill("SIGINT");
    expect((await started.finished).code).toBe(130);
  });
});

// What is published and what is fetched: no more than is needed, nothing of what people handed over, and nothing lost when a build is left before its end.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig, type Started } from "../rig.ts";
import { countEntries, entriesIn, resultsIn, startFolderServer, startProxy, temporaryFolder } from "./places.ts";
import { build, digests, files } from "./team.fixture.ts";

const digestOf = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

describe("what is fetched", () => {
  test("where all of a fan-out is there, the content of its outputs only, and none of its items", async () => {
    const root = temporaryFolder();
    const count = "--pages.count=300";
    await build(makeProject(files), root, {}, [count]);
    const proxy = await startProxy((await startFolderServer(root)).url, () => undefined);
    const second = makeProject(files);
    const fetched = await build(second, proxy.url, {}, [count]);
    expect(fetched).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
    const brought = proxy.asked.flatMap(({ method, path }) =>
      method === "GET" && path.startsWith("/cas/") ? [path.slice("/cas/".length)] : [],
    );
    const deep = Buffer.alloc(50_000, "word");
    const listing = JSON.stringify([
      ["a.txt", digestOf("a"), 1],
      ["deep/b.bin", digestOf(deep), deep.length],
    ]);
    // A split of 300 items is too long to be written with its result.
    const split = resultsIn(root).flatMap((text) => /"outputs":\{"items":.*?"digest":"(\w+)"/.exec(text)?.[1] ?? []);
    expect(split.length).toBe(1);
    expect(brought.sort()).toEqual(
      [
        digestOf(Buffer.alloc(300_000, "word")),
        digestOf("a"),
        digestOf(deep),
        digestOf(listing),
        digestOf(second.read("runs/default/pages/all.txt")),
        ...split,
      ].sort(),
    );
  });
});

describe("what was fetched without its content", () => {
  test("is asked for again by another run of this machine, and not computed", async () => {
    const root = temporaryFolder();
    await build(makeProject(files), root);
    const second = makeProject(files);
    await build(second, root);
    const other = await build(second, root, {}, ["--run", "other"]);
    expect(other).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
  });
});

describe("what is published", () => {
  const handoff = {
    "Expfile.ts": `import { contract, experiments, handoff, rule, text, tree } from "expfile";
const given = handoff({ name: "lab/given", requests: () => [{ path: "incoming/set.csv", what: "the set", how: "ask" }] });
const count = rule(contract({ name: "lab/count", inputs: { files: tree() }, outputs: { page: text() } }), () => import("./count.ts"));
export default experiments({
  main: () => {
    const asked = given();
    return { given: asked, count: count({ files: asked.files }) };
  },
});
`,
    "count.ts": `export const recipe = ({ inputs, outputs }) => outputs.page.write("files: " + inputs.files.files().length);
`,
    "incoming/set.csv": "what people handed over\n",
  };

  test("is nothing of what people handed over, neither by a build nor by a push; what was made of it is", async () => {
    const root = temporaryFolder();
    const rig = makeProject(handoff);
    expect(await build(rig, root)).toMatchObject({ code: 0, warnings: [], counts: { computed: 2 } });
    const pushed = await rig.exp("cache", "push", "--shared", root, "--json");
    expect([pushed.code, JSON.parse(pushed.stdout)]).toEqual([
      0,
      { place: root, results: 1, published: 0, bytes: 0, there: 1, gone: 0, left: 0 },
    ]);
    const results = resultsIn(root);
    expect(results.length).toBe(1);
    expect(results[0]).toContain("files: 1");
    expect(results[0]).not.toContain("set.csv");
    // Of content there is code, and nothing else.
    expect(entriesIn(root, "cas").filter((path) => readFileSync(path, "utf8").includes("handed over"))).toEqual([]);
    expect(countEntries(root, "cas")).toBe(2);
    // A run's own record says what was handed over, and to whom it belongs.
    const second = makeProject(handoff);
    expect(await build(second, root)).toMatchObject({ code: 0, counts: { computed: 1, cached: 1 } });
  });
});

/** What has been written to the standard error, once it holds the text. */
function sawError({ process, finished }: Started, text: string): Promise<void> {
  let seen = "";
  return new Promise((resolve, reject) => {
    process.stderr!.on("data", (piece: Buffer) => {
      seen += piece.toString("utf8");
      if (seen.includes(text)) resolve();
    });
    void finished.then(() => reject(new Error(`ended without "${text}"`)));
  });
}

describe("exp cache push", () => {
  test("fails when the place takes nothing", async () => {
    const root = temporaryFolder();
    const { url } = await startProxy("http://127.0.0.1:9", () => ({ kind: "status", status: 403 }));
    const rig = makeProject(files);
    await rig.build(["--shared", "off"]);
    const pushed = await rig.exp("cache", "push", "--shared", url);
    expect([pushed.code, pushed.stdout]).toEqual([
      1,
      expect.stringMatching(/published 0 results.*\n\d+ results could not be published/),
    ]);
    expect(pushed.stderr).toContain("given results: HEAD was answered with 403");
    expect(countEntries(root, "ac")).toBe(0);
  });

  test("says of which results the content is no longer here, and publishes the others", async () => {
    const root = temporaryFolder();
    const rig = makeProject(files);
    await rig.build(["--shared", "off"]);
    rig.remove("cache/blobs");
    const pushed = await rig.exp("cache", "push", "--shared", root, "--json");
    // Gone are the large output and those of the five items; split and merge are small enough to be written with their results.
    expect([pushed.code, JSON.parse(pushed.stdout)]).toMatchObject([0, { results: 8, published: 2, gone: 6, left: 0 }]);
  });

  test("where nothing is to be published, is a mistake", async () => {
    const env = { EXP_SHARED_CACHE_PUBLISH: "0" };
    const { code, stderr } = await makeProject(files).start(["cache", "push", "--shared", "team"], { env }).finished;
    expect([code, stderr]).toEqual([2, expect.stringContaining("what is computed here is not published")]);
  });
});

describe("a build that is left", () => {
  /** A server that takes results, and a way to it on which none arrives. */
  async function stuck() {
    const root = temporaryFolder();
    const { url } = await startFolderServer(root);
    const proxy = await startProxy(url, ({ method }) => (method === "PUT" ? { kind: "silent" } : undefined));
    return { root, url, stuckUrl: proxy.url };
  }
  async function expectAll(first: Rig, url: string) {
    const pushed = await first.exp("cache", "push", "--shared", url, "--json");
    expect(JSON.parse(pushed.stdout)).toMatchObject({ left: 0 });
    const second = makeProject(files);
    expect(await build(second, url)).toMatchObject({ code: 0, warnings: [], counts: { computed: 0 } });
    expect(digests(second)).toEqual(digests(first));
  }

  test("while it publishes has been done all the same, and says how the rest is published", async () => {
    const { root, url, stuckUrl } = await stuck();
    const rig = makeProject(files);
    const started = rig.start(["build", "--shared", stuckUrl]);
    await sawError(started, `publishing what was computed to ${stuckUrl}; Ctrl-C leaves it for exp cache push`);
    started.process.kill("SIGINT");
    const { code, stdout, stderr } = await started.finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^done/m);
    expect(stderr).toBe(`publishing what was computed to ${stuckUrl}; Ctrl-C leaves it for exp cache push\n`);
    expect(countEntries(root, "ac")).toBe(0);
    await expectAll(rig, url);
  });

  test("while it computes is interrupted; what was finished is published by the next push", async () => {
    const { root, url, stuckUrl } = await stuck();
    const rig = makeProject({
      ...files,
      "recipes.ts": files["recipes.ts"].replace(
        "export const page = async ({ item, inputs, outputs }) => {",
        `import { existsSync } from "node:fs";
export const page = async ({ item, inputs, outputs }) => {
  while (item.n === 4 && !existsSync("${join(root, "go on")}")) await new Promise((resolve) => setTimeout(resolve, 20));`,
      ),
    });
    const started = rig.start(["build", "--shared", stuckUrl, "--json"]);
    await started.saw('"target":"make","origin":"computed"');
    started.process.kill("SIGINT");
    expect((await started.finished).code).toBe(130);
    const pushed = await rig.exp("cache", "push", "--shared", url, "--json");
    expect(JSON.parse(pushed.stdout)).toMatchObject({ left: 0, there: 0 });
    expect(resultsIn(root).some((text) => text.includes('"folder"'))).toBe(true);
  });
});

// Where the shared cache is: by flag, environment and Expfile, in this order. And how exp is let in there, of which nobody is told.

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "../rig.ts";
import { countEntries, resultsIn, startFolderServer, startProxy, temporaryFolder, type Asked } from "./places.ts";

const files = {
  "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const make = rule(contract({ name: "team/make", outputs: { page: text() } }), () => import("./make.ts"));
export default experiments({ main: () => ({ make: make() }) });
`,
  "make.ts": `export const recipe = ({ outputs }) => outputs.page.write("page");
`,
};
const declaring = (shared: string) => ({
  ...files,
  "Expfile.ts": files["Expfile.ts"].replace(") });\n", `) }, { cache: { shared: ${shared} } });\n`),
});

describe("the place", () => {
  interface Said {
    readonly flag?: string;
    readonly variable?: string;
    readonly declared?: string;
  }
  const cases: readonly (readonly [what: string, said: Said, at: string | undefined])[] = [
    ["is the flag's", { flag: "a", variable: "b", declared: "c" }, "a"],
    ["is the variable's, without a flag", { variable: "b", declared: "c" }, "b"],
    ["is the Expfile's, without either", { declared: "c" }, "c"],
    ["is the Expfile's, where the variable is empty", { variable: "", declared: "c" }, "c"],
    ["is none when the flag says off", { flag: "off", variable: "b", declared: "c" }, undefined],
    ["is none when the variable says off", { variable: "off", declared: "c" }, undefined],
    ["is the flag's when the variable says off", { flag: "a", variable: "off", declared: "c" }, "a"],
    ["is the variable's when the Expfile says off", { variable: "b", declared: "off" }, "b"],
    ["is none when the Expfile says off", { declared: "off" }, undefined],
    ["is none when nobody names one", {}, undefined],
  ];
  test.each(cases)("%s", async (_, { flag, variable, declared }, at) => {
    const root = temporaryFolder();
    const placeOf = (name: string | undefined) =>
      name === undefined || name === "off" || name === "" ? name : join(root, name);
    const rig = makeProject(declared === undefined ? files : declaring(JSON.stringify(placeOf(declared))));
    const env = variable === undefined ? {} : { EXP_SHARED_CACHE: placeOf(variable) };
    const flags = flag === undefined ? [] : ["--shared", placeOf(flag)!];
    await rig.build(flags, 0, { env });
    expect(["a", "b", "c"].filter((name) => countEntries(join(root, name), "ac") > 0)).toEqual(
      at === undefined ? [] : [at],
    );
    const stat = await rig.start(["cache", "stat", "--json", ...flags], { env }).finished;
    if (at !== undefined) expect(JSON.parse(stat.stdout)).toMatchObject({ place: join(root, at), answers: true });
    else expect([stat.code, stat.stderr]).toEqual([2, expect.stringContaining("no shared cache is named")]);
  });

  test("is found from the folder of the Expfile, wherever one stands", async () => {
    const rig = makeProject(declaring('"team"'));
    mkdirSync(rig.path("notes"));
    await rig.build([], 0, { cwd: rig.path("notes") });
    expect(resultsIn(rig.path("team")).length).toBe(1);
  });

  test.each([
    ["is not published to when the Expfile says so", "false", undefined, 0],
    ["is published to when the variable says so, whatever the Expfile says", "false", "1", 1],
    ["is not published to when the variable says so, whatever the Expfile says", "true", "0", 0],
  ])("%s", async (_, publish, variable, entries) => {
    const rig = makeProject(declaring(`{ at: "team", publish: ${publish} }`));
    await rig.build([], 0, { env: { EXP_SHARED_CACHE_PUBLISH: variable } });
    expect(resultsIn(rig.path("team")).length).toBe(entries);
  });
});

describe("an HTTP cache that wants to know who asks", () => {
  const password = "geheim/wort@1";
  const token = "token-nobody-sees";
  const basic = `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`;

  async function serve(authorization: string) {
    const folder = await startFolderServer(temporaryFolder());
    const isLetIn = (asked: Asked) => asked.authorization === authorization;
    return startProxy(folder.url, (asked) => (isLetIn(asked) ? undefined : { kind: "status", status: 401 }));
  }
  const withUser = (url: string) => url.replace("://", `://ann:${encodeURIComponent(password)}@`);

  /** All that a command has said, and all that lies in the project afterwards. */
  function everythingOf(rig: Rig, said: readonly { readonly stdout: string; readonly stderr: string }[]): string {
    const left = readdirSync(rig.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    return [...said.flatMap(({ stdout, stderr }) => [stdout, stderr]), ...left].join("\n");
  }
  const spellings = [password, encodeURIComponent(password), basic.slice("Basic ".length), token];

  const ways: readonly (readonly [
    what: string,
    authorization: string,
    say: (url: string) => { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> },
  ])[] = [
    ["user and password in the variable", basic, (url) => ({ flags: [], env: { EXP_SHARED_CACHE: withUser(url) } })],
    ["user and password in the flag", basic, (url) => ({ flags: ["--shared", withUser(url)], env: {} })],
    ["user and password in the flag, in one word", basic, (url) => ({ flags: [`--shared=${withUser(url)}`], env: {} })],
    [
      "a token",
      `Bearer ${token}`,
      (url) => ({ flags: [], env: { EXP_SHARED_CACHE: url, EXP_SHARED_CACHE_TOKEN: token } }),
    ],
    [
      "a token, which counts over user and password",
      `Bearer ${token}`,
      (url) => ({ flags: [], env: { EXP_SHARED_CACHE: withUser(url), EXP_SHARED_CACHE_TOKEN: token } }),
    ],
  ];
  test.each(ways)("is told by %s, and nobody else is", async (_, authorization, say) => {
    const { url, asked } = await serve(authorization);
    const { flags, env } = say(url);
    const rig = makeProject(files);
    const run = (...args: readonly string[]) => rig.start([...args, ...flags], { env }).finished;
    const said = [await run("build"), await run("build"), await run("build", "--json")];
    expect(said.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ""],
      [0, ""],
      [0, ""],
    ]);
    expect(new Set(asked.map((one) => one.authorization))).toEqual(new Set([authorization]));
    expect(asked.some(({ method, path }) => method === "PUT" && path.startsWith("/ac/"))).toBe(true);
    const stat = await run("cache", "stat", "--json");
    expect(JSON.parse(stat.stdout)).toMatchObject({ place: url, answers: true });
    said.push(stat, await run("cache", "stat"), await run("cache", "push"), await run("plan", "--json"));
    // A recipe that fails: the message ends with the command to try again.
    rig.edit("make.ts", 'outputs.page.write("page")', '{ throw new Error("no"); }');
    said.push(await run("build"), await run("build", "--json"), await rig.exp("runs", "show", "default", "--json"));
    const all = everythingOf(rig, said);
    expect(spellings.filter((spelling) => all.includes(spelling))).toEqual([]);
  });

  test.each(ways)("is not told of in warnings either: %s", async (_, _authorization, say) => {
    const { url } = await serve("nobody");
    const { flags, env } = say(url);
    const rig = makeProject(files);
    const run = (...args: readonly string[]) => rig.start([...args, ...flags], { env }).finished;
    const said = [await run("build"), await run("build", "--json"), await run("cache", "stat"), await run("plan")];
    expect(said[0]!.stdout + said[0]!.stderr).toContain(
      `the shared cache ${url}, asked for results: GET was answered with 401`,
    );
    const all = everythingOf(rig, said);
    expect(spellings.filter((spelling) => all.includes(spelling))).toEqual([]);
  });

  test("a place that is none is named without the password", async () => {
    const rig = makeProject(files);
    const { code, stderr } = await rig.exp("build", "--shared", "ftp://ann:geheim@there/x");
    expect(code).toBe(2);
    expect(stderr).toContain('--shared names no shared cache: "ftp://…@there/x"');
  });

  test("a password may hold a percent sign that begins nothing", async () => {
    const { url, asked } = await serve(`Basic ${Buffer.from("ann:50%").toString("base64")}`);
    const rig = makeProject(files);
    const { code, stderr } = await rig.exp("build", "--shared", url.replace("://", "://ann:50%@"));
    expect([code, stderr]).toEqual([0, ""]);
    expect(asked.length).toBeGreaterThan(0);
  });
});

// From nothing to a project: `exp init` beside the repository, and the packed package in an empty folder, as a user would install it.

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { initFiles } from "../src/commands/init-files.ts";
import { makeProject, repository, type Rig } from "./rig.ts";

/** A folder with nothing in it but the package. */
function emptyProject(): Rig {
  const rig = makeProject({});
  for (const name of ["package.json", "configs"]) rig.remove(name);
  return rig;
}

describe("init", () => {
  test("an empty folder becomes a project that builds at once", async () => {
    const rig = emptyProject();
    const made = await rig.exp("init");
    expect(made.code).toBe(0);
    for (const name of Object.keys(initFiles())) expect(made.stdout).toContain(`created  ${name}`);
    expect((await rig.build()).targets).toEqual({ measure: "computed", report: "computed" });
    expect(rig.read("runs/default/report/report.md")).toMatch(/\| fair \| 0\.\d{3} \[/);
    expect((await rig.exp("build")).stdout).toBe("up to date · run default\n");
  });

  test("files that are there are kept, and it is said", async () => {
    const rig = emptyProject();
    rig.write({ ".gitignore": "mine\n" });
    const made = await rig.exp("init");
    expect(made.stdout).toContain("kept     .gitignore (it was here)");
    expect(rig.read(".gitignore")).toBe("mine\n");
  });

  test("a project is not made twice", async () => {
    const rig = emptyProject();
    await rig.exp("init");
    const again = await rig.exp("init");
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("Expfile.ts is already here");
  });

  test("more seeds of the example add what is missing", async () => {
    const rig = emptyProject();
    await rig.exp("init");
    await rig.build();
    const built = await rig.build(["--measure.seeds", "6"]);
    expect(built.finished("measure").counts).toEqual({ computed: 2, cached: 0, fresh: 10 });
  });
});

describe("the packed package in an empty folder", () => {
  let folder: string;
  let said: Readonly<Record<string, string>> = {};

  /** A test that npm runs must not lend its own settings to the npm that it starts. */
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|INIT_CWD|NODE_ENV|VITEST|TEST)/.test(name) || /^npm_config_(registry|cache)$/.test(name),
    ),
  );
  function run(command: string, args: readonly string[], cwd = folder): string {
    const done = spawnSync(command, args, {
      cwd,
      env: { ...environment, NO_COLOR: "1", EXP_GC: "off" },
      encoding: "utf8",
    });
    if (done.status !== 0)
      throw new Error(`${command} ${args.join(" ")} ended with ${done.status}:\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }
  const tsc = () =>
    spawnSync(
      process.execPath,
      [join(repository, "node_modules/typescript/bin/tsc"), "--noEmit", "--pretty", "false"],
      {
        cwd: folder,
        encoding: "utf8",
      },
    ).stdout;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "exp-pack-"));
    mkdirSync(join(folder, "packed"));
    run("npm", ["pack", "--silent", "--pack-destination", join(folder, "packed")], repository);
    const { name, version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
      name: string;
      version: string;
    };
    run("npm", ["init", "-y"]);
    run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./packed/${name}-${version}.tgz`]);
    said = {
      init: run("npx", ["exp", "init"]),
      first: run("npx", ["exp", "build"]),
      second: run("npx", ["exp", "build"]),
    };
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("becomes a project that builds, and is then up to date", () => {
    expect(said.init).toContain("created  Expfile.ts");
    expect(said.init).toContain("npx exp build");
    expect(said.init).not.toContain("npm install");
    expect(said.first).toContain("report: runs/default/report/report.md");
    expect(said.second).toBe("up to date · run default\n");
  });

  test("a folder that was initialised before it was installed takes the tarball, as init says", () => {
    const later = join(folder, "..", `${basename(folder)}-later`);
    mkdirSync(later);
    try {
      const made = run(process.execPath, [join(folder, "node_modules/expfile/bin/exp.cjs"), "init"], later);
      const tarball = /npm install PATH\/(\S+\.tgz)/.exec(made)![1]!;
      expect(made).toContain("expfile is not on the npm registry yet");
      run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder, "packed", tarball)], later);
      expect(readFileSync(join(later, "package.json"), "utf8")).toMatch(/"expfile": "file:.*\.tgz"/);
      expect(run("npx", ["exp", "build"], later)).toContain("report: runs/default/report/report.md");
    } finally {
      rmSync(later, { recursive: true, force: true });
    }
  });

  test("its types are found, and the example's wiring compiles", () => {
    expect(tsc()).toBe("");
  });

  test("a wrong wiring is a compile error that names both ends", () => {
    const expfile = readFileSync(join(folder, "Expfile.ts"), "utf8");
    writeFileSync(
      join(folder, "Expfile.ts"),
      expfile.replace("measured.flips", "report({ flips: measured.flips }).report"),
    );
    expect(tsc()).toMatch(/Expfile\.ts\(8,\d+\): error TS2322: .*"coin\/report\.report".*"coin\/report\.flips"/);
    writeFileSync(join(folder, "Expfile.ts"), expfile);
  });

  test("leaves nothing for long of a build of the program that was killed", () => {
    const [old, other, now] = ["dist.4194301.tmp", "dist.4194302.tmp.old", "dist.4194303.tmp"].map((name) =>
      join(repository, name),
    ) as [string, string, string];
    for (const left of [old, other, now]) mkdirSync(join(left, "part"), { recursive: true });
    onTestFinished(() => {
      for (const left of [old, other, now]) rmSync(left, { recursive: true, force: true });
    });
    for (const left of [old, other]) utimesSync(left, 1, 1);
    run("node", ["scripts/build.mjs"], repository);
    expect([old, other, now].map((left) => existsSync(left))).toEqual([false, false, true]);
  });

  test("holds what is needed and nothing of the repository's insides", () => {
    const [packed] = JSON.parse(run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], repository)) as [
      { files: { path: string }[] },
    ];
    const paths = packed.files.map(({ path }) => path);
    for (const needed of [
      "dist/exp.cjs",
      "dist/main.js",
      "dist/worker.js",
      "dist/index.js",
      "dist/types/index.d.ts",
      "LICENSE",
    ])
      expect(paths).toContain(needed);
    expect(paths.filter((path) => /^(src|test|rules|runs|cache|configs|scripts)\//.test(path))).toEqual([]);
  });

  test("a rule that lives in an npm package works the same way", () => {
    const inside = join(folder, "node_modules", "exp-rule-shout");
    mkdirSync(inside, { recursive: true });
    writeFileSync(
      join(inside, "package.json"),
      '{ "name": "exp-rule-shout", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
    );
    writeFileSync(
      join(inside, "index.js"),
      `import { contract, rule, text, z } from "expfile";
export const shout = rule(
  contract({ name: "shout/shout", config: z.strictObject({ word: z.string().default("hello") }), outputs: { said: text() } }),
  () => import("./recipe.js"),
);
`,
    );
    writeFileSync(
      join(inside, "recipe.js"),
      "export const recipe = ({ config, outputs }) => outputs.said.write(config.word.toUpperCase());\n",
    );
    const other = join(folder, "other");
    mkdirSync(join(other, "configs"), { recursive: true });
    symlinkSync(join(folder, "node_modules"), join(other, "node_modules"));
    writeFileSync(join(other, "configs", "default.yaml"), "version: 1\n");
    writeFileSync(
      join(other, "Expfile.ts"),
      'import { experiments } from "expfile";\nimport { shout } from "exp-rule-shout";\nexport default experiments({ main: () => ({ shout: shout() }) });\n',
    );
    run("npx", ["exp", "build"], other);
    expect(readFileSync(join(other, "runs/default/shout/said.txt"), "utf8")).toBe("HELLO");
    writeFileSync(
      join(inside, "recipe.js"),
      'export const recipe = ({ config, outputs }) => outputs.said.write(config.word + "!");\n',
    );
    expect(run("npx", ["exp", "build"], other)).toMatch(/shout +computed .*exp-rule-shout/);
    expect(readFileSync(join(other, "runs/default/shout/said.txt"), "utf8")).toBe("hello!");
  });
});

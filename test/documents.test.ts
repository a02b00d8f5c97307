// The documents are run: files in them are put into projects that are type-checked and built, commands end as they say, screens say
// what the program says, lists are those of the source, links lead somewhere.

import { execFile, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { format } from "prettier";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandTable } from "../src/commands/table.ts";
import { initFiles } from "../src/commands/init-files.ts";
import {
  anchorsOf,
  linksOf,
  projectsOf,
  sectionOf,
  withoutTimes,
  type DocumentedProject,
} from "./documents/markdown.ts";
import { program, repository } from "./rig.ts";

const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...pagesIn("docs")];
const textOf = (page: string): string => readFileSync(join(repository, page), "utf8");
const projects = pages.flatMap((page) => projectsOf(page, textOf(page)));
const built = projects.filter((project) =>
  project.fences.some(({ language, words }) => isFile(language, words) || isRun(language)),
);

/** `ts`, `yaml`, `py` and so on with a path: `ts rules/judge.ts`. */
function isFile(language: string, words: readonly string[]): boolean {
  return words[0] !== undefined && !isRun(language);
}
function isRun(language: string): boolean {
  return language === "sh" || language === "console";
}

let folder: string;
const rootOf = ({ page, name }: DocumentedProject): string => join(folder, `${page.replaceAll(/\W/g, "_")}-${name}`);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "exp-documents-"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "exp"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, {
    mode: 0o755,
  });
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  for (const project of built) writeProject(project);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeProject(project: DocumentedProject): void {
  const root = rootOf(project);
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  const files = initFiles();
  if (project.fromInit) for (const [name, text] of Object.entries(files)) write(name, text);
  else {
    write("package.json", files["package.json"]!);
    write("configs/default.yaml", "version: 1\n");
  }
  for (const { language, words, text } of project.fences) {
    if (isFile(language, words) && !words.includes("excerpt")) write(words[0]!, text);
  }
  mkdirSync(join(root, "node_modules"), { recursive: true });
  if (!existsSync(join(root, "node_modules", "expfile")))
    symlinkSync(repository, join(root, "node_modules", "expfile"));
}

describe("snippets", () => {
  test("every one in TypeScript is a file of a project", () => {
    const loose = projects.flatMap(({ page, fences }) =>
      fences
        .filter(({ language, words }) => language === "ts" && words[0] === undefined)
        .map(({ line }) => `${page}:${line}`),
    );
    expect(loose).toEqual([]);
  });

  test("type-check, and those that say that they are wrong do not", () => {
    const at = (path: string) => [join(repository, path)];
    const compilerOptions = {
      paths: {
        expfile: at("src/index.ts"),
        "expfile/table": at("src/table.ts"),
        "expfile/stats": at("src/stats/index.ts"),
        "expfile/seed": at("src/seed.ts"),
      },
    };
    const include = [...built.map((project) => `${rootOf(project)}/**/*.ts`), join(repository, "types", "text.d.ts")];
    const exclude = built.map((project) => `${rootOf(project)}/cache`);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(repository, "tsconfig.json"), compilerOptions, include, exclude }),
    );
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "--pretty", "false"], { cwd: folder, encoding: "utf8" });
    const messages = stdout.split(/\n(?!\s)/).filter((message) => message !== "");
    const wrong = built.flatMap((project) =>
      project.fences
        .filter(({ words }) => words.includes("wrong"))
        .map(({ words }) => join(rootOf(project), words[0]!).slice(folder.length + 1)),
    );
    expect(messages.filter((message) => !wrong.some((file) => message.startsWith(file)))).toEqual([]);
    expect(wrong.filter((file) => !messages.some((message) => message.startsWith(file)))).toEqual([]);
    // A page shows what the compiler says in the next block.
    for (const { fences } of built) {
      fences.forEach(({ words }, i) => {
        if (words.includes("wrong"))
          expect(stdout.replaceAll(/\s+/g, " ")).toContain(fences[i + 1]!.text.trim().replaceAll(/\s+/g, " "));
      });
    }
  });

  test("from the project of `exp init` are what it makes", async () => {
    for (const { fromInit, fences, page } of built) {
      if (!fromInit) continue;
      for (const { language, words, text, line } of fences) {
        if (!isFile(language, words)) continue;
        const made = initFiles()[words[0]!] ?? "";
        const formatted = language === "ts" ? await format(made, { parser: "typescript", printWidth: 120 }) : made;
        expect(words.includes("excerpt") ? formatted : text, `${page}:${line}`).toContain(
          words.includes("excerpt") ? text.trim() : formatted.trim(),
        );
      }
    }
  });

  const isPythonHere = spawnSync("python3", ["--version"]).status === 0;
  test.concurrent.for(built.map((project) => [`${project.page}, ${project.name}`, project] as const))(
    "run: %s",
    async ([, project], { skip }) => {
      const needsPython = project.fences.some(({ language, words }) => language === "py" && isFile(language, words));
      if (needsPython && !isPythonHere) skip("python3 is not installed");
      let ran = false;
      for (const { language, text, line } of project.fences) {
        if (!isRun(language)) continue;
        const didRun = await (language === "sh" ? runShell(project, text, line) : runConsole(project, text, line));
        ran = ran || didRun;
      }
      if (!ran && existsSync(join(rootOf(project), "Expfile.ts"))) await run(project, "exp build", 0, 0);
    },
  );
});

/** Each line that begins with `exp` (or sets a variable for it) is run; it ends with 0, or as its comment says: `# exit 3`. */
async function runShell(project: DocumentedProject, text: string, line: number): Promise<boolean> {
  const commands = text.split("\n").filter((one) => one !== "" && !/^(npm|npx|#)/.test(one));
  for (const command of commands) await run(project, command.replace(/\s+#.*$/, ""), exitOf(command), line);
  return commands.length > 0;
}

/** `$ exp …` and what it prints. */
async function runConsole(project: DocumentedProject, text: string, line: number): Promise<boolean> {
  // Those of README come from `npm run screens`; a test of their own looks at them.
  if (project.page === "README.md") return false;
  for (const part of text.split(/^\$ /m).slice(1)) {
    const [command = "", ...screen] = part.split("\n");
    const printed = await run(project, command.replace(/\s+#.*$/, ""), exitOf(command), line);
    expect(withoutTimes(printed.trim()), `${project.page}:${line}: ${command}`).toBe(
      withoutTimes(screen.join("\n").trim()),
    );
  }
  return true;
}

function exitOf(command: string): number {
  return Number(/# exit (\d+)/.exec(command)?.[1] ?? 0);
}

async function run(project: DocumentedProject, command: string, expected: number, line: number): Promise<string> {
  const { PATH, HOME, USER } = process.env;
  const env = { PATH: `${join(folder, "bin")}:${PATH}`, HOME, USER, NO_COLOR: "1", EXP_GC: "off" };
  const done = await promisify(execFile)("/bin/sh", ["-c", `{ ${command}\n} 2>&1`], {
    cwd: rootOf(project),
    env,
    encoding: "utf8",
  }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  );
  expect(done.code, `${project.page}:${line}: ${command}\n${done.stdout}`).toBe(expected);
  return done.stdout;
}

describe("README", () => {
  const readme = textOf("README.md");

  test("lists what is in the fingerprint: the fields of the action record, in its order", () => {
    const source = textOf("src/planning/fingerprint/action-key.ts");
    const record = /export interface ActionRecord \{([\s\S]*?)\n\}/.exec(source)![1]!;
    const fields = [...record.matchAll(/^ {2}readonly (\w+):/gm)].map((match) => match[1]!);
    const item = /export interface ItemRecord \{([\s\S]*?)\n\}/.exec(source)![1]!;
    const itemFields = [...item.matchAll(/^ {2}readonly (\w+):/gm)].map((match) => match[1]!);
    const section = sectionOf(readme, "## What is in the fingerprint");
    const listed = [...section.matchAll(/^\| `(\w+)` +\|/gm)].map((match) => match[1]!);
    expect(listed).toEqual([...fields, ...itemFields.map((field) => field)]);
  });

  test("names every command", () => {
    const missing = commandTable.filter(({ name }) => !readme.includes(`\`exp ${name}`)).map(({ name }) => name);
    expect(missing).toEqual([]);
  });

  test("shows screens as the program prints them; `npm run screens` writes them", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["scripts/screens.mjs", "--print"], {
      cwd: repository,
    });
    expect(withoutTimes(stdout)).toBe(withoutTimes(readme));
  });

  test("names only scripts that package.json has", () => {
    const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
    for (const page of pages) {
      const named = [...textOf(page).matchAll(/npm run ([\w:-]*\w)/g)].map((match) => match[1]!);
      expect(
        named.filter((name) => !(name in scripts)),
        page,
      ).toEqual([]);
    }
  });
});

describe("pages", () => {
  test.each([
    ["docs/cli.md", "scripts/docs.mjs"],
    ["docs/library.md", "scripts/docs-library.mjs"],
  ])("%s is what `npm run docs` makes", async (page, script) => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--print"], { cwd: repository });
    expect(textOf(page)).toBe(stdout);
  });

  test.each(pages)("links lead somewhere: %s", (page) => {
    const broken = linksOf(textOf(page)).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(repository, target))) return true;
      return anchor !== undefined && !anchorsOf(textOf(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("docs/json.md names every field that the commands print", async () => {
    const project: DocumentedProject = { page: "json", name: "coin", fromInit: true, fences: [] };
    writeProject(project);
    await run(project, "exp build", 0, 0);
    await run(project, "exp build --measure.seeds 6", 0, 0);
    const json = textOf("docs/json.md");
    const asked = {
      plan: "plan --measure.seeds 7",
      status: "status",
      why: "why measure",
      graph: "graph",
      runs: "runs",
      doctor: "doctor",
      clean: "clean measure",
    };
    for (const [name, words] of Object.entries(asked)) {
      const printed = JSON.parse(await run(project, `exp ${words} --json`, name === "plan" ? 3 : 0, 0)) as unknown;
      const section = sectionOf(json, `## \`exp ${name}\``);
      const fields = [...fieldsOf(printed)].filter((field) => !section.includes(`\`${field}\``));
      expect(fields, name).toEqual([]);
    }
  });
});

/** Names of the outer two levels of fields; below them are values of the user's. */
function fieldsOf(value: unknown, depth = 0): ReadonlySet<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((one) => [...fieldsOf(one, depth)]));
  if (typeof value !== "object" || value === null || depth > 1) return new Set();
  return new Set(
    Object.entries(value).flatMap(([name, inner]) => {
      if (["reasons", "history", "notes", "items", "outputs"].includes(name)) return [name];
      const isByName = name === "targets" && !Array.isArray(inner);
      const within: unknown = isByName ? Object.values(inner as object) : inner;
      return [name, ...fieldsOf(within, depth + 1)];
    }),
  );
}

function pagesIn(name: string): readonly string[] {
  return readdirSync(join(repository, name))
    .filter((file) => file.endsWith(".md"))
    .sort()
    .map((file) => `${name}/${file}`);
}

// `npm run screens`: builds a fresh copy of this project in a temporary folder and writes what the program says into README.md,
// between `<!-- screen: NAME -->` and `<!-- end of screen -->`. With `--print` the new README goes to the standard output instead.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const readme = join(root, "README.md");

const copy = mkdtempSync(join(tmpdir(), "exp-screens-"));
try {
  for (const name of ["package.json", "tsconfig.json", "Expfile.ts", "rules", "configs", "bin", "dist"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

  const screens = {
    first: [exp("build analyse")],
    second: [exp("build analyse")],
    why: [
      edit("rules/peptides/science/boman.ts", '"kcal/mol"', '"kcal/mol per residue"'),
      exp("why judge"),
      exp("plan analyse", 3),
    ],
  };
  const text = Object.entries(screens).reduce(
    (before, [name, lines]) => put(before, name, lines.join("\n")),
    readFileSync(readme, "utf8"),
  );
  if (process.argv.includes("--print")) process.stdout.write(text);
  else writeFileSync(readme, text);
} finally {
  rmSync(copy, { recursive: true, force: true });
}

/** Runs a command line in the copy; gives it with what it printed. */
function exp(line, expected = 0) {
  const { PATH, HOME, USER } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, "bin", "exp.cjs"), ...line.split(" ")], {
    cwd: copy,
    encoding: "utf8",
    env: { PATH, HOME, USER, NO_COLOR: "1", EXP_GC: "off" },
  });
  if (status !== expected)
    throw new Error(`exp ${line} ended with ${status}, expected ${expected}:\n${stdout}${stderr}`);
  return `$ exp ${line}\n${stdout.trimEnd()}`;
}

/** Edits a file of the copy; gives the edit as a command that a reader could type. */
function edit(name, from, to) {
  const path = join(copy, name);
  const before = readFileSync(path, "utf8");
  if (!before.includes(from)) throw new Error(`${name} does not hold ${from}`);
  writeFileSync(path, before.replace(from, to));
  return `$ sed -i 's|${from}|${to}|' ${name}`;
}

function put(text, name, screen) {
  const start = `<!-- screen: ${name} -->\n`;
  const end = "<!-- end of screen -->";
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`README.md has no screen "${name}"`);
  return `${text.slice(0, from + start.length)}\n\`\`\`console\n${screen}\n\`\`\`\n\n${text.slice(to)}`;
}

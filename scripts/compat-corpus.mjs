// Makes a member of the compatibility corpus: `node scripts/compat-corpus.mjs NAME [FOLDER]`. The project of test/compat/project is built a few
// times by the exp in FOLDER (this one, if not said), and laid down in test/compat/members/NAME with its runs/ and cache/ as that exp wrote them.
// Left out is what holds for one machine only (paths, stats, stamps); who and where it was made is replaced.

import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";

const here = new URL("..", import.meta.url).pathname;
const [name, folder = here] = process.argv.slice(2);
if (name === undefined) throw new Error("usage: node scripts/compat-corpus.mjs NAME [FOLDER]");
const program = resolve(folder);

const largestBytes = 300 * 1024;
/** All of it is made anew where it is gone. */
const leftOut = [
  "stats.jsonl",
  ".clock",
  "bundles/kept.jsonl",
  "expfile",
  "stamps",
  "claims",
  "leases",
  "tmp",
  "uses",
  "gc.json",
].map((path) => `cache/${path}`);

const root = mkdtempSync(join(tmpdir(), "compat-"));
try {
  cpSync(join(here, "test/compat/project"), root, { recursive: true });
  mkdirSync(join(root, "node_modules"));
  symlinkSync(program, join(root, "node_modules/expfile"));
  makeHistory();
  for (const path of [...leftOut, "node_modules"]) rmSync(join(root, path), { recursive: true, force: true });
  const bytes = neutralise();
  if (bytes > largestBytes) throw new Error(`a member takes ${bytes} bytes; the corpus is to stay small`);
  const about = {
    exp: exp(["--version"]).trim(),
    node: process.version,
    commit: execFileSync("git", ["rev-parse", "HEAD"], { cwd: program, encoding: "utf8" }).trim(),
  };
  writeFileSync(join(root, "about.json"), JSON.stringify(about, null, 2) + "\n");
  const place = join(here, "test/compat/members", name);
  rmSync(place, { recursive: true, force: true });
  cpSync(root, place, { recursive: true });
  console.log(`${place}: ${filesBelow("").length} files, ${bytes} bytes`);
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** Every kind of thing that a run can hold, as far as this exp knows it. */
function makeHistory() {
  const numbers = join(root, "data/numbers.txt");
  const words = join(root, "rules/words.ts");
  const before = [numbers, words].map((file) => [file, readFileSync(file)]);
  writeFileSync(numbers, "1\n2\n3\n");
  writeFileSync(words, readFileSync(words, "utf8").replace(".length", ".length + 1"));
  exp(["build"]); // default@1: other data, other code
  for (const [file, bytes] of before) writeFileSync(file, bytes);
  exp(["build"]);
  exp(["clean", "sum"]);
  exp(["build"]);
  exp(["build", "--run", "other", "--set", "arms.flat.power=3"]);
  if (knows("pin")) exp(["runs", "pin", "other", "--note", "kept for the corpus"]);
  if (knows("--from")) exp(["build", "--run", "spliced", "--from", "other:square"]);
  if (knows("accept")) {
    const script = join(root, "scripts/sum.sh");
    writeFileSync(script, `${readFileSync(script, "utf8")}# A remark that changes nothing.\n`);
    exp(["accept", "sum", "--because", "a remark"]);
    exp(["build", "--run", "other"]);
    if (knows("--from")) exp(["build", "--run", "spliced"]);
  }
}

function knows(word) {
  return (
    exp(["--help"]).includes(word) || exp(["build", "--help"]).includes(word) || exp(["runs", "--help"]).includes(word)
  );
}

function exp(args) {
  const done = spawnSync(process.execPath, [join(program, "bin/exp.cjs"), ...args], {
    cwd: root,
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: root, NO_COLOR: "1", EXP_GC: "off", GREETING: "hello" },
  });
  if (done.status !== 0)
    throw new Error(`exp ${args.join(" ")}: exit code ${done.status}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** No user, host or path of this machine is in any file; gives how many bytes all files have. */
function neutralise() {
  const { username } = userInfo();
  let bytes = 0;
  for (const path of filesBelow("")) {
    const file = join(root, path);
    const before = readFileSync(file, "latin1");
    const text = before.replaceAll(`${username}@${hostname()}`, "somebody@somewhere");
    for (const word of [root, program.replace(/\/$/, ""), hostname()])
      if (text.includes(word)) throw new Error(`${path} holds ${word}`);
    if (text !== before) writeFileSync(file, text, { encoding: "latin1" });
    bytes += statSync(file).size;
  }
  return bytes;
}

function filesBelow(path) {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const inner = join(path, entry.name);
    return entry.isDirectory() ? filesBelow(inner) : [inner];
  });
}

// The program's first file: answers "up to date" from the stamp before anything else is loaded, or starts the real thing.

import { existsSync, fstatSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { askedText, checkStamp, screenOf, stampName } from "./fast/stamp.ts";

declare const EXP_BUILD_ID: string;

function answerFromStamp(): boolean {
  const argv = process.argv.slice(2);
  if (argv[0] !== "build") return false;
  const workingFolder = process.cwd();
  let root = workingFolder;
  while (!existsSync(join(root, "Expfile.ts"))) {
    if (dirname(root) === root) return false;
    root = dirname(root);
  }
  const asked = askedText(argv, workingFolder, screenOf(isTerminal(), process.env));
  const output = checkStamp(join(root, "cache", "stamps", stampName(asked)), asked, EXP_BUILD_ID, process.env);
  if (output === undefined) return false;
  writeSync(1, output);
  return true;
}

/** What `isatty(1)` says, without loading it where the number of the device tells as much: that takes as long as looking at a thousand files. */
function isTerminal(): boolean {
  let stat;
  try {
    stat = fstatSync(1);
  } catch {
    return false;
  }
  if (!stat.isCharacterDevice()) return false;
  const [major, minor] = [(stat.rdev >> 8) & 0xfff, stat.rdev & 0xff];
  if (process.platform === "linux" && major === 1 && minor === 3) return false; // /dev/null
  if (process.platform === "linux" && major >= 136 && major <= 143) return true; // /dev/pts/…
  const tty = process.getBuiltinModule("node:tty");
  return tty.isatty(1);
}

if (!answerFromStamp()) {
  const nodeModule = process.getBuiltinModule?.("node:module") as { enableCompileCache?: () => void } | undefined;
  // Node 22.8 and newer keep compiled code between runs; older ones compile again.
  nodeModule?.enableCompileCache?.();
  // Written so that the bundler leaves it alone: main.js is an ES module beside this file.
  void import(/* @vite-ignore */ join(__dirname, "main.js")).then((main: { run: () => Promise<void> }) => main.run());
}

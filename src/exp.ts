// The program's first file: answers "up to date" from the stamp before anything else is loaded, or starts the real thing.

import { existsSync, fstatSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ChildProcess } from "node:child_process";
import { askedText, checkStamp, screenOf, stampName, type Changed, type StampSays } from "./fast/stamp.ts";

declare const EXP_BUILD_ID: string;

interface Spare {
  readonly startSpare: (environment: NodeJS.ProcessEnv) => ChildProcess;
}

interface Main {
  readonly run: (worker: ChildProcess | undefined) => Promise<void>;
}

const argv = process.argv.slice(2);

function askStamp(root: string, workingFolder: string): StampSays | undefined {
  const asked = askedText(argv, workingFolder, screenOf(isTerminal(), process.env));
  return checkStamp(join(root, "cache", "stamps", stampName(asked)), asked, EXP_BUILD_ID, process.env);
}

/** The project in which something is to be built. */
function projectToBuild(workingFolder: string): string | undefined {
  if (argv[0] !== "build") return undefined;
  let root = workingFolder;
  while (!existsSync(join(root, "Expfile.ts"))) {
    if (dirname(root) === root) return undefined;
    root = dirname(root);
  }
  return root;
}

/**
 * Where a file of the project was edited, and where nothing was ever built, there is mostly a recipe to be run. What was only touched, is missing of a
 * run, or is built the first time by this command line, mostly needs none or may come from the cache.
 */
function needsWorker(root: string, says: Changed | undefined): boolean {
  if (says === undefined) return !existsSync(join(root, "cache"));
  const isMade = ["runs", "cache"].some((folder) => resolve(says.changed).startsWith(join(root, folder, "/")));
  return says.resized && !isMade;
}

/** It starts while the program is loaded and finds out what it is for. What runs elsewhere needs none here. */
function startWorker(root: string): ChildProcess | undefined {
  const runsHere =
    process.env.EXP_EXECUTOR === undefined &&
    !argv.some((word) => word.startsWith("--executor")) &&
    // It may name an executor; to read it takes longer than the start of a worker saves.
    !existsSync(join(root, "exp.local.yaml"));
  if (!runsHere) return undefined;
  try {
    const { createRequire } = process.getBuiltinModule("node:module");
    const { startSpare } = createRequire(__filename)("./spare.cjs") as Spare;
    return startSpare(process.env);
  } catch {
    // No memory for another process, say: it may turn out that none is needed, and else that is told where one is.
    return undefined;
  }
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

const workingFolder = process.cwd();
const root = projectToBuild(workingFolder);
const says = root === undefined ? undefined : askStamp(root, workingFolder);
if (says !== undefined && "output" in says) writeSync(1, says.output);
else {
  const worker = root !== undefined && needsWorker(root, says) ? startWorker(root) : undefined;
  const nodeModule = process.getBuiltinModule?.("node:module") as { enableCompileCache?: () => void } | undefined;
  // Node 22.8 and newer keep compiled code between runs; older ones compile again.
  nodeModule?.enableCompileCache?.();
  // Written so that the bundler leaves it alone: main.js is an ES module beside this file. By its address: a folder's name may hold a `#`.
  const { pathToFileURL } = process.getBuiltinModule("node:url");
  const main = pathToFileURL(join(__dirname, "main.js")).href;
  void import(/* @vite-ignore */ main).then(({ run }: Main) => run(worker));
}

// Runs a program as a recipe, in a folder that holds its inputs, its code and a place for its outputs, and nothing else.

import { spawn } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CodeOrder } from "../executor.ts";

/** The program ended badly; `message` says how. */
export class CommandError extends Error {}

/** Plain `spawn`: a thousand small programs should not pay for a library's comfort. Output goes to the log file directly. */
export function runCommand(
  code: Extract<CodeOrder, { kind: "command" }>,
  folder: string,
  environment: NodeJS.ProcessEnv,
  logFile: string,
): Promise<void> {
  for (const [name, path] of code.files) {
    const target = join(folder, name);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  mkdirSync(join(folder, "out"), { recursive: true });
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "a");
  const [program, ...args] = code.argv;
  return new Promise<void>((resolve, reject) => {
    const child = spawn(program!, args, { cwd: folder, env: environment, stdio: ["ignore", log, log] });
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new CommandError(
          error.code === "ENOENT"
            ? `the program "${program}" was not found on the PATH`
            : `"${program}" could not be started: ${error.message}`,
        ),
      );
    });
    child.once("exit", (status, signal) => {
      if (status === 0) resolve();
      else
        reject(
          new CommandError(
            signal === null ? `"${program}" ended with exit code ${status}` : `"${program}" was ended by ${signal}`,
          ),
        );
    });
  }).finally(() => closeSync(log));
}

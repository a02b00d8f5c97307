// Runs a program as a recipe, in a folder that holds its inputs, its code and a place for its outputs, and nothing else.

import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CodeOrder } from "../executor.ts";
import { ToolError } from "./tools.ts";

/** The program ended badly; `message` says how. */
export class CommandError extends Error {}

/** What a program that has ended may still have to say, when a child of its own holds its streams open. */
const drainMs = 200;

/** Plain `spawn`: a thousand small programs should not pay for a library's comfort. Output goes to the log of the action. */
export function runCommand(
  code: Extract<CodeOrder, { kind: "command" }>,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  for (const [name, path] of code.files) {
    const target = join(folder, name);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  mkdirSync(join(folder, "out"), { recursive: true });
  const [program, ...args] = code.argv;
  return new Promise<void>((resolve, reject) => {
    const child = spawn(program!, args, { cwd: folder, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (piece: Buffer) => void process[name].write(piece));
    }
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = `the program "${program}" was not found on the PATH`;
      // Trying again would not help, as it may where a program has run and failed.
      reject(new ToolError(error.code === "ENOENT" ? missing : `"${program}" could not be started: ${error.message}`));
    });
    const end = (status: number | null, signal: NodeJS.Signals | null) => {
      if (status === 0) return resolve();
      const how = signal === null ? `ended with exit code ${status}` : `was ended by ${signal}`;
      reject(new CommandError(`"${program}" ${how}`));
    };
    child.once("close", end);
    child.once("exit", (status, signal) => setTimeout(() => end(status, signal), drainMs).unref());
  });
}

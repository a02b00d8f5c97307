// Declared tools and versions, checked on the machine where the action runs.

import { execFileSync } from "node:child_process";

/** A tool is missing or has another version; `message` says which and what was found. */
export class ToolError extends Error {}

const checked = new Map<string, string>();

/**
 * `python3: "3.11"` asks for `python3 --version` to report 3.11 or 3.11.x; `"python:torch": "2.4"` asks Python for the package's version.
 */
export function checkTools(tools: Readonly<Record<string, string>>, environment: NodeJS.ProcessEnv): void {
  for (const [name, wanted] of Object.entries(tools)) {
    const found = checked.get(name) ?? versionOf(name, environment);
    checked.set(name, found);
    const asked = wanted.replace(/^v/, "");
    if (found !== asked && !found.startsWith(`${asked}.`)) {
      throw new ToolError(
        `${name} ${wanted} is needed here, found ${found}. Install ${name} ${wanted}, or change the rule's \`tools\` (its results will be made anew)`,
      );
    }
  }
}

function versionOf(name: string, environment: NodeJS.ProcessEnv): string {
  const python = /^python:(.+)$/.exec(name)?.[1];
  const [program, args] =
    python === undefined
      ? [name, ["--version"]]
      : ["python3", ["-c", "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))", python]];
  let output: string;
  try {
    // Some programs (java, older ones) report on the standard error; both are read.
    output = execFileSync("/bin/sh", ["-c", '"$0" "$@" 2>&1', program, ...args], {
      env: environment,
      encoding: "utf8",
      timeout: 30_000,
    });
  } catch {
    throw new ToolError(`${name} is needed and was not found here (asked by \`${program} ${args[0]!}\`)`);
  }
  const version = /\d+(?:\.\d+)+(?:[-+.\w]*)?/.exec(output)?.[0] ?? /\d+/.exec(output)?.[0];
  if (version === undefined) throw new ToolError(`${name} did not report a version: ${output.slice(0, 200).trim()}`);
  return version;
}

// What an Expfile threw, as a failure at the line of the project that made the call: by the map of the compiled Expfile. Unaware of how it is loaded.

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { basename, dirname, join, relative } from "node:path";
import { isDeclarationError } from "../api/declared.ts";
import { inputFailure, type Failure, type Place } from "../model/failure.ts";
import { readTextIfThere } from "../util/fs.ts";

export interface Compiled {
  readonly root: string;
  /** The compiled Expfile; its map lies beside it. */
  readonly module: string;
}

/** Where the map of a compiled Expfile lies. Its sources are named from the root. */
export function mapOf(module: string): string {
  return `${module}.map`;
}

/** `doing`: "evaluating the Expfile". */
export function failureOfThrown(error: unknown, doing: string, compiled: Compiled): Failure {
  const where = placeOf(error, compiled) ?? { file: "Expfile.ts" };
  if (isDeclarationError(error))
    return inputFailure(error.message, { where, ...(error.fix !== undefined && { fix: error.fix }) });
  return inputFailure(`${doing} threw: ${error instanceof Error ? error.message : String(error)}`, { where });
}

/** The innermost call that a file of the project made, not a package. */
function placeOf(error: unknown, { root, module }: Compiled): Place | undefined {
  const stack = error instanceof Error ? error.stack : undefined;
  const text = stack === undefined ? undefined : readTextIfThere(mapOf(module));
  if (text === undefined) return undefined;
  const map = new TraceMap(text);
  const frame = new RegExp(String.raw`/${basename(module)}(?:\?\d+)?:(\d+):(\d+)`, "g");
  for (const [, line, column] of stack!.matchAll(frame)) {
    const from = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
    const file = from.source === null ? undefined : relative(root, join(root, from.source));
    if (file === undefined || file.startsWith("..") || dirname(file).split("/").includes("node_modules")) continue;
    const source = readTextIfThere(join(root, file))?.split("\n")[from.line! - 1];
    return { file, line: from.line!, column: from.column! + 1, ...(source !== undefined && { text: source }) };
  }
  return undefined;
}

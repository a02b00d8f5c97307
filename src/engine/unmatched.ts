// Words about a glob that matches nothing: it may be meant so, and it may be a slip. Says what is there instead.

import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { isDynamicPattern } from "tinyglobby";
import { statOf } from "../util/stat.ts";
import { suggest } from "../util/suggest.ts";
import type { ResolvedInputs } from "./inputs.ts";

/** A warning for each glob of the inputs that matches nothing. */
export function wordUnmatched(root: string, inputs: ResolvedInputs): string[] {
  return Object.entries(inputs).flatMap(([slot, { unmatched = [] }]) =>
    unmatched.map((pattern) => `no file matches ${pattern}, the input "${slot}"; ${whatIsThere(root, pattern)}`),
  );
}

function whatIsThere(root: string, pattern: string): string {
  const parts = pattern.split("/");
  // Down to where the pattern begins to be one.
  const fixed = parts.slice(
    0,
    Math.max(
      0,
      parts.findIndex((part) => isDynamicPattern(part)),
    ),
  );
  const isFolder = (depth: number) => statOf(resolve(root, ...fixed.slice(0, depth)))?.isDirectory() === true;
  let depth = 0;
  while (depth < fixed.length && isFolder(depth + 1)) depth++;
  const nearest = depth === 0 ? "the folder of Expfile.ts" : fixed.slice(0, depth).join("/");
  const names = readdirSync(resolve(root, ...fixed.slice(0, depth))).filter((name) => !name.startsWith("."));
  const missing = fixed[depth];
  if (missing === undefined) return `${nearest} holds ${wordNames(names.sort())}`;
  const near = suggest(missing, names);
  const hint =
    near === undefined
      ? `${nearest} holds ${wordNames(names.sort())}`
      : `did you mean ${[...fixed.slice(0, depth), near].join("/")}?`;
  return `there is no folder ${fixed.slice(0, depth + 1).join("/")}, ${hint}`;
}

function wordNames(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

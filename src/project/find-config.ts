// Which file `-c` means, and which it could have meant. Reads names, no contents.

import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { FileRead } from "../planning/config/reads.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { statOf } from "../util/stat.ts";
import { suggest } from "../util/suggest.ts";

const folder = "configs";
const extension = /\.ya?ml$/i;

export interface FoundConfig {
  /** From the root, or absolute. */
  readonly file: string;
  /** Where a config would have come first, and there was none. */
  readonly passedOver: readonly FileRead[];
}

/** `-c` takes a path from the project's root, or a name in configs/; `.yaml` may be left out. A folder of that name is passed over like nothing. */
export function findConfig(root: string, asked: string): Result<FoundConfig, readonly Failure[]> {
  const names = extension.test(asked) ? [asked] : [asked, `${asked}.yaml`, `${asked}.yml`];
  const [plain, ...extended] = names;
  const candidates = [plain!, ...names.map((name) => join(folder, name)), ...extended];
  const passedOver: FileRead[] = [];
  for (const file of candidates) {
    const path = resolve(root, file);
    const stat = statOf(path);
    if (stat?.isFile() === true) return ok({ file, passedOver });
    passedOver.push({ path, present: stat !== undefined });
  }
  return fail([missingConfig(root, asked)]);
}

/** The configs in configs/ by the names that `-c` takes: `default`, `ablation`. */
export function listConfigs(root: string): string[] {
  return yamlIn(join(root, folder)).map(stemOf);
}

function missingConfig(root: string, asked: string): Failure {
  const where = { file: `command line: -c ${asked}` };
  if (statOf(resolve(root, asked))?.isDirectory() === true) {
    const inside = yamlIn(resolve(root, asked)).map((name) => join(asked, name));
    return inputFailure(`${asked} is a folder, not a config`, {
      where,
      fix: inside.length > 0 ? `Name a file in it: ${inside.join(", ")}.` : "There is no .yaml file in it.",
    });
  }
  const known = listConfigs(root);
  const what = `there is no config ${asked}`;
  if (known.length === 0)
    return inputFailure(what, { where, fix: `${folder}/ has none: write ${folder}/default.yaml.` });
  const near = suggest(stemOf(basename(asked)), known);
  const all = `${folder}/ has ${known.join(", ")}.`;
  return inputFailure(what, { where, fix: near === undefined ? all : `Did you mean "-c ${near}"? ${all}` });
}

function stemOf(name: string): string {
  return name.replace(extension, "");
}

function yamlIn(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => extension.test(name))
      .sort();
  } catch {
    return [];
  }
}

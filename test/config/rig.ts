// A project of config files in memory, and messages as a user sees them.

import { z } from "zod";
import { expect } from "vitest";
import type { Failure } from "../../src/model/failure.ts";
import { loadConfig, type ConfigDocument } from "../../src/planning/config/load.ts";
import type { Sections } from "../../src/planning/config/migrate.ts";
import { renderFailures } from "../../src/report/messages.ts";
import type { Result } from "../../src/util/result.ts";

export type Files = Readonly<Record<string, string | Uint8Array>>;

export const root = "/project";

export function readIn(files: Files): (path: string) => Uint8Array | undefined {
  return (path) => {
    const content = files[path.slice(root.length + 1)];
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  };
}

export interface LoadRig {
  readonly files: Files | string;
  readonly overrides?: readonly string[];
  readonly sections?: Sections | readonly string[];
}

/** Loads `configs/default.yaml`; a single text is that file. */
export function load({
  files,
  overrides = [],
  sections = ["generate", "judge"],
}: LoadRig): Result<ConfigDocument, Failure[]> {
  const all: Files = typeof files === "string" ? { "configs/default.yaml": files } : files;
  return loadConfig({
    root,
    file: "configs/default.yaml",
    overrides,
    readFile: readIn(all),
    listFolder: (folder) =>
      Object.keys(all)
        .filter((path) => `${root}/${path}`.startsWith(`${folder}/`))
        .map((path) => `${root}/${path}`.slice(folder.length + 1))
        .filter((name) => !name.includes("/")),
    sections: Array.isArray(sections)
      ? new Map((sections as readonly string[]).map((name) => [name, []]))
      : (sections as Sections),
  });
}

export function loaded(rig: LoadRig | string): ConfigDocument {
  return valueOf(load(typeof rig === "string" ? { files: rig } : rig));
}

export function valueOf<T>(result: Result<T, Failure[]>): T {
  if (!result.ok) throw new Error(screen(result));
  return result.value;
}

/** The messages of a result that failed, as they are shown. */
export function screen(result: Result<unknown, Failure[]>): string {
  expect(result.ok).toBe(false);
  return result.ok ? "" : renderFailures(result.error, { color: false }).join("\n");
}

/** A golden text, indented as the test is. */
export function golden(text: string): string {
  const lines = text.replace(/^\n/, "").replace(/\n *$/, "").split("\n");
  const indent = Math.min(...lines.filter((line) => line.trim()).map((line) => /^ */.exec(line)![0].length));
  return lines.map((line) => line.slice(indent)).join("\n");
}

export const judgeSchema = z.strictObject({
  model: z.string().min(1),
  temperature: z.number().min(0).max(2).default(1),
  samples: z.int().min(1).default(10),
  thinking: z.boolean().default(false),
  style: z.enum(["pairwise", "likert"]).default("pairwise"),
  tags: z.array(z.string()).default([]),
});

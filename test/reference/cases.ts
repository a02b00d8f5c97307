// Reference cases: what they are, and reading them from files. Unaware of what is compared with them.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** A known answer: of a descriptor of sequences, or of a statistic. */
export interface ReferenceCase {
  readonly kind: "descriptor" | "statistic";
  readonly id: string;
  /** The descriptor's or the function's name. */
  readonly name: string;
  readonly sequence: unknown;
  /** The descriptor's parameters or the function's input. */
  readonly input: unknown;
  readonly expected: unknown;
  /** An absolute number, words that mean equality, or a note to be read by hand. */
  readonly tolerance: unknown;
  /** The file it comes from, without its folder. */
  readonly file: string;
}

/** All cases of the files and folders (their *.json files) in `paths`, which are separated by colons. */
export function readCases(paths: string): ReferenceCase[] {
  const files = paths
    .split(":")
    .filter((path) => path !== "")
    .flatMap((path) => (statSync(path).isDirectory() ? jsonFiles(path) : [path]));
  return files.flatMap((file) => parseCases(basename(file), JSON.parse(readFileSync(file, "utf8"))));
}

function jsonFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(folder, name));
}

function parseCases(file: string, content: unknown): ReferenceCase[] {
  if (!Array.isArray(content)) throw new Error(`${file}: expected a list of cases.`);
  return content.map((entry: unknown, i): ReferenceCase => {
    const fields = entry as Readonly<Record<string, unknown>>;
    const { id, tolerance } = fields;
    const common = { id: typeof id === "string" ? id : `#${i}`, tolerance, file };
    if (typeof fields["descriptor"] === "string") {
      const { descriptor: name, sequence, parameters, value } = fields;
      return { kind: "descriptor", ...common, name, sequence, input: parameters ?? {}, expected: value };
    }
    if (typeof fields["function"] === "string") {
      const { function: name, input, expected } = fields;
      return { kind: "statistic", ...common, name, sequence: undefined, input, expected };
    }
    throw new Error(`${file}: case ${common.id} names neither a descriptor nor a function.`);
  });
}

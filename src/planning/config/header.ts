// The keys that belong to the experiment itself: everything at the top of a config that is no target's section.

import { inputFailure, type Failure } from "../../model/failure.ts";
import type { Json } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { find, formatPath, placeOfKey, placeOfValue, toJson, type LocatedMap, type Path } from "./located.ts";
import type { Sections } from "./migrate.ts";
import { alternatives, describe, didYouMean, listNames, quote } from "./words.ts";

export const reservedKeys = ["version", "experiment", "extends", "notes", "seed", "control", "arms", "matrix"] as const;

const noteKeys = ["what", "why", "hypothesis"] as const;

export type Notes = { readonly [K in (typeof noteKeys)[number]]?: string };

export interface Header {
  /** Undefined: the Expfile's first. */
  readonly experiment: string | undefined;
  readonly notes: Notes;
  readonly seed: number;
  /** The name of the control arm. */
  readonly control: string | undefined;
}

export function readHeader(tree: LocatedMap): Result<Header, Failure[]> {
  const reading: Reading = { tree, failures: [] };
  const header: Header = {
    experiment: textAt(reading, ["experiment"]),
    notes: readNotes(reading),
    seed: readSeed(reading),
    control: textAt(reading, ["control"]),
  };
  return reading.failures.length > 0 ? fail(reading.failures) : ok(header);
}

/** Unknown keys at the top; `sections` are those that targets read. */
export function checkTopLevel(tree: LocatedMap, sections: Sections): Failure[] {
  const names = [...sections.keys()];
  const known = [...reservedKeys, ...names];
  const unknown = [...tree.entries.keys()].filter((name) => !known.includes(name));
  return unknown.map((name) => {
    const above = emptySectionAbove(tree, name, known);
    const otherwise = () => {
      if (above !== undefined) return `Indent it by two spaces if it belongs to ${above}.`;
      return names.length > 0 ? `Targets read the sections ${listNames(names)}.` : "No target reads a section.";
    };
    const inside = names.filter((section) => hasKey(sections, section, name));
    return inputFailure(`unknown key ${quote(name)} at the top of the config`, {
      where: placeOfKey(tree, [name]),
      fix:
        inside.length > 0
          ? `It belongs into a section: ${alternatives(inside.map((section) => `${section}.${name}`))}.`
          : didYouMean(name, known, otherwise),
    });
  });
}

function hasKey(sections: Sections, section: string, key: string): boolean {
  return sections.get(section)!.some(({ config }) => config !== undefined && Object.hasOwn(config.shape, key));
}

/** The section that the key follows, when the section has nothing in it: the key was to be indented below it. */
function emptySectionAbove(tree: LocatedMap, name: string, known: readonly string[]): string | undefined {
  const names = [...tree.entries.keys()];
  const above = names.slice(0, names.indexOf(name)).findLast((each) => known.includes(each));
  const value = above === undefined ? undefined : tree.entries.get(above)!.value;
  return value?.kind === "scalar" && value.value === null ? above : undefined;
}

/** The experiment that the config asks for, or the first of the Expfile's. */
export function chooseExperiment(tree: LocatedMap, experiments: readonly string[]): Result<string, Failure[]> {
  const reading: Reading = { tree, failures: [] };
  const name = textAt(reading, ["experiment"]) ?? experiments[0];
  if (reading.failures.length > 0) return fail(reading.failures);
  if (name !== undefined && experiments.includes(name)) return ok(name);
  const fix = didYouMean(name ?? "", experiments, (known) => `It has ${listNames(known)}.`);
  const what = name === undefined ? "the Expfile has no experiment" : `the Expfile has no experiment ${quote(name)}`;
  return fail([inputFailure(what, { where: placeOfValue(tree, ["experiment"]), fix })]);
}

interface Reading {
  readonly tree: LocatedMap;
  readonly failures: Failure[];
}

function valueAt({ tree }: Reading, path: Path): Json | undefined {
  const value = find(tree, path)?.value;
  return value && toJson(value);
}

function textAt(reading: Reading, path: Path): string | undefined {
  const value = valueAt(reading, path);
  if (typeof value === "string" && value.trim() !== "") return value;
  if (value !== undefined && value !== null) complain(reading, path, `${formatPath(path)} must be text`, value);
  return undefined;
}

function readSeed(reading: Reading): number {
  const value = valueAt(reading, ["seed"]) ?? 1;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  complain(reading, ["seed"], "seed must be a whole number", value);
  return 1;
}

function readNotes(reading: Reading): Notes {
  const value = valueAt(reading, ["notes"]) ?? {};
  if (typeof value === "string") return { what: value };
  if (typeof value !== "object" || Array.isArray(value)) {
    complain(reading, ["notes"], "notes must be text, or a map of what, why and hypothesis", value);
    return {};
  }
  for (const name of Object.keys(value)) {
    if ((noteKeys as readonly string[]).includes(name)) continue;
    const fix = didYouMean(name, noteKeys, () => `It may have ${noteKeys.join(", ")}.`);
    reading.failures.push(
      inputFailure(`unknown key ${quote(name)} in notes`, { where: placeOfKey(reading.tree, ["notes", name]), fix }),
    );
  }
  const notes = noteKeys.map((name) => [name, textAt(reading, ["notes", name])] as const);
  return Object.fromEntries(notes.filter(([, text]) => text !== undefined));
}

function complain(reading: Reading, path: Path, what: string, value: Json): void {
  reading.failures.push(inputFailure(`${what}; it is ${describe(value)}`, { where: placeOfValue(reading.tree, path) }));
}

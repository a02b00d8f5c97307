// What the config says to each target: its section, validated by its rule's schema, and the experiment's own values. Unaware of runs.

import type { z } from "zod";
import type { TargetDeclaration } from "../api/rule.ts";
import type { Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import { resolveArms } from "../planning/config/arms.ts";
import type { ConfigDocument } from "../planning/config/load.ts";
import type { Sections } from "../planning/config/migrate.ts";
import { validateSection } from "../planning/config/section.ts";
import type { Graph } from "../planning/graph.ts";
import type { ExperimentTold } from "../planning/told.ts";
import { fail, ok, type Result } from "../util/result.ts";

/** The contracts that read each section of the config. */
export function sectionsOf(graph: Graph): Sections {
  type Contracts = readonly TargetDeclaration["contract"][];
  const sections = new Map<string, Contracts>();
  /** Thousands of targets of one rule have a section each, and share what reads it. */
  const alone = new Map<TargetDeclaration["contract"], Contracts>();
  for (const { section, declaration } of graph.targets) {
    const { contract } = declaration;
    const known = sections.get(section);
    if (known !== undefined) {
      if (!known.includes(contract)) sections.set(section, [...known, contract]);
      continue;
    }
    let readers = alone.get(contract);
    if (readers === undefined) alone.set(contract, (readers = [contract]));
    sections.set(section, readers);
  }
  return sections;
}

export interface Checked {
  readonly sections: JsonObject[];
  readonly told: ExperimentTold[];
  readonly bySection: Record<string, { schema: z.ZodType; value: JsonObject }>;
  readonly notes: string[];
}

/** Each target's section, validated, and what the experiment tells it. All problems together. */
export function checkSections(document: ConfigDocument, graph: Graph): Result<Checked, readonly Failure[]> {
  const failures: Failure[] = [];
  /** Thousands of targets of one rule may say nothing in the config: what they get instead is found out once. */
  const unsaid = new Map<z.ZodType | undefined, Result<JsonObject, Failure[]>>();
  const sectionOf = (section: string, schema: z.ZodType | undefined, neededBy: string) => {
    if (document.tree.entries.has(section)) return validateSection(document, section, schema, neededBy);
    const known = unsaid.get(schema);
    if (known?.ok === true) return known;
    const value = validateSection(document, section, schema, neededBy);
    unsaid.set(schema, value);
    return value;
  };
  const checked: Checked = { sections: [], told: [], bySection: {}, notes: [] };
  const { seed } = document.header;
  const notes = document.header.notes as JsonObject;
  const withoutArms: ExperimentTold = { arms: [], control: undefined, labels: [], notes, seed };
  for (const { name, section, declaration } of graph.targets) {
    const neededBy = `target "${name}"`;
    const schema = declaration.contract.config;
    const value = sectionOf(section, schema, neededBy);
    if (!value.ok) failures.push(...value.error);
    checked.sections.push(value.ok ? value.value : {});
    if (value.ok && schema !== undefined) checked.bySection[section] ??= { schema, value: value.value };
    const arms =
      declaration.contract.arms === undefined ? undefined : resolveArms(document, declaration.contract.arms, neededBy);
    if (arms?.ok === false) failures.push(...arms.error);
    if (arms?.ok !== true) {
      checked.told.push(withoutArms);
      continue;
    }
    for (const names of arms.value.shared) {
      const note = `arms ${names.join(", ")} have equal settings: they share one arm's draws`;
      if (!checked.notes.includes(note)) checked.notes.push(note);
    }
    checked.told.push({ arms: arms.value.arms, control: arms.value.control, labels: arms.value.labels, notes, seed });
  }
  return failures.length > 0 ? fail(distinct(failures)) : ok(checked);
}

/** Two targets that read one section report its problems once. */
function distinct(failures: readonly Failure[]): Failure[] {
  const seen = new Set<string>();
  return failures.filter((failure) => {
    const text = JSON.stringify([failure.what, failure.where]);
    return seen.has(text) ? false : (seen.add(text), true);
  });
}

// Configs of earlier versions. Each file is brought up to date by its own version before files are merged.

import { largest } from "../../util/largest.ts";
import type { ContractSpec } from "../../api/contract.ts";
import { inputFailure, type Failure } from "../../model/failure.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import type { ConfigFile } from "./files.ts";
import { find, placeOfValue, toJson, type Entry, type Located, type LocatedMap, type Path } from "./located.ts";
import { withoutKeys } from "./merge.ts";
import { placeOf, type Span } from "./source-text.ts";
import { describe } from "./words.ts";

type SectionReader = Pick<ContractSpec, "name" | "migrations" | "config">;

/** The contracts that read each section: targets may share one. */
export type Sections = ReadonlyMap<string, readonly SectionReader[]>;

/** One more than the newest version that a contract migrates from. */
export function currentVersion(sections: Sections): number {
  const contracts = new Set<SectionReader>();
  let last: readonly SectionReader[] = [];
  for (const readers of sections.values()) {
    // Thousands of targets may be of one rule.
    if (readers !== last) for (const contract of readers) contracts.add(contract);
    last = readers;
  }
  return (
    1 +
    largest(
      [...contracts].flatMap(({ migrations = {} }) => Object.keys(migrations).map(Number)),
      0,
    )
  );
}

/** The file's map as the current version has it, without `version` and `extends`, which speak of the file alone. */
export function migrateFile(file: ConfigFile, sections: Sections): Result<LocatedMap, Failure[]> {
  const current = currentVersion(sections);
  const version = versionOf(file, current);
  if (!version.ok) return fail([version.error]);
  const failures: Failure[] = [];
  const entries = new Map(withoutKeys(file.tree, ["version", "extends"]).entries);
  for (const [name, entry] of entries) {
    const migrated = migrateSection(name, entry, version.value, current, sections);
    if (migrated.ok) entries.set(name, migrated.value);
    else failures.push(migrated.error);
  }
  return failures.length > 0 ? fail(failures) : ok({ ...file.tree, entries });
}

function versionOf(file: ConfigFile, current: number): Result<number, Failure> {
  const found = find(file.tree, ["version"]);
  const where = placeOfValue(file.tree, ["version"]);
  if (!found?.value) return current === 1 ? ok(1) : fail(missingVersion(file, current));
  const version = toJson(found.value);
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) {
    return fail(
      inputFailure(`version must be a whole number from 1; it is ${describe(version)}`, {
        where,
        fix: `The current one is ${current}.`,
      }),
    );
  }
  if (version <= current) return ok(version);
  const what = `this config is of version ${version}; the rules of this project know versions up to ${current}`;
  const fix = `Bring the project's code up to date (it is older than the config), or write version: ${current} and adapt the config to it.`;
  return fail(inputFailure(what, { where, fix }));
}

function missingVersion(file: ConfigFile, current: number): Failure {
  const text = file.tree.span.source.text?.split("\n", 1)[0]?.trimEnd() ?? "";
  return inputFailure("this config does not say which version it is of", {
    where: { file: file.file, line: 1, column: 1, length: Math.max(1, text.length), text },
    fix: `Write version: ${current} if it is new, version: 1 if it is from before versions were counted; older ones are migrated as they are read.`,
  });
}

function migrateSection(
  name: string,
  entry: Entry,
  from: number,
  to: number,
  sections: Sections,
): Result<Entry, Failure> {
  const contracts = sections.get(name) ?? [];
  if (entry.value.kind !== "map") return ok(entry);
  const isMigrated = contracts.some((contract) =>
    Object.keys(contract.migrations ?? {}).some((key) => Number(key) >= from),
  );
  // JSON does not keep the order of keys like `10`; arms, which are no section, must come through untouched.
  if (!isMigrated) return ok(entry);
  let section = toJson(entry.value);
  for (let version = from; version < to; version++) {
    const migrations = new Set(contracts.flatMap((contract) => contract.migrations?.[version] ?? []));
    for (const migrate of migrations) {
      const migrated = runMigration(migrate, section);
      const what = `${name} could not be migrated from version ${version} to ${version + 1}`;
      if (!migrated.ok)
        return fail(
          inputFailure(`${what}: ${migrated.error}`, {
            where: placeOf(entry.key),
            neededBy: `rule "${contracts[0]!.name}"`,
          }),
        );
      section = migrated.value;
    }
  }
  return ok({ key: entry.key, value: relocate(section, entry.value, [], entry.key) });
}

function runMigration(migrate: (section: JsonObject) => JsonObject, section: JsonObject): Result<JsonObject, string> {
  try {
    // A copy, so that a migration may change it in place.
    const made: unknown = migrate(structuredClone(section));
    if (made instanceof Promise) return fail("it made a promise: a migration may not be async");
    // Back through JSON, so that it holds nothing else.
    const migrated = JSON.parse(JSON.stringify(made ?? null)) as Json;
    return migrated !== null && typeof migrated === "object" && !Array.isArray(migrated)
      ? ok(migrated as JsonObject)
      : fail("it made no map");
  } catch (error) {
    // A migration sees sections that no schema has checked yet, so what it throws is about the user's file.
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** Values keep the places of what stood at the same path; what is new points at the section's key. */
function relocate(value: Json, before: LocatedMap, path: Path, fallback: Span): Located {
  const found = find(before, path);
  const span = found?.value?.span ?? fallback;
  if (value === null || typeof value !== "object") return { kind: "scalar", value, span };
  if (Array.isArray(value)) {
    return {
      kind: "list",
      items: (value as readonly Json[]).map((item, index) => relocate(item, before, [...path, index], fallback)),
      span,
    };
  }
  const entries = Object.entries(value).map(([key, child]) => {
    const at = [...path, key];
    return [key, { key: find(before, at)?.key ?? fallback, value: relocate(child, before, at, fallback) }] as const;
  });
  return { kind: "map", entries: new Map(entries), span };
}

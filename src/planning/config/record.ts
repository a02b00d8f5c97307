// The resolved config as a run keeps it: one file, nothing to extend, every default written out, and no secret in it.

import { Document, Scalar } from "yaml";
import type { z } from "zod";
import { inputFailure, type Failure } from "../../model/failure.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { checkedBy } from "./checked.ts";
import { reservedKeys } from "./header.ts";
import { canonicalJson } from "./json-value.ts";
import type { ConfigDocument } from "./load.ts";
import { toJson, type Located } from "./located.ts";
import { findSecretsIn, type Secrets } from "./secrets.ts";
import { unseenAtEnd } from "./written.ts";

/** A section as `validateSection` returned it, and the schema that it was validated by. */
export interface ValidatedSection {
  readonly schema: z.ZodType;
  readonly value: JsonObject;
}

/**
 * The text of a run's `config.yaml`. Loaded again it gives the same header, arms and validated sections.
 * `sections` may be left out; then defaults are not written out.
 */
export function configRecord(
  document: ConfigDocument,
  secrets: Secrets,
  sections: Readonly<Record<string, ValidatedSection>> = {},
): Result<string, Failure[]> {
  const found = findSecretsIn(document.tree, secrets);
  if (found.length > 0) return fail(found);
  const top = new Map<string, unknown>([["version", document.version]]);
  for (const name of topLevelOrder(document, Object.keys(sections))) {
    const written = document.tree.entries.get(name)?.value;
    const section = Object.hasOwn(sections, name) ? sections[name] : undefined;
    top.set(name, section ? toYaml(withDefaults(written ? toJson(written) : {}, section)) : inOrderOfConfig(written!));
  }
  // Quoted so that readers of YAML 1.1 (Python's among them) see the same values.
  const yaml = new Document(top, { compat: "yaml-1.1", aliasDuplicateObjects: false });
  const text = yaml.toString({ lineWidth: 0 });
  if (secrets.mask(text) === text) return ok(text);
  return fail([inputFailure("a default of a rule holds the value of a secret", { where: { file: document.file } })]);
}

/** What the experiment says first, in a fixed order, then sections by name. */
function topLevelOrder(document: ConfigDocument, validated: readonly string[]): string[] {
  const present = [...new Set([...document.tree.entries.keys(), ...validated])];
  const header = reservedKeys.filter((name) => name !== "version" && present.includes(name));
  return [...header, ...present.filter((name) => !(reservedKeys as readonly string[]).includes(name)).sort()];
}

/**
 * What was written, with the defaults that validation added. Where a schema changes values (a transform), the result would not
 * be read back as it is, so what was written stays alone.
 */
function withDefaults(written: Json, { schema, value }: ValidatedSection): Json {
  const filled = fill(written ?? {}, value);
  const again = checkedBy(schema, filled);
  return again.success && canonicalJson(again.data as Json) === canonicalJson(value) ? filled : written;
}

function fill(written: Json, validated: Json): Json {
  if (!isMap(written) || !isMap(validated)) return written;
  const keys = [...new Set([...Object.keys(written), ...Object.keys(validated)])].sort();
  return Object.fromEntries(
    keys.map((key) => [
      key,
      Object.hasOwn(written, key) ? fill(written[key]!, validated[key] ?? null) : validated[key]!,
    ]),
  );
}

function isMap(value: Json): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Arms and axes keep their order, which labels and names follow; objects would put keys like `10` first. */
function inOrderOfConfig(located: Located): unknown {
  if (located.kind === "scalar") return toYaml(located.value);
  if (located.kind === "list") return located.items.map(inOrderOfConfig);
  return new Map([...located.entries].map(([key, entry]) => [keyNode(key), inOrderOfConfig(entry.value)]));
}

function toYaml(value: Json): unknown {
  if (typeof value === "number") return numberNode(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(toYaml);
  return new Map(Object.entries(value).map(([key, child]) => [keyNode(key), toYaml(child)]));
}

/** Spaces that nobody sees are refused at the ends of a key, where it is not quoted. */
function keyNode(key: string): unknown {
  if (unseenAtEnd(key) === undefined) return key;
  const scalar = new Scalar(key);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

/** Large numbers are written with an exponent: as whole numbers they would be refused for lost digits. */
function numberNode(value: number): unknown {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER || !Number.isInteger(value)) return value;
  const scalar = new Scalar(value);
  scalar.format = "EXP";
  return scalar;
}

// A target's section of the config, validated and with defaults applied.

import type { z } from "zod";
import { inputFailure, type Failure } from "../../model/failure.ts";
import type { JsonObject } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { checkedBy } from "./checked.ts";
import type { ConfigDocument } from "./load.ts";
import { placeOfKey, type Located } from "./located.ts";
import { describeSchema, schemaAt } from "./schema.ts";
import { wholeOf } from "./source-text.ts";
import { validate, validateNothing } from "./validate.ts";
import { listNames } from "./words.ts";

/** `schema`: none of a rule that reads nothing. `neededBy`: `target "pairwise"`. Keys come out sorted; see `normalise`. */
export function validateSection(
  document: ConfigDocument,
  name: string,
  schema: z.ZodType | undefined,
  neededBy: string,
): Result<JsonObject, Failure[]> {
  const value = document.tree.entries.get(name)?.value;
  const isAbsent = value === undefined;
  const section = isAbsent || (value.kind === "scalar" && value.value === null) ? emptyMap(document, value) : value;
  const at = isAbsent ? { file: document.file } : placeOfKey(document.tree, [name]);
  const subject = { name, value: section, at, neededBy };
  if (schema === undefined) return validateNothing(subject);
  const checked = validate(subject, schema);
  if (checked.ok) return ok(checked.value as JsonObject);
  const missing = isAbsent ? requiredKeys(schema) : [];
  return missing.length > 0 ? fail([absentFailure(document, name, schema, neededBy, missing)]) : checked;
}

function emptyMap(document: ConfigDocument, value: Located | undefined): Located {
  return { kind: "map", entries: new Map(), span: value?.span ?? wholeOf(document.tree.span.source) };
}

function requiredKeys(schema: z.ZodType): string[] {
  const checked = checkedBy(schema, {});
  const issues = checked.success ? [] : checked.issues;
  return [...new Set(issues.flatMap((issue) => (issue.path.length === 1 ? String(issue.path[0]) : [])))];
}

/** One message with all that has to be added, ready to be copied. */
function absentFailure(
  document: ConfigDocument,
  name: string,
  schema: z.ZodType,
  neededBy: string,
  missing: readonly string[],
): Failure {
  const lines = missing.map((key) => `  ${key}: …  # ${describeSchema(schemaAt(schema, [key]))}`);
  return inputFailure(`the config has no section ${name}, which must say ${listNames(missing)}`, {
    where: { file: document.file },
    neededBy,
    fix: "Add to the config:",
    details: [`${name}:`, ...lines],
  });
}

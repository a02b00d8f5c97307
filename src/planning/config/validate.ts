// A located value against a schema: the validated JSON, or every problem at its place. Shared by sections and arms.

import type { z } from "zod";
import { inputFailure, type Failure, type Place } from "../../model/failure.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { checkedBy } from "./checked.ts";
import { inOrder } from "./order.ts";
import { nearestMember, noMessage, wordIssue } from "./issue.ts";
import { normalise, type NotJson } from "./json-value.ts";
import { find, formatPath, placeOfKey, placeOfValue, toJson, type Located, type Path } from "./located.ts";
import { describeSchema, findUnknownKeys, schemaAt } from "./schema.ts";
import { didYouMean, listNames, quote } from "./words.ts";

export interface Subject {
  /** What messages call the value: `judge`, `arms.baseline`. */
  readonly name: string;
  readonly value: Located;
  /** Where to point when something is missing from the value: its key. */
  readonly at: Place;
  /** `target "pairwise"` */
  readonly neededBy: string;
}

export function validate(subject: Subject, schema: z.ZodType): Result<Json, Failure[]> {
  const input = toJson(subject.value);
  const checked = checkedBy(schema, input, () => noMessage);
  const unknown = findUnknownKeys(schema, input).map((each) => unknownKey(subject, each.path, each.key, each.known));
  const failures = [
    ...unknown,
    ...(checked.success ? [] : checked.issues.flatMap((issue) => issueFailures(subject, schema, issue))),
  ];
  if (!checked.success || failures.length > 0) return fail(inOrder(failures));
  const problems: NotJson[] = [];
  const value = normalise(checked.data, problems);
  return problems.length > 0 ? fail(inOrder(problems.map((problem) => notJson(subject, problem)))) : ok(value);
}

/** Of a rule that reads nothing from the config, and so has no schema. */
export function validateNothing(subject: Subject): Result<JsonObject, Failure[]> {
  const { value } = subject;
  if (value.kind === "map") {
    const failures = [...value.entries.keys()].map((key) => unknownKey(subject, [], key, []));
    return failures.length === 0 ? ok({}) : fail(inOrder(failures));
  }
  const issue: z.core.$ZodIssue = { code: "invalid_type", expected: "object", path: [], message: noMessage };
  const { what, ...more } = wordIssue(issue, toJson(value));
  return fail([failure(subject, `${subject.name}${what}`, placeIn(subject, []), more)]);
}

function issueFailures(subject: Subject, schema: z.ZodType, issue: z.core.$ZodIssue): Failure[] {
  const path = issue.path.map((segment) => (typeof segment === "symbol" ? String(segment) : segment));
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys((schemaAt(schema, path) as { shape?: object } | undefined)?.shape ?? {});
    return issue.keys.map((key) => unknownKey(subject, path, key, known));
  }
  const found = find(subject.value, path);
  if (!found && path.length > 0 && issue.message === noMessage) return [missingKey(subject, schema, path)];
  const member = nearestMember(issue);
  if (member)
    return member.flatMap((each) => issueFailures(subject, schema, { ...each, path: [...path, ...each.path] }));
  const { what, ...more } = wordIssue(issue, found?.value && toJson(found.value));
  const where = path.length === 0 && subject.value.kind === "map" ? subject.at : placeIn(subject, path);
  return [failure(subject, `${nameOf(subject, path)}${what}`, where, more)];
}

function unknownKey(subject: Subject, path: Path, key: string, known: readonly string[]): Failure {
  const fix = didYouMean(key, known, (names) => `It may have ${listNames(names)}.`);
  const where = placeOfKey(subject.value, [...path, key]);
  return failure(
    subject,
    `unknown key ${quote(key)} in ${nameOf(subject, path)}`,
    where,
    fix === undefined ? {} : { fix },
  );
}

function missingKey(subject: Subject, schema: z.ZodType, path: Path): Failure {
  const around = path.slice(0, -1);
  const where = around.length === 0 ? subject.at : placeOfKey(subject.value, around);
  const name = typeof path.at(-1) === "number" ? `element ${String(path.at(-1))}` : `key ${quote(String(path.at(-1)))}`;
  const wanted = describeSchema(schemaAt(schema, path));
  const fix = `Add ${String(path.at(-1))}: … (${wanted}).`;
  return failure(subject, `missing ${name} in ${nameOf(subject, around)}`, where, { fix });
}

function notJson(subject: Subject, problem: NotJson): Failure {
  const what = `the schema of ${nameOf(subject, problem.path)} makes ${problem.found}, which JSON cannot hold`;
  return failure(subject, what, placeIn(subject, problem.path), {
    fix: "This is for the author of the rule: let the schema hand out JSON, and convert in the recipe.",
  });
}

function placeIn(subject: Subject, path: Path): Place {
  return path.length === 0 && subject.value.span.start === subject.value.span.end
    ? subject.at
    : placeOfValue(subject.value, path);
}

function nameOf(subject: Subject, path: Path): string {
  if (path.length === 0) return subject.name;
  const rest = formatPath(["", ...path]).slice(2);
  return `${subject.name}${rest}`;
}

function failure(
  subject: Subject,
  what: string,
  where: Place,
  more: { fix?: string; details?: readonly string[] },
): Failure {
  return inputFailure(what, { where, neededBy: subject.neededBy, ...more });
}

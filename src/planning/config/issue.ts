// What zod found, in the words of somebody who reads a config. Unaware of files and places.

import type { z } from "zod";
import type { Json } from "../../model/json.ts";
import { describeAllowed, typeWords } from "./schema.ts";
import { alternatives, count, describe, didYouMean } from "./words.ts";
import { fixType } from "./written.ts";

type Issue = z.core.$ZodIssue;

export interface Wording {
  /** Follows the name of the value: `must be at least 1; it is 0`. */
  readonly what: string;
  readonly fix?: string;
  readonly details?: readonly string[];
}

/**
 * The message that zod is told to give, so that one written by the schema's author can be told from zod's own words.
 */
export const noMessage = "\u0000";

/** `value` is what stands at the issue's path. */
export function wordIssue(issue: Issue, value: Json | undefined): Wording {
  if (issue.message !== noMessage && issue.message !== "")
    return { what: `: ${issue.message}`.replace(/^: must /, " must ") };
  const it = `; it is ${describe(value)}`;
  switch (issue.code) {
    case "invalid_type":
      return {
        what: ` must be ${typeWords[issue.expected] ?? article(issue.expected)}${it}`,
        ...withFix(fixType(issue.expected, value)),
      };
    case "invalid_value":
      return {
        what: ` must be ${alternatives(issue.values.map(describeAllowed))}${it}`,
        ...withFix(typeof value === "string" ? didYouMean(value, textsOf(issue.values)) : undefined),
      };
    case "too_small":
      return { what: wordLimit(issue, issue.minimum, issue.inclusive === false ? "more than" : "at least", value) };
    case "too_big":
      return { what: wordLimit(issue, issue.maximum, issue.inclusive === false ? "less than" : "at most", value) };
    case "not_multiple_of":
      return { what: ` must be a multiple of ${issue.divisor}${it}` };
    case "invalid_format":
      return { what: ` must ${wordFormat(issue)}${it}` };
    case "invalid_union":
      return wordUnion(issue, value);
    case "invalid_key":
      return { what: wordKey(issue) };
    case "unrecognized_keys":
      return { what: ` has unknown keys: ${issue.keys.join(", ")}` };
    case "invalid_element":
    case "custom":
      return { what: ` is not accepted${it}` };
  }
}

/** The issues of a union's one member that the value was meant for, with paths from the union; undefined where none stands out. */
export function nearestMember(issue: Issue): readonly Issue[] | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const near = issue.errors.filter((issues) => !issues.some(isOtherType));
  const fewest = Math.min(...near.map((issues) => issues.length));
  const best = near.filter((issues) => issues.length === fewest);
  return best.length === 1 ? best[0] : undefined;
}

function isOtherType(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

function wordUnion(issue: Issue & { readonly code: "invalid_union" }, value: Json | undefined): Wording {
  const it = `; it is ${describe(value)}`;
  if ("options" in issue && issue.options) {
    const known = issue.options;
    const fix = typeof value === "string" ? didYouMean(value, textsOf(known)) : undefined;
    return { what: ` must be ${alternatives(known.map(describeAllowed))}${it}`, ...withFix(fix) };
  }
  if (issue.errors.length === 0) return { what: ` fits more than one of the forms it may have${it}` };
  const near = issue.errors.filter((issues) => !issues.some(isOtherType));
  if (near.length === 0) {
    const forms = issue.errors.flatMap((issues) => issues.filter(isOtherType).map(expectedBy));
    return { what: ` must be ${alternatives([...new Set(forms)])}${it}` };
  }
  const details = near.map(
    (issues, index) => `form ${index + 1}: ${issues.map((each) => wordNested(each)).join("; ")}`,
  );
  return { what: " fits none of the forms it may have", details };
}

function expectedBy(issue: Issue): string {
  if (issue.code === "invalid_type") return typeWords[issue.expected] ?? article(issue.expected);
  return issue.code === "invalid_value" ? alternatives(issue.values.map(describeAllowed)) : "another value";
}

function wordNested(issue: Issue): string {
  const name = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return `no key ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
  const { what } = wordIssue(issue, undefined);
  return `${name}${what.replace(/; it is missing$/, "")}`.trim();
}

function wordLimit(
  issue: Issue & { readonly code: "too_small" | "too_big" },
  limit: number | bigint,
  relation: string,
  value: Json | undefined,
): string {
  const exactly = issue.exact ? "exactly" : relation;
  if (issue.origin === "string")
    return ` must have ${exactly} ${count(limit, "character")}; it has ${typeof value === "string" ? value.length : 0}`;
  if (issue.origin === "array" || issue.origin === "set")
    return ` must have ${exactly} ${count(limit, "element")}; it has ${Array.isArray(value) ? value.length : 0}`;
  if (issue.origin === "object" || issue.origin === "record") return ` must have ${exactly} ${count(limit, "key")}`;
  return ` must be ${exactly} ${limit}; it is ${describe(value)}`;
}

function wordFormat(issue: Issue & { readonly code: "invalid_format" }): string {
  switch (issue.format) {
    case "regex":
      return `match ${issue.pattern ?? "a pattern"}`;
    case "starts_with":
      return `start with ${JSON.stringify((issue as z.core.$ZodIssueStringStartsWith).prefix)}`;
    case "ends_with":
      return `end with ${JSON.stringify((issue as z.core.$ZodIssueStringEndsWith).suffix)}`;
    case "includes":
      return `contain ${JSON.stringify((issue as z.core.$ZodIssueStringIncludes).includes)}`;
    case "url":
      return "be a URL";
    case "email":
      return "be an e-mail address";
    default:
      return `be of the format ${issue.format}`;
  }
}

function wordKey(issue: Issue & { readonly code: "invalid_key" }): string {
  const key = String(issue.path.at(-1));
  return issue.issues.map((each) => `: its key${wordIssue(each, key).what}`).join("");
}

function textsOf(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === "string");
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

function withFix(fix: string | undefined): { readonly fix?: string } {
  return fix === undefined ? {} : { fix };
}

// Which single values a config may hold: those that JSON can say again without loss.

import type { Scalar } from "yaml";
import { fail, ok, type Result } from "../../util/result.ts";

interface Complaint {
  readonly what: string;
  readonly fix?: string;
}

/** Integers arrive as bigint, so that none has lost a digit before it is looked at. */
export function scalarValue(node: Scalar): Result<null | boolean | number | string, Complaint> {
  const { value, source = "" } = node;
  if (typeof value === "bigint") return integerValue(value, source);
  if (typeof value === "number") return floatValue(value, source);
  if (typeof value === "string") return textValue(value);
  if (value === null || typeof value === "boolean") return ok(value);
  return fail({ what: "this value is neither text, number, true, false nor null" });
}

function integerValue(value: bigint, source: string): Result<number, Complaint> {
  // Here YAML 1.1 reads octal, 1.2 decimal, and people often mean a name.
  if (/^[-+]?0\d/.test(source)) {
    return fail({
      what: `the number ${source} starts with zeros, which would be lost`,
      fix: `Write "${source}" in quotes if it is text, ${value} if it is a number.`,
    });
  }
  if (Number.isSafeInteger(Number(value))) return ok(Number(value));
  return fail({
    what: `the number ${source} has more digits than can be kept (whole numbers are exact up to ${Number.MAX_SAFE_INTEGER})`,
    fix: "Put it in quotes if it is a name; write it with an exponent (1e20) if it may be rounded.",
  });
}

function floatValue(value: number, source: string): Result<number, Complaint> {
  if (Number.isFinite(value)) return ok(value === 0 ? 0 : value); // -0 and 0 would be one key and two values
  const isTooLarge = /\d/.test(source);
  return fail({
    what: isTooLarge ? `the number ${source} is too large` : `${source} is not a number that a config can hold`,
    fix: isTooLarge ? "The largest is about 1.8e308." : "Leave the key out, use null, or say it by a word.",
  });
}

function textValue(value: string): Result<string, Complaint> {
  if (!/\p{Surrogate}/u.test(value)) return ok(value);
  return fail({
    what: "this text has half a character in it (a surrogate escape without its other half)",
    fix: "Write the character itself.",
  });
}

// What a declaration must look like, held to it where it is declared: nobody need have compiled an Expfile before it is built.
// Shapes and words only; unaware of what contracts and rules are.

import { suggest } from "../util/suggest.ts";

const errorName = "DeclarationError";

/** A slip of an author's hand in a call of the public interface: where it was made is in its stack. */
export class DeclarationError extends Error {
  override readonly name = errorName;
  /** What to do about it. */
  readonly fix: string | undefined;

  constructor(what: string, fix?: string) {
    super(what);
    this.fix = fix;
  }
}

/** By its name: an Expfile is compiled with a class of its own. */
export function isDeclarationError(error: unknown): error is DeclarationError {
  return error instanceof Error && error.name === errorName;
}

/** What a value has to be: the test, and the words for a message. */
export interface Shape {
  readonly isMet: (value: unknown) => boolean;
  /** As in "… has to be a text". */
  readonly what: string;
}

const isFunction = (value: unknown) => typeof value === "function";
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Promise);
const isText = (value: unknown) => typeof value === "string" && value !== "";
const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const hasMethod = (value: unknown, name: string) =>
  typeof value === "object" && value !== null && isFunction((value as Readonly<Record<string, unknown>>)[name]);
const allOf = (value: unknown, isMet: (one: unknown) => boolean) =>
  isObject(value) && Object.values(value).every((one) => one === undefined || isMet(one));

export const anything: Shape = { isMet: () => true, what: "anything" };
export const aText: Shape = { isMet: isText, what: "a text" };
export const texts: Shape = {
  isMet: (value) => Array.isArray(value) && value.every(isText),
  what: "a list of texts",
};
export const aFlag: Shape = { isMet: (value) => typeof value === "boolean", what: "true or false" };
export const aFunction: Shape = { isMet: isFunction, what: "a function" };
export const anObject: Shape = { isMet: isObject, what: "an object" };
export const functions: Shape = {
  isMet: (value) => allOf(value, isFunction),
  what: "an object of functions",
};
export const aNumber: Shape = { isMet: isNumber, what: "a number" };
export const aCount: Shape = {
  isMet: (value) => Number.isInteger(value) && (value as number) >= 1,
  what: "a whole number from 1",
};
export const aTime: Shape = {
  isMet: (value) => isNumber(value) && (value as number) > 0,
  what: "a number of milliseconds above 0",
};
export const amounts: Shape = {
  isMet: (value) => allOf(value, (one) => isNumber(one) && (one as number) >= 0),
  what: "an object of numbers from 0",
};
export const namedTexts: Shape = { isMet: (value) => allOf(value, isText), what: "an object of texts" };
export const aSchema: Shape = { isMet: (value) => hasMethod(value, "safeParse"), what: "a schema of zod" };
export const aZodObject: Shape = {
  isMet: (value) => hasMethod(value, "safeParse") && isObject((value as { readonly shape?: unknown }).shape),
  what: "an object of zod: z.strictObject({ … })",
};

export type Shapes = Readonly<Record<string, Shape>>;

/** Throws unless `given` is an object that holds what is `required`, and of the rest only what is known, in its shape. `who`: "rule lab/judge". */
export function checkFields(who: string, given: unknown, required: Shapes, rest: Shapes = {}): void {
  const known = () => [...Object.keys(required), ...Object.keys(rest)];
  if (!isObject(given))
    throw new DeclarationError(
      `${who}: ${describe(given)} is given where an object belongs`,
      `Known keys: ${known().join(", ")}.`,
    );
  for (const field in given) {
    const shapes = Object.hasOwn(required, field) ? required : rest;
    const shape = Object.hasOwn(shapes, field) ? shapes[field] : undefined;
    if (shape === undefined) {
      const near = suggest(field, known());
      throw new DeclarationError(
        `${who}: unknown key "${field}"`,
        near === undefined ? `Known keys: ${known().join(", ")}.` : `Did you mean "${near}"?`,
      );
    }
    if (given[field] !== undefined) checkShape(`${who}: \`${field}\``, given[field], shape);
  }
  for (const field in required)
    if (given[field] === undefined)
      throw new DeclarationError(`${who} has no \`${field}\``, `It has to be ${required[field]!.what}.`);
}

/** Throws unless the value has the shape. */
export function checkShape(who: string, value: unknown, { isMet, what }: Shape): void {
  if (!isMet(value)) throw new DeclarationError(`${who} is ${describe(value)}`, `It has to be ${what}.`);
}

/** A value in few words, for a message: `"data.txt"`, `null`, `a list`, `a promise`. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > 60 ? `a text of ${value.length} characters` : JSON.stringify(value);
    case "function":
      return "a function";
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return "a list";
      return value instanceof Promise ? "a promise" : describeObject(value as Readonly<Record<string, unknown>>);
    default:
      return String(value);
  }
}

function describeObject(value: Readonly<Record<string, unknown>>): string {
  if ("$target" in value) return "a target";
  switch (value.kind) {
    case "artifact":
      return "an output of a target";
    case "source":
      return "a source";
    case "slot":
      return "a slot";
    case "list":
      return "a slot of several files, list(…)";
    case "sources":
      return "a slot of files that the config names, sourceFiles(…)";
    default:
      return "an object";
  }
}

// Looking into zod schemas: which keys a map may have, and how to say in words what a value should be. Uses zod's definitions, not zod.

import type { z } from "zod";
import type { Json, JsonObject } from "../../model/json.ts";
import type { Path } from "./located.ts";
import { alternatives, quote } from "./words.ts";

/** The parts of zod's definitions that matter here; a schema of another kind has none of them. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly getter?: () => z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly discriminator?: string;
  readonly left?: z.ZodType;
  readonly right?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly element?: z.ZodType;
  readonly items?: readonly z.ZodType[];
  readonly valueType?: z.ZodType;
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly format?: string;
}

export interface UnknownKey {
  /** Of the map that has the key. */
  readonly path: Path;
  readonly key: string;
  readonly known: readonly string[];
}

/** Keys that no schema at their place knows, also where the author forgot `strict` and zod would drop them silently. */
export function findUnknownKeys(schema: z.ZodType, value: Json): UnknownKey[] {
  return unknownIn([schema], value, []);
}

/** The schema at the path, as well as it can be told without a value. */
export function schemaAt(schema: z.ZodType, path: Path): z.ZodType | undefined {
  return path.reduce<z.ZodType[]>(
    (schemas, segment) => childSchemas(kernels(schemas, undefined), segment),
    [schema],
  )[0];
}

/** `text`, `a whole number`, `"a" or "b"`: what may follow "must be". */
export function describeSchema(schema: z.ZodType | undefined): string {
  if (!schema) return "a value";
  const words = kernels([schema], undefined).map((kernel) => describeKernel(definitionOf(kernel), kernel));
  return alternatives([...new Set(words)]);
}

export const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a map",
  record: "a map",
  null: "null",
};

function unknownIn(schemas: readonly z.ZodType[], value: Json, path: Path): UnknownKey[] {
  if (value === null || typeof value !== "object") return [];
  const candidates = kernels(schemas, value);
  if (Array.isArray(value)) {
    return (value as readonly Json[]).flatMap((item, index) =>
      unknownIn(childSchemas(candidates, index), item, [...path, index]),
    );
  }
  const map = value as JsonObject;
  const isOpen = candidates.some((kernel) => acceptsAnyKey(definitionOf(kernel)));
  // Where no member is a map, the value is of the wrong type, and its keys are not the problem.
  const isMap = candidates.some((kernel) => definitionOf(kernel).shape !== undefined);
  const known = candidates.flatMap((kernel) => Object.keys(definitionOf(kernel).shape ?? {}));
  return Object.keys(map).flatMap((key) => {
    if (known.includes(key) || isOpen) return unknownIn(childSchemas(candidates, key), map[key]!, [...path, key]);
    return isMap ? [{ path, key, known: [...new Set(known)] }] : [];
  });
}

function acceptsAnyKey(definition: Definition): boolean {
  const isClosedKind = [
    "object",
    "string",
    "number",
    "int",
    "boolean",
    "null",
    "enum",
    "literal",
    "array",
    "tuple",
    "never",
  ].includes(definition.type);
  return !isClosedKind || (definition.catchall !== undefined && definitionOf(definition.catchall).type !== "never");
}

function childSchemas(schemas: readonly z.ZodType[], segment: string | number): z.ZodType[] {
  return schemas.flatMap((schema) => {
    const { shape, catchall, valueType, element, items } = definitionOf(schema);
    if (typeof segment === "number") return items?.[segment] ?? element ?? [];
    if (shape && Object.hasOwn(shape, segment)) return shape[segment]!;
    return valueType ?? catchall ?? [];
  });
}

/** The schemas inside wrappers, unions and intersections. Of a discriminated union only the member that the value chose. */
function kernels(schemas: readonly z.ZodType[], value: Json | undefined, depth = 0): z.ZodType[] {
  if (depth > 50) return [];
  return schemas.flatMap((schema) => {
    const definition = definitionOf(schema);
    const inside = insideOf(definition, value);
    return inside.length > 0 ? kernels(inside, value, depth + 1) : [schema];
  });
}

function insideOf(definition: Definition, value: Json | undefined): readonly z.ZodType[] {
  const { innerType, getter, left, right, options, discriminator } = definition;
  if (innerType) return [innerType];
  if (getter) return [getter()];
  // `preprocess` is a transform piped into the schema that counts.
  if (definition.in && definition.out)
    return [definitionOf(definition.in).type === "transform" ? definition.out : definition.in];
  if (left && right) return [left, right];
  if (!options || discriminator === undefined || value === undefined) return options ?? [];
  const chosen = options.filter((option) => isChosen(option, discriminator, value));
  return chosen.length > 0 ? chosen : options;
}

function isChosen(option: z.ZodType, discriminator: string, value: Json): boolean {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const tag = (value as JsonObject)[discriminator];
  return childSchemas(kernels([option], value, 1), discriminator).some((schema) =>
    allowedValues(definitionOf(schema)).includes(tag),
  );
}

function describeKernel(definition: Definition, schema: z.ZodType): string {
  const values = allowedValues(definition);
  if (values.length > 0) return alternatives(values.map((value) => describeAllowed(value)));
  const isWhole = definition.type === "number" && (schema as { readonly isInt?: boolean }).isInt === true;
  return typeWords[isWhole ? "int" : definition.type] ?? "a value";
}

export function describeAllowed(value: unknown): string {
  return typeof value === "string" ? quote(value) : String(value);
}

function allowedValues(definition: Definition): readonly unknown[] {
  if (definition.type === "literal") return definition.values ?? [];
  return definition.type === "enum" ? Object.values(definition.entries ?? {}) : [];
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def;
}

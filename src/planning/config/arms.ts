// The arms of an ablation: from `arms` and `matrix` to validated settings, each with an id that is the digest of its settings.

import type { z } from "zod";
import type { Arm, ArmLabel } from "../../api/contract.ts";
import { digestOfBytes, shortDigest } from "../../model/digest.ts";
import { inputFailure, type Failure } from "../../model/failure.ts";
import type { Json } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { canonicalJson } from "./json-value.ts";
import type { ConfigDocument } from "./load.ts";
import { formatPath, placeOfValue, toJson, type Located } from "./located.ts";
import { expandMatrix } from "./matrix.ts";
import { inOrder } from "./order.ts";
import { placeOf, wholeOf, type Span } from "./source-text.ts";
import { validate } from "./validate.ts";
import { describe, didYouMean, listNames, quote } from "./words.ts";

export interface ResolvedArms {
  /** Sorted by id; equal settings are one arm. */
  readonly arms: readonly Arm<Json>[];
  /** The id of the control arm, where the config names one. */
  readonly control: string | undefined;
  /** Every name, in the order of the config. */
  readonly labels: readonly ArmLabel[];
  /** Names that stand for equal settings: they share one arm's draws, and the user is told so. */
  readonly shared: readonly (readonly string[])[];
}

/** An arm before its settings are validated. */
interface Draft {
  readonly name: string;
  /** What messages call its settings: `arms.baseline`, `matrix`. */
  readonly subject: string;
  readonly settings: Located;
  readonly span: Span;
}

export function resolveArms(
  document: ConfigDocument,
  schema: z.ZodType,
  neededBy: string,
): Result<ResolvedArms, Failure[]> {
  const drafts = readDrafts(document);
  if (!drafts.ok) return drafts;
  if (drafts.value.length === 0) return defaultArm(document, schema, neededBy);
  const failures = equalNames(drafts.value);
  const labelled: { readonly name: string; readonly arm: Arm<Json> }[] = [];
  for (const { name, subject, settings, span } of drafts.value) {
    const checked = validate({ name: subject, value: settings, at: placeOf(span), neededBy }, schema);
    if (checked.ok) labelled.push({ name, arm: armOf(checked.value) });
    else failures.push(...checked.error);
  }
  const control = document.header.control;
  const names = drafts.value.map((draft) => draft.name);
  if (control !== undefined && !names.includes(control)) failures.push(unknownControl(document, control, names));
  return failures.length > 0 ? fail(inOrder(failures)) : ok(collect(labelled, control));
}

/** The first 12 digits of the digest of the settings, keys sorted: names and order count for nothing. */
export function armOf(settings: Json): Arm<Json> {
  return { id: shortDigest(digestOfBytes(canonicalJson(settings))), settings };
}

function collect(
  labelled: readonly { readonly name: string; readonly arm: Arm<Json> }[],
  control: string | undefined,
): ResolvedArms {
  const byId = new Map<string, { readonly arm: Arm<Json>; readonly names: string[] }>();
  for (const { name, arm } of labelled) {
    const known = byId.get(arm.id);
    if (known) known.names.push(name);
    else byId.set(arm.id, { arm, names: [name] });
  }
  const groups = [...byId.values()];
  return {
    arms: groups.map((group) => group.arm).sort((a, b) => (a.id < b.id ? -1 : 1)),
    control: labelled.find(({ name }) => name === control)?.arm.id,
    labels: labelled.map(({ name, arm }) => ({ id: arm.id, name })),
    shared: groups.map((group) => group.names).filter((names) => names.length > 1),
  };
}

function readDrafts(document: ConfigDocument): Result<Draft[], Failure[]> {
  const explicit = readExplicit(document);
  const matrix = document.tree.entries.get("matrix")?.value;
  const hasMatrix = matrix !== undefined && !(matrix.kind === "scalar" && matrix.value === null);
  const combinations = hasMatrix ? expandMatrix(matrix) : ok([]);
  const failures = [...(explicit.ok ? [] : explicit.error), ...(combinations.ok ? [] : combinations.error)];
  if (!explicit.ok || !combinations.ok) return fail(failures);
  return ok([...explicit.value, ...combinations.value.map((combination) => ({ ...combination, subject: "matrix" }))]);
}

function readExplicit(document: ConfigDocument): Result<Draft[], Failure[]> {
  const arms = document.tree.entries.get("arms");
  if (!arms || (arms.value.kind === "scalar" && arms.value.value === null)) return ok([]);
  if (arms.value.kind !== "map") {
    const what = `arms must be a map from names to settings; it is ${describe(toJson(arms.value))}`;
    return fail([
      inputFailure(what, { where: placeOf(arms.value.span), fix: "For example: arms: { baseline: { … } }" }),
    ]);
  }
  return ok(
    [...arms.value.entries].map(([name, { key, value }]) => {
      // `baseline:` with nothing after it asks for the defaults.
      const isEmpty = value.kind === "scalar" && value.value === null;
      const settings: Located = isEmpty ? { kind: "map", entries: new Map(), span: value.span } : value;
      return { name, subject: formatPath(["arms", name]), settings, span: key };
    }),
  );
}

function equalNames(drafts: readonly Draft[]): Failure[] {
  const seen = new Map<string, Draft>();
  return drafts.flatMap((draft) => {
    const first = seen.get(draft.name);
    if (!first) seen.set(draft.name, draft);
    if (!first) return [];
    const { file, line } = placeOf(first.span);
    const what = `two arms are called ${quote(draft.name)}; the first is at ${file}${line === undefined ? "" : `:${line}`}`;
    return [
      inputFailure(what, {
        where: placeOf(draft.span),
        fix: "Rename one; an include entry of the matrix takes a name.",
      }),
    ];
  });
}

function unknownControl(document: ConfigDocument, control: string, names: readonly string[]): Failure {
  const fix = didYouMean(control, names, (known) => `The arms are ${listNames(known)}.`);
  return inputFailure(`control names ${quote(control)}, which is no arm`, {
    where: placeOfValue(document.tree, ["control"]),
    fix,
  });
}

function defaultArm(document: ConfigDocument, schema: z.ZodType, neededBy: string): Result<ResolvedArms, Failure[]> {
  const empty: Located = { kind: "map", entries: new Map(), span: wholeOf(document.tree.span.source) };
  const checked = validate({ name: "arms", value: empty, at: { file: document.file }, neededBy }, schema);
  const { control } = document.header;
  if (!checked.ok) {
    const fix = "Add arms by name, arms: { baseline: { … } }, or a matrix of axes.";
    return fail([inputFailure("the config has no arms", { where: { file: document.file }, neededBy, fix })]);
  }
  if (control !== undefined && control !== "default") return fail([unknownControl(document, control, ["default"])]);
  return ok(collect([{ name: "default", arm: armOf(checked.value) }], control));
}

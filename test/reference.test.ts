// Runs the reference cases that the environment names: EXP_REFERENCE lists files and folders separated by colons, EXP_DATA
// is the folder of the data sets that cases name. Says what is not offered yet, and ends with a count of all cases.
import { afterAll, describe, expect, test } from "vitest";

import { descriptors } from "./reference/descriptors.ts";
import { statistics } from "./reference/statistics.ts";
import { readCases } from "./reference/cases.ts";
import type { ReferenceCase } from "./reference/cases.ts";
import { findDifference, readTolerance } from "./reference/compare.ts";
import { NotOffered } from "./reference/not-offered.ts";

const paths = process.env["EXP_REFERENCE"] ?? "";
const cases = paths === "" ? [] : readCases(paths);

type Outcome =
  | { readonly kind: "right" }
  | { readonly kind: "wrong"; readonly difference: string }
  | { readonly kind: "not offered"; readonly what: string }
  | { readonly kind: "by hand"; readonly note: string; readonly answer: string };

const outcomes: { readonly reference: ReferenceCase; readonly outcome: Outcome }[] = [];

describe("reference cases", () => {
  test.skipIf(paths !== "")("are skipped when EXP_REFERENCE names none", () => {
    const names = [...Object.keys(descriptors), ...Object.keys(statistics)];
    console.log(`reference: skipped, because EXP_REFERENCE is not set. Not compared: ${names.join(", ")}`);
  });

  for (const reference of cases) {
    test(`${reference.id} ${reference.name}`, ({ skip }) => {
      const outcome = judge(reference);
      outcomes.push({ reference, outcome });
      if (outcome.kind === "wrong") expect.fail(outcome.difference);
      if (outcome.kind === "not offered") skip(`not offered: ${outcome.what}`);
      if (outcome.kind === "by hand") skip(`to be read by hand: ${outcome.note}`);
    });
  }

  afterAll(() => {
    if (cases.length > 0) console.log(report().join("\n"));
  });
});

function judge(reference: ReferenceCase): Outcome {
  const tolerance = readTolerance(reference.tolerance, reference.expected);
  const answer = ask(reference);
  if (answer.kind === "not offered") return answer;
  if (tolerance.kind === "by-hand") {
    return { kind: "by hand", note: tolerance.note, answer: JSON.stringify(answer.value ?? answer.refusal) };
  }
  if (answer.refusal !== null) {
    // Where no answer exists, refusing with a reason is the right one.
    return reference.expected === null ? { kind: "right" } : { kind: "wrong", difference: answer.refusal };
  }
  const difference = findDifference(reference.expected, answer.value, tolerance);
  return difference === null ? { kind: "right" } : { kind: "wrong", difference };
}

type Answer =
  | { readonly kind: "answer"; readonly value: unknown; readonly refusal: string | null }
  | { readonly kind: "not offered"; readonly what: string };

function ask(reference: ReferenceCase): Answer {
  const { kind, name, sequence, input, id, expected } = reference;
  const table: Readonly<Record<string, unknown>> = kind === "descriptor" ? descriptors : statistics;
  if (!Object.hasOwn(table, name)) return { kind: "not offered", what: `no such ${kind}` };
  const sameFile = cases.filter(({ file }) => file === reference.file);
  try {
    const value =
      kind === "descriptor"
        ? descriptors[name]!(sequence as never, input as never)
        : statistics[name]!(input, { id, expected, cases: sameFile });
    return { kind: "answer", value, refusal: null };
  } catch (error) {
    if (error instanceof NotOffered) return { kind: "not offered", what: error.message.replace(/^not offered: /, "") };
    return { kind: "answer", value: null, refusal: String(error) };
  }
}

function report(): string[] {
  const label = ({ id, name }: ReferenceCase): string => `${id} ${name}`;
  const lines = outcomes.flatMap(({ reference, outcome }): string[] => {
    switch (outcome.kind) {
      case "right":
        return [];
      case "wrong":
        return [`wrong: ${label(reference)}: ${outcome.difference}`];
      case "not offered":
        return [`not offered: ${label(reference)}: ${outcome.what}`];
      case "by hand":
        return [
          `by hand: ${label(reference)}: expected ${JSON.stringify(reference.expected)}, got ${outcome.answer} (${outcome.note})`,
        ];
    }
  });
  const count = (kind: Outcome["kind"]): number => outcomes.filter(({ outcome }) => outcome.kind === kind).length;
  return [
    ...lines,
    `reference: ${count("right")} right, ${count("wrong")} wrong, ${count("not offered")} not offered, ${count("by hand")} to be read by hand`,
  ];
}

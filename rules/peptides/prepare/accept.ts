/** Whether a row may pass, and if not, why. A row that comes a second time is somebody else's question. */
import type { ConfigOf } from "expfile";
import type { prepareContract } from "../prepare.ts";
import { classifyLetter, isCanonical } from "../science/alphabet.ts";
import { parseCapped } from "../science/notation.ts";
import type { MappedRow } from "./source.ts";

export type Rules = Pick<ConfigOf<typeof prepareContract>, "length" | "letters" | "only">;

export type Verdict =
  | { readonly kind: "accepted"; readonly sequence: string; readonly stripped: boolean }
  | { readonly kind: "rejected"; readonly reason: Reason; readonly detail: string };

/** In the words of the report. */
export type Reason =
  "no sequence" | "unknown residue" | "too short" | "too long" | "class not wanted" | "origin not wanted" | "duplicate";

export function judgeRow(row: MappedRow, rules: Rules): Verdict {
  const { length, letters, only } = rules;
  if (row.sequence === null) return rejected("no sequence", "the cell is empty");
  const sequence = letters === "strip-caps" ? parseCapped(row.sequence).sequence : row.sequence;
  if (sequence === "") return rejected("no sequence", "nothing is left without its caps");
  if (!isCanonical(sequence)) return rejected("unknown residue", strangeLetters(sequence));
  if (sequence.length < length.min) return rejected("too short", `${sequence.length} residues; at least ${length.min}`);
  if (sequence.length > length.max) return rejected("too long", `${sequence.length} residues; at most ${length.max}`);
  for (const field of ["class", "origin"] as const) {
    const wanted = only[field];
    if (wanted !== undefined && !wanted.includes(row[field] ?? ""))
      return rejected(`${field} not wanted`, row[field] ?? "none is given");
  }
  return { kind: "accepted", sequence, stripped: sequence !== row.sequence };
}

function rejected(reason: Reason, detail: string): Verdict {
  return { kind: "rejected", reason, detail };
}

const SHOWN = 5;

/** `X at 3, 4; * at 20`: positions from 1. */
function strangeLetters(sequence: string): string {
  const places = new Map<string, number[]>();
  for (const [index, letter] of [...sequence].entries()) {
    if (classifyLetter(letter) === "canonical") continue;
    places.set(letter, [...(places.get(letter) ?? []), index + 1]);
  }
  const shown = [...places]
    .slice(0, SHOWN)
    .map(([letter, at]) => `${printable(letter)} at ${at.slice(0, SHOWN).join(", ")}${at.length > SHOWN ? " …" : ""}`);
  return shown.join("; ") + (places.size > SHOWN ? "; …" : "");
}

function printable(letter: string): string {
  return /^[\x21-\x7e]$/.test(letter) ? letter : JSON.stringify(letter);
}

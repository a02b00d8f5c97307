// Reasons in words: one clear line each. The data is model/reason.ts; `why` shows the same at full length.

import type { CodeChange, FileChange, InputContent, Member, Reason } from "../model/reason.ts";
import { shortDigest } from "../model/digest.ts";
import { unreachable } from "../util/result.ts";
import { countOf, formatBytes, formatCount, formatDateTime } from "./amounts.ts";
import { clip, oneLine } from "./text.ts";
import { cutPair, formatCommand, formatValue } from "./values.ts";

/** Cells for each side of `before → after` in one line. */
const VALUE_WIDTH = 40;
/** Members and files named in one line. */
const MOST_MEMBERS = 4;
const MOST_FILES = 2;

/** `config judge.pH: 7.4 → 7`, `cleaned 2026-11-20 10:12`. */
export function wordReason(reason: Reason): string {
  if (reason.kind === "members") return `config ${oneLine(reason.path)}: ${wordMembers(reason, MOST_MEMBERS)}`;
  if (reason.kind === "input" && reason.files !== undefined && reason.files.length > 0)
    return `${wordInput(reason)}: ${wordFiles(reason.files)}`;
  const { what, before, after } = describeReason(reason);
  if (before === undefined || after === undefined) return what;
  const [left, right] = cutPair(before, after, VALUE_WIDTH);
  return `${what}: ${left} → ${right}`;
}

/** The one line for a build's output: the first reason and how many more there are; empty where there is none. */
export function headline(reasons: readonly Reason[]): string {
  const [first, ...more] = reasons;
  if (first === undefined) return "";
  return more.length === 0 ? wordReason(first) : `${wordReason(first)} (+${formatCount(more.length)} more)`;
}

export interface ReasonText {
  /** Without `before` and `after`: the whole sentence. */
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
}

/** The reason in full, nothing cut: what differs, and both sides where there are two. */
export function describeReason(reason: Reason): ReasonText {
  switch (reason.kind) {
    case "new":
      return { what: "new: no earlier result in this run" };
    case "config":
      return sides(`config ${oneLine(reason.path)}`, formatValue(reason.before), formatValue(reason.after));
    case "members":
      return { what: `config ${oneLine(reason.path)}: ${wordMembers(reason, Infinity)}` };
    case "arm-name":
      return sides("arm renamed", formatValue(reason.before), formatValue(reason.after));
    case "code":
      return { what: wordCode(reason) };
    case "vectorised":
      return sides("vectorised", `${reason.before}`, `${reason.after}`);
    case "rule-version":
      return sides("rule version", `${reason.before}`, `${reason.after}`);
    case "input":
      return describeInput(reason);
    case "items":
      return { what: wordItems(reason) };
    case "item":
      return reason.before === undefined
        ? { what: `new item ${clip(formatValue(reason.after), 2 * VALUE_WIDTH)}` }
        : sides("item", formatValue(reason.before), formatValue(reason.after));
    case "outputs":
      return { what: wordOutputs(reason.before, reason.after) };
    case "environment":
      return sides(`environment ${oneLine(reason.name)}`, wordOptional(reason.before), wordOptional(reason.after));
    case "tool":
      return sides(`tool ${oneLine(reason.name)}`, wordOptional(reason.before), wordOptional(reason.after));
    case "command":
      return sides("command", formatCommand(reason.before), formatCommand(reason.after));
    case "same-work":
      return { what: `nothing differs: ${oneLine(reason.target)} had the same work done` };
    case "displaced":
      return { what: "its outputs were missing or edited" };
    case "left":
      return { what: "its outputs were left in the shared cache" };
    case "content-lost":
      return { what: `output ${oneLine(reason.slot)}: its content is in no store any more` };
    case "cleaned":
      return { what: `cleaned ${wordTime(reason.when)}` };
    case "split":
      return { what: `which items ${oneLine(reason.target)} has is known when its split has run again` };
    case "spliced":
      return { what: `given: taken from ${oneLine(reason.from)}` };
    case "upstream":
      return { what: `depends on ${oneLine(reason.target)}, which has to run first` };
    default:
      return unreachable(reason);
  }
}

/** `function scoreCharge in rules/charge.ts, lines 12–20 changed`. */
export function wordCodeChange({ change, file, name, lines }: CodeChange): string {
  const path = oneLine(file);
  const place =
    name === "text" ? `text ${path}` : name === "module" ? `load-time code of ${path}` : `${oneLine(name)} in ${path}`;
  return `${place}${lines === undefined ? "" : `, ${wordLines(lines)}`} ${change}`;
}

/** `line 12`, `lines 12–20`. */
export function wordLines({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `line ${from}` : `lines ${from}–${to}`;
}

/** `12,000 rows`, `3 files`, `1.2 KiB`. */
export function wordContent({ size, rows, files }: InputContent): string {
  if (rows !== undefined) return countOf(rows, "row");
  if (files !== undefined) return countOf(files, "file");
  return size === undefined ? "" : formatBytes(size);
}

function sides(what: string, before: string, after: string): ReasonText {
  return { what, before, after };
}

function wordCode({ before, after, changes }: Extract<Reason, { kind: "code" }>): string {
  const [first, ...more] = changes;
  if (first === undefined) {
    return before === undefined ? "code: changed" : `code: changed (${shortDigest(before)} → ${shortDigest(after)})`;
  }
  return `code: ${wordCodeChange(first)}${more.length === 0 ? "" : ` and ${countOf(more.length, "more place")}`}`;
}

/** `input scores`, `input files (data/fruit.txt)`, `input files[2] (data/old.txt → data/new.txt)`. */
function wordInput({ slot, before, after }: Extract<Reason, { kind: "input" }>): string {
  const files = [...new Set([before?.file, after?.file].filter((file) => file !== undefined))];
  // A path tells more than a place in a list of lists.
  const name = files.length === 1 ? slot.replace(/(?:\[\d+\])+$/, "") : slot;
  return `input ${oneLine(name)}${files.length === 0 ? "" : ` (${oneLine(files.join(" → "))})`}`;
}

function describeInput(reason: Extract<Reason, { kind: "input" }>): ReasonText {
  const { before, after, files } = reason;
  const what = wordInput(reason);
  if (files !== undefined && files.length > 0) return { what: `${what}: ${countChanges(files)}` };
  return describeContent(what, before, after, files !== undefined);
}

/** `isReordered`: every file of it is as it was. */
function describeContent(
  what: string,
  before: InputContent | undefined,
  after: InputContent | undefined,
  isReordered = false,
): ReasonText {
  if (after === undefined) return { what: `${what}: no longer there` };
  if (before === undefined)
    return { what: [`${what}: new`, wordContent(after)].filter((text) => text !== "").join(", ") };
  if (before.readAs !== undefined && after.readAs !== undefined)
    return sides(`${what} read as`, before.readAs, after.readAs);
  // Only what differs tells something: rows first, then files, then bytes, then the content by name.
  for (const unit of ["rows", "files"] as const) {
    const [left, right] = [before[unit], after[unit]];
    if (left === undefined || right === undefined || left === right) continue;
    return sides(what, formatCount(left), countOf(right, unit.slice(0, -1)));
  }
  if (isReordered) return { what: `${what}: ${wordContent(after)} in another order` };
  // Bytes of a table say more about how it is packed than about what it holds.
  if (after.rows !== undefined) return { what: `${what}: ${wordContent(after)} as before, other values` };
  if (before.size !== undefined && after.size !== undefined && before.size !== after.size) {
    const [left, right] = [formatBytes(before.size), formatBytes(after.size)];
    return left === right
      ? sides(what, formatCount(before.size), countOf(after.size, "byte"))
      : sides(what, left, right);
  }
  const much = [wordContent(after), "other content"].filter((text) => text !== "").join(", ");
  if (before.digest === undefined || after.digest === undefined) return { what: `${what}: ${much}` };
  return sides(`${what}: ${much}`, shortDigest(before.digest), shortDigest(after.digest));
}

/** `changed data/a.txt, added data/b.txt and 3 more files`. */
function wordFiles(files: readonly FileChange[]): string {
  const shown = files.slice(0, MOST_FILES).map(({ change, file }) => `${oneLine(file)} ${change}`);
  const more = files.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${countOf(more, "more file")}` : shown.join(", ");
}

/** `2 files changed, 1 added`. */
function countChanges(files: readonly FileChange[]): string {
  const parts = (["changed", "added", "removed"] as const).flatMap((change) => {
    const count = files.filter((file) => file.change === change).length;
    return count === 0 ? [] : [{ count, change }];
  });
  return parts
    .map(({ count, change }, i) => `${i === 0 ? countOf(count, "file") : formatCount(count)} ${change}`)
    .join(", ");
}

/** `rows 10 → 12`, `18 B → 20 B`: how one file of many differs; empty where no more is known than that. */
export function wordFileChange({ before, after }: FileChange): string {
  if (before === undefined || after === undefined) return wordContent(after ?? before ?? { digest: undefined });
  const { what, before: left, after: right } = describeContent("", before, after);
  return left === undefined || right === undefined || what !== "" ? what.replace(/^: /, "") : `${left} → ${right}`;
}

/** `+ mine, − old`: by name, or by what they are. */
function wordMembers({ added, removed }: Extract<Reason, { kind: "members" }>, most: number): string {
  const word = (sign: string) => (member: Member) =>
    `${sign} ${member.name === undefined ? clip(formatValue(member.value), VALUE_WIDTH) : oneLine(member.name)}`;
  const all = [...added.map(word("+")), ...removed.map(word("−"))];
  const shown = all.length > most ? all.slice(0, most - 1) : all;
  const more = all.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${formatCount(more)} more` : shown.join(", ");
}

function wordItems({ added, removed, changed }: Extract<Reason, { kind: "items" }>): string {
  const parts = [
    added > 0 ? `${formatCount(added)} added` : "",
    removed > 0 ? `${formatCount(removed)} removed` : "",
    changed > 0 ? `${formatCount(changed)} changed` : "",
  ].filter((part) => part !== "");
  return `items: ${parts.length === 0 ? "other results" : parts.join(", ")}`;
}

function wordOutputs(before: readonly string[], after: readonly string[]): string {
  const added = after.filter((slot) => !before.includes(slot)).map((slot) => `${oneLine(slot)} added`);
  const removed = before.filter((slot) => !after.includes(slot)).map((slot) => `${oneLine(slot)} removed`);
  const parts = [...added, ...removed];
  return `outputs: ${parts.length === 0 ? "other results" : parts.join(", ")}`;
}

function wordOptional(text: string | undefined): string {
  return text === undefined ? "(absent)" : text === "" ? '""' : oneLine(text);
}

/** Times are recorded as ISO 8601; anything else is shown as it is. */
function wordTime(when: string): string {
  const at = Date.parse(when);
  return Number.isNaN(at) ? oneLine(when) : formatDateTime(at);
}

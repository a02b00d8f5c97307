// Which declarations of which files differ between two bundles: what `why` names. Only what the bundle holds counts;
// code that was shaken away is not mentioned.

import { parse, type Node } from "acorn";
import { eachMapping, originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import type { CodeChange } from "../../model/reason.ts";
import { indexOfNeutralPath, type Closure } from "./closure.ts";

export interface Compared {
  readonly closure: Closure;
  readonly map: string;
  readonly code: string;
}

/** A top-level declaration of the print, told apart by file and name. */
interface Declaration {
  readonly file: string;
  readonly name: string;
  readonly text: string;
  readonly lines: { readonly from: number; readonly to: number } | undefined;
}

export function compareBundles(before: Compared, after: Compared): readonly CodeChange[] {
  const old = declarationsOf(before);
  const now = declarationsOf(after);
  const changes: CodeChange[] = [];
  for (const [key, declaration] of now) {
    const was = old.get(key);
    if (was === undefined) changes.push(change("added", declaration));
    else if (was.text !== declaration.text) changes.push(change("changed", declaration));
  }
  for (const [key, declaration] of old) if (!now.has(key)) changes.push(change("removed", declaration));
  return withoutMoves(changes, old, now);
}

function change(kind: CodeChange["change"], { file, name, lines }: Declaration): CodeChange {
  return { change: kind, file, name, lines };
}

/** A declaration that went from one file and came to another has moved: no change where its text is the same. */
function withoutMoves(
  changes: readonly CodeChange[],
  old: ReadonlyMap<string, Declaration>,
  now: ReadonlyMap<string, Declaration>,
): readonly CodeChange[] {
  const textOf = (one: CodeChange) => (one.change === "removed" ? old : now).get(keyOf(one))?.text;
  const files = (all: ReadonlyMap<string, Declaration>) => new Set([...all.values()].map(({ file }) => file));
  const [oldFiles, newFiles] = [files(old), files(now)];
  const removed = changes.filter((one) => one.change === "removed");
  const gone = new Set<CodeChange>();
  const kept = changes.flatMap((one): CodeChange[] => {
    if (one.change !== "added") return [one];
    const free = removed.filter((was) => was.name === one.name && !gone.has(was));
    const same = free.find((was) => textOf(was) === textOf(one));
    // Changed on its way only where a file has come in the place of another: many files have a `const recipe`.
    const moved =
      same ?? (!oldFiles.has(one.file) && free.length === 1 && !newFiles.has(free[0]!.file) ? free[0] : undefined);
    if (moved === undefined) return [one];
    gone.add(moved);
    return same === undefined ? [{ ...one, change: "changed" }] : [];
  });
  return kept.filter((one) => !gone.has(one));
}

function keyOf({ file, name }: { readonly file: string; readonly name: string }): string {
  return `${file}\n${name}`;
}

function declarationsOf({ closure, map, code }: Compared): Map<string, Declaration> {
  const trace = new TraceMap(map);
  const lineStarts = startsOfLines(code);
  const spans = spansOf(trace, lineStarts);
  const found = new Map<string, Declaration>();
  const add = (start: number, end: number, kind: string, name: string) => {
    const at = placeOf(trace, lineStarts, start) ?? spans.find((span) => span.at >= start && span.at < end);
    if (at === undefined) return;
    const module = closure.modules[at.module];
    if (module === undefined) return;
    const inside = spans
      .filter((span) => span.at >= start && span.at < end && span.module === at.module)
      .map((span) => span.line);
    const lines = inside.length === 0 ? undefined : { from: Math.min(...inside), to: Math.max(...inside) };
    const label = module.loader === "text" ? "text" : `${kind} ${name}`.trim();
    // Numbers that the printer gives to names that collide say nothing about the source.
    const key = keyOf({ file: module.label, name: label });
    const text = code.slice(start, end);
    const known = found.get(key);
    found.set(
      key,
      known === undefined
        ? { file: module.label, name: label, text, lines }
        : {
            ...known,
            text: `${known.text}${text}`,
            lines:
              known.lines && lines
                ? { from: Math.min(known.lines.from, lines.from), to: Math.max(known.lines.to, lines.to) }
                : (known.lines ?? lines),
          },
    );
  };
  for (const node of parse(code, { ecmaVersion: "latest", sourceType: "script", allowReturnOutsideFunction: true })
    .body) {
    switch (node.type) {
      case "FunctionDeclaration":
        add(node.start, node.end, "function", node.id.name);
        break;
      case "ClassDeclaration":
        add(node.start, node.end, "class", node.id.name);
        break;
      case "VariableDeclaration":
        for (const one of node.declarations)
          add(
            one.start,
            one.end,
            isFunction(one.init) ? "function" : "const",
            one.id.type === "Identifier" ? one.id.name : "pattern",
          );
        break;
      default:
        add(node.start, node.end, "module", "");
    }
  }
  return found;
}

function isFunction(node: Node | null | undefined): boolean {
  return node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression";
}

interface Span {
  readonly at: number;
  readonly module: number;
  readonly line: number;
}

function spansOf(trace: TraceMap, lineStarts: readonly number[]): Span[] {
  const spans: Span[] = [];
  eachMapping(trace, (mapping) => {
    if (mapping.source === null) return;
    const module = indexOfNeutralPath(mapping.source);
    if (!Number.isNaN(module))
      spans.push({
        at: lineStarts[mapping.generatedLine - 1]! + mapping.generatedColumn,
        module,
        line: mapping.originalLine,
      });
  });
  return spans;
}

function placeOf(trace: TraceMap, lineStarts: readonly number[], offset: number): Span | undefined {
  let line = lineStarts.findLastIndex((start) => start <= offset);
  if (line < 0) line = 0;
  const original = originalPositionFor(trace, { line: line + 1, column: offset - lineStarts[line]! });
  if (original.source === null) return undefined;
  const module = indexOfNeutralPath(original.source);
  return Number.isNaN(module) ? undefined : { at: offset, module, line: original.line };
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

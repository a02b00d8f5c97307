// A stack of a bundle as one of the sources, by the bundle's map and the closure's labels.

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { indexOfNeutralPath, type Closure } from "./closure.ts";

export interface MappedSource {
  readonly closure: Closure;
  readonly map: string;
}

/** One call of a stack. Lines and columns count from 1. */
export interface Frame {
  readonly name: string | undefined;
  /** A path from the project's root, or `package@version/path`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** In a package, not in a file of the project. */
  readonly isForeign: boolean;
}

/** The frames that lie in the recipe's code, first to last; frames of Node and of the worker are left out. */
export function mapStack(bundle: string, stack: string, source: MappedSource | undefined): readonly Frame[] {
  if (source === undefined) return [];
  const map = new TraceMap(source.map);
  return stack.split("\n").flatMap((line): Frame[] => {
    const at = line.indexOf(`${bundle}:`);
    const [row, column] =
      at < 0
        ? []
        : line
            .slice(at + bundle.length + 1)
            .split(":")
            .map((text) => Number.parseInt(text, 10));
    if (row === undefined || column === undefined) return [];
    const original = originalPositionFor(map, { line: row, column: column - 1 });
    if (original.source === null) return [];
    const module = source.closure.modules[indexOfNeutralPath(original.source)];
    return [
      {
        name: /^\s*at (?:async )?([^\s(]+) \(/.exec(line)?.[1],
        file: module?.label ?? original.source,
        line: original.line,
        column: original.column + 1,
        isForeign: module === undefined || /^(?:@[^/@]+\/)?[^/@]+@[^/]*\//.test(module.label),
      },
    ];
  });
}

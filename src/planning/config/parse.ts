// From YAML text to located values. Every problem of the text is reported together; nothing here knows what the keys mean.
// Anchors, aliases and merge keys (`<<`) are welcome; what they expand to is bounded.

import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import type { Alias, Document, Node, Pair, ParsedNode, YAMLMap, YAMLSeq } from "yaml";
import { inputFailure, type Failure } from "../../model/failure.ts";
import type { Entry, Located, LocatedMap } from "./located.ts";
import { inOrder } from "./order.ts";
import { scalarValue } from "./scalar.ts";
import { lineAt, placeOf, spanOf, wholeOf, type SourceText, type Span } from "./source-text.ts";
import { syntaxFailures } from "./syntax.ts";
import { quote } from "./words.ts";
import { unseenAtEnd } from "./written.ts";

const maxDepth = 100;
/** How many values aliases may add in one file. */
const maxAliased = 100_000;

export interface Parsed {
  /** As far as it could be read; undefined for an empty text. */
  readonly value: Located | undefined;
  readonly failures: readonly Failure[];
}

/** `text` stands in for the source's own where parts of it were blanked. */
export function parseYaml(source: SourceText, text = source.text ?? ""): Parsed {
  const documents = parseAllDocuments<ParsedNode>(text, {
    uniqueKeys: false, // The walk finds them and says where the first one is.
    stringKeys: true,
    intAsBigInt: true,
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: "error",
  });
  const [document, second] = documents as readonly Document.Parsed[];
  // Nothing, or nothing but comments.
  if (!document) return { value: undefined, failures: [] };
  const problems = [...document.errors, ...document.warnings];
  if (problems.some((problem) => problem.code === "RESOURCE_EXHAUSTION")) {
    return { value: undefined, failures: syntaxFailures(source, problems, new Map()) };
  }
  const walk: Walk = {
    source,
    anchors: new Map(),
    open: new Set(),
    sizes: new Map(),
    openings: new Map(),
    aliased: 0,
    failures: [],
  };
  if (second)
    complainAbout(
      walk,
      second.range[0],
      "a second document starts here; a config is one",
      'Delete the line "---" or "..." before it, or what follows.',
    );
  const { version } = document.directives.yaml;
  if (version !== "1.2")
    complainAbout(
      walk,
      0,
      `configs are YAML 1.2, this file says ${version}`,
      "Delete the line that starts with %YAML.",
    );
  const value = document.contents ? convert(walk, document.contents, 0) : undefined;
  const failures = syntaxFailures(source, problems, walk.openings);
  // What else is odd about a line that could not be read is most often an echo of that.
  const unreadable = new Set(failures.map((failure) => failure.where?.line));
  const others = walk.failures.filter((failure) => !unreadable.has(failure.where?.line));
  return { value, failures: inOrder([...failures, ...others]) };
}

interface Walk {
  readonly source: SourceText;
  readonly anchors: Map<string, Located>;
  /** Anchors whose own content is being read: an alias to one of them has no end. */
  readonly open: Set<string>;
  readonly sizes: Map<Located, number>;
  /** Where quoted texts, and lists and maps in brackets, begin, by where they end. */
  readonly openings: Map<number, number>;
  aliased: number;
  readonly failures: Failure[];
}

function convert(walk: Walk, node: Node | null, depth: number): Located {
  const span = node?.range ? spanOf(walk.source, node.range[0], node.range[1]) : wholeOf(walk.source);
  if (depth > maxDepth) return complain(walk, span, `maps and lists are nested more than ${maxDepth} deep`);
  if (isAlias(node)) return convertAlias(walk, node, span);
  const anchor = node && "anchor" in node ? node.anchor : undefined;
  if (anchor) walk.open.add(anchor);
  const located = convertContent(walk, node, span, depth);
  if (anchor) {
    walk.open.delete(anchor);
    walk.anchors.set(anchor, located);
  }
  return located;
}

function convertContent(walk: Walk, node: Node | null, span: Span, depth: number): Located {
  if ((isMap(node) || isSeq(node)) && node.flow === true && node.range) walk.openings.set(node.range[1], span.start);
  if (isMap(node)) return convertMap(walk, node, span, depth);
  if (isSeq(node)) return convertList(walk, node, span, depth);
  if (!isScalar(node)) return emptyAt(walk, span);
  if (node.type?.startsWith("QUOTE")) walk.openings.set(span.end, span.start);
  const scalar = scalarValue(node);
  if (!scalar.ok) return complain(walk, span, scalar.error.what, scalar.error.fix);
  return sized(walk, { kind: "scalar", value: scalar.value, span }, 1);
}

function convertList(walk: Walk, node: YAMLSeq, span: Span, depth: number): Located {
  const items = (node.items as (Node | null)[]).map((item) => {
    complainAboutSwallowed(walk, item);
    return convert(walk, item, depth + 1);
  });
  return sized(walk, { kind: "list", items, span }, 1 + sum(walk, items));
}

/** A deeper `- b` below `- a` is no inner list to YAML but more of the text: `a - b`. */
function complainAboutSwallowed(walk: Walk, item: Node | null): void {
  if (!isScalar(item) || item.type !== "PLAIN" || !item.range) return;
  const [start, end] = item.range;
  const dash = /\n\s*(?=- )/.exec(walk.source.text?.slice(start, end) ?? "");
  if (dash === null) return;
  const at = start + dash.index + dash[0].length;
  complain(
    walk,
    spanOf(walk.source, at, end),
    "this line is indented deeper than the element above it, and reads as more of its text",
    "Indent it as the element above; put the whole text in quotes if it is one.",
  );
}

function convertMap(walk: Walk, node: YAMLMap, span: Span, depth: number): LocatedMap {
  const own = new Map<string, Entry>();
  const merged: LocatedMap[] = [];
  for (const pair of node.items as Pair<Node, Node | null>[]) {
    const key = readKey(walk, pair.key);
    if (!key) continue;
    const value = convert(walk, pair.value, depth + 1);
    const first = own.get(key.name);
    if (first) {
      const line = lineAt(walk.source, first.key.start);
      complain(walk, key.span, `the key ${quote(key.name)} is there twice, first in line ${line}`, "Keep one of them.");
    } else if (key.isMerge) {
      own.set(key.name, { key: key.span, value });
      merged.push(...mergedMaps(walk, key.span, value));
    } else {
      own.set(key.name, { key: key.span, value });
    }
  }
  if (merged.length > 0) own.delete("<<");
  // Of several maps the earlier wins, and the map's own keys over all (yaml.org/type/merge).
  const entries = new Map([...merged.toReversed().flatMap((map) => [...map.entries]), ...own]);
  const map: LocatedMap = { kind: "map", entries, span };
  sized(
    walk,
    map,
    1 +
      sum(
        walk,
        [...entries.values()].map((entry) => entry.value),
      ),
  );
  return map;
}

function readKey(walk: Walk, node: Node | null): { name: string; span: Span; isMerge: boolean } | undefined {
  // A key that is no text has been reported by the parser already.
  if (!isScalar(node) || !node.range) return undefined;
  const span = spanOf(walk.source, node.range[0], node.range[1]);
  const name = typeof node.value === "string" ? node.value : (node.source ?? "");
  if (name === "__proto__") {
    complain(walk, span, 'a key cannot be called "__proto__"');
    return undefined;
  }
  const unseen = node.type === "PLAIN" ? unseenAtEnd(name) : undefined;
  if (unseen !== undefined)
    complain(walk, span, `${unseen} belongs to this key, as it is no plain space`, "Type the spaces of the line anew.");
  return { name, span, isMerge: name === "<<" && node.type === "PLAIN" };
}

function mergedMaps(walk: Walk, key: Span, value: Located): LocatedMap[] {
  const maps = value.kind === "list" ? value.items : [value];
  const good = maps.filter((map): map is LocatedMap => map.kind === "map");
  if (good.length < maps.length || maps.length === 0) {
    complain(
      walk,
      key,
      'the merge key "<<" takes a map or a list of maps',
      'Give it an alias of a map: "<<: *defaults".',
    );
  }
  return good;
}

function convertAlias(walk: Walk, node: Alias, span: Span): Located {
  const target = walk.anchors.get(node.source);
  if (walk.open.has(node.source))
    return complain(walk, span, `the alias *${node.source} stands inside what it refers to`);
  if (!target) {
    const text = `"*${node.source}"`;
    return complain(
      walk,
      span,
      `the alias *${node.source} refers to an anchor &${node.source} that is not above it`,
      `Put it in quotes if it is text: ${text}.`,
    );
  }
  const before = walk.aliased;
  walk.aliased += walk.sizes.get(target) ?? 1;
  if (walk.aliased <= maxAliased) return target;
  if (before > maxAliased) return emptyAt(walk, span);
  return complain(
    walk,
    span,
    `aliases expand to more than ${maxAliased} values`,
    "Write the values out, or keep them in a data file.",
  );
}

function sized(walk: Walk, located: Located, size: number): Located {
  walk.sizes.set(located, size);
  return located;
}

function sum(walk: Walk, values: readonly Located[]): number {
  return values.reduce((total, value) => total + (walk.sizes.get(value) ?? 1), 0);
}

function emptyAt(walk: Walk, span: Span): Located {
  return sized(walk, { kind: "scalar", value: null, span }, 1);
}

function complain(walk: Walk, span: Span, what: string, fix?: string): Located {
  walk.failures.push(inputFailure(what, { where: placeOf(span), ...(fix !== undefined && { fix }) }));
  return emptyAt(walk, span);
}

function complainAbout(walk: Walk, offset: number, what: string, fix: string): void {
  complain(walk, spanOf(walk.source, offset, offset + 3), what, fix);
}

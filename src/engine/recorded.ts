// Actions as they were recorded, made ready to run again: from records and content alone, with no Expfile and no sources.

import { readFileSync } from "node:fs";
import { extname } from "node:path";
import type { SlotFormat } from "../api/slot.ts";
import type { CodeOrder, InputOrder, SlotOrder } from "../backends/executors/executor.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { Artifact, TreeListing } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import { actionKey, type ActionRecord, type InputRecord } from "../planning/fingerprint/action-key.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { PreparedAction } from "./actions.ts";
import { ContentLost } from "./contents.ts";
import type { ResolvedInput, ResolvedInputs } from "./inputs.ts";

export type Content = { readonly path: string } | { readonly text: string };

/** Content by digest, from wherever it still is; undefined where it is nowhere. `path`: where in the project it was, if that is known. */
export type FindContent = (digest: Digest, path?: string) => Content | undefined;

export interface RecordedContext {
  readonly trace: Trace;
  readonly find: FindContent;
  readonly nodeMajor: number;
  /** The file from which declared externals are found. */
  readonly resolveFrom: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The action behind a core key; the error says what is missing. */
export function preparedOfRecord(core: Digest, context: RecordedContext): Result<PreparedAction, string> {
  const record = context.trace.recordOf(core);
  if (record === undefined) return fail("the trace does not hold its record");
  const codeOrder = codeOrderOf(record, context);
  if (!codeOrder.ok) return codeOrder;
  const { secrets = [], resources = {}, timeoutMs, varies } = context.trace.optionsOf(core);
  const secretValues = secrets.flatMap((name) => {
    const value = context.environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return ok({
    record,
    core,
    key: actionKey(core, record.code.kind, context.nodeMajor),
    codeOrder: codeOrder.value,
    codeFiles: [],
    outputs: Object.fromEntries(Object.entries(record.outputs).map(([slot, text]) => [slot, slotOrderOf(text)])),
    environment: Object.fromEntries(
      Object.entries(record.environment).filter((entry): entry is [string, string] => entry[1] !== null),
    ),
    secrets: Object.fromEntries(secretValues),
    // It may do without: answers that were paid for are remembered.
    missingSecrets: [],
    options: { resources, ...(timeoutMs !== undefined && { timeoutMs }), ...(varies !== undefined && { varies }) },
  });
}

function codeOrderOf({ code }: ActionRecord, context: RecordedContext): Result<CodeOrder, string> {
  switch (code.kind) {
    case "module": {
      const bundle = context.find(code.digest);
      if (bundle === undefined || !("path" in bundle)) return fail("its code is not in the archive");
      const { vectorised } = code;
      return ok({ kind: "module", bundle: bundle.path, resolveFrom: context.resolveFrom, vectorised });
    }
    case "command": {
      const files: (readonly [string, string])[] = [];
      for (const [name, digest] of Object.entries(code.files)) {
        const found = context.find(digest, name);
        if (found === undefined || !("path" in found))
          return fail(`its program file ${name} (sha256 ${digest}) is neither there nor in the archive: put it back`);
        files.push([name, found.path]);
      }
      return ok({ kind: "command", argv: code.argv, files });
    }
    case "builtin":
      return fail("there is nothing to run");
  }
}

/** The reverse of how an action's record writes down its output slots. */
export function slotOrderOf(text: string): SlotOrder {
  const [format, ext = "", optional] = text.split(" ");
  return { format: format as SlotFormat, ext, optional: optional === "optional" };
}

export function inputsOfRecord(record: ActionRecord, find: FindContent): ResolvedInputs {
  return Object.fromEntries(Object.entries(record.inputs).map(([slot, input]) => [slot, inputOf(slot, input, find)]));
}

/** The files and trees of an input, those of a list one by one. */
export function contentsOf(record: InputRecord): readonly Extract<InputRecord, { kind: "file" | "tree" }>[] {
  if (record.kind === "list") return record.members.flatMap(contentsOf);
  return record.kind === "absent" ? [] : [record];
}

export function isWhole({ kind, digest }: Extract<InputRecord, { kind: "file" | "tree" }>, find: FindContent): boolean {
  if (find(digest) === undefined) return false;
  return kind === "file" || listingOf("", digest, find).every(([, file]) => find(file) !== undefined);
}

function inputOf(slot: string, record: InputRecord, find: FindContent): ResolvedInput {
  switch (record.kind) {
    case "absent":
      return { record, order: () => ({ kind: "absent" }), size: 0, sources: [] };
    case "file": {
      const format = record.format as SlotFormat;
      const order = (): InputOrder => ({
        kind: "file",
        format,
        ext: record.ext,
        ...contentOf(slot, record.digest, find),
      });
      return { record, order, size: 0, sources: [] };
    }
    case "tree": {
      const listing = () => listingOf(slot, record.digest, find);
      const fileOf = (name: string) => {
        const entry = listing().find(([path]) => path === name);
        if (entry === undefined) return undefined;
        return inputOf(`${slot}/${name}`, { kind: "file", digest: entry[1], ext: extname(name), format: "file" }, find);
      };
      return { record, order: () => treeOrder(slot, listing(), find), size: 0, sources: [], fileOf };
    }
    case "list": {
      const members = record.members.map((member, i) => inputOf(`${slot}[${i}]`, member, find));
      const order = (): InputOrder => ({ kind: "list", members: members.map((member) => member.order()) });
      return { record, order, size: 0, sources: [], members };
    }
  }
}

/** How a recipe is handed what an action made. Throws `ContentLost`. */
export function orderOfArtifact(slot: string, shape: SlotOrder, artifact: Artifact, find: FindContent): InputOrder {
  switch (artifact.kind) {
    case "absent":
      return { kind: "absent" };
    case "file": {
      const { text, blob } = artifact;
      const content = text === undefined ? contentOf(slot, blob.digest, find) : { text };
      return { kind: "file", format: shape.format, ext: shape.ext, ...content };
    }
    case "tree":
      return treeOrder(slot, listingOf(slot, artifact.blob.digest, find), find);
  }
}

function treeOrder(slot: string, listing: TreeListing, find: FindContent): InputOrder {
  const files = listing.map(([name, digest]) => {
    const content = contentOf(`${slot}/${name}`, digest, find);
    // Files of trees are never kept inline.
    if (!("path" in content)) throw new ContentLost(`${slot}/${name}`);
    return [name, content.path] as const;
  });
  return { kind: "tree", files };
}

function contentOf(slot: string, digest: Digest, find: FindContent): Content {
  const found = find(digest);
  if (found === undefined) throw new ContentLost(slot, digest);
  return found;
}

export function listingOf(slot: string, digest: Digest, find: FindContent): TreeListing {
  return JSON.parse(textOf(slot, digest, find)) as TreeListing;
}

/** Throws `ContentLost`. */
export function textOf(slot: string, digest: Digest, find: FindContent): string {
  const content = contentOf(slot, digest, find);
  return "text" in content ? content.text : readFileSync(content.path, "utf8");
}

/** Small outputs are kept inline with results: by digest, for whoever is handed one as an input. */
export function inlineContents(trace: Trace): ReadonlyMap<Digest, string> {
  const texts = new Map<Digest, string>();
  for (const [, { result }] of trace.allResults())
    for (const artifact of Object.values(result.outputs))
      if (
        artifact.kind === "file" &&
        artifact.text !== undefined &&
        digestOfBytes(artifact.text) === artifact.blob.digest
      )
        texts.set(artifact.blob.digest, artifact.text);
  return texts;
}

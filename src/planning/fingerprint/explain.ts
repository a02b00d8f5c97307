// Why two action records have different keys: their differing parts, in the words of the user's files. Pure; the other end of encode.ts.

import type { Json, JsonObject } from "../../model/json.ts";
import type { FileChange, InputContent, Reason } from "../../model/reason.ts";
import type { ActionRecord, InputRecord } from "./action-key.ts";
import { armReasons, controlReasons, labelReasons, type NameOfArm } from "./arm-difference.ts";
import { differencesOf } from "./config-difference.ts";
import { encode } from "./encode.ts";

/** What the user calls things that a record holds without their names. */
export interface Words {
  /** The section of the config. */
  readonly section: string;
  readonly armName: NameOfArm;
}

/** The differences that decided: none if and only if both records have one key. */
export function explain(before: ActionRecord | undefined, after: ActionRecord, words: Words): Reason[] {
  if (before === undefined) return [{ kind: "new" }];
  return [
    ...codeReasons(before, after),
    ...configReasons(before.config, after.config, words),
    ...inputReasons(before.inputs, after.inputs),
    ...(before.items !== after.items ? [{ kind: "items", added: 0, removed: 0, changed: 0 } as const] : []),
    ...(before.version !== after.version
      ? [{ kind: "rule-version", before: before.version, after: after.version } as const]
      : []),
    ...mapReasons(before.environment, after.environment).map(([name, old, now]): Reason => ({
      kind: "environment",
      name,
      before: old ?? undefined,
      after: now ?? undefined,
    })),
    ...mapReasons(before.tools, after.tools).map(([name, old, now]): Reason => ({
      kind: "tool",
      name,
      before: old,
      after: now,
    })),
    ...(encode(before.outputs) !== encode(after.outputs)
      ? [{ kind: "outputs", before: slotList(before), after: slotList(after) } as const]
      : []),
  ];
}

function codeReasons(before: ActionRecord, after: ActionRecord): Reason[] {
  const [old, now] = [before.code, after.code];
  if (now.kind === "module") {
    const reasons: Reason[] = mapReasons(old.kind === "module" ? old.externals : {}, now.externals).map(
      ([name, was, is]) => ({ kind: "tool", name, before: was, after: is }),
    );
    const oldDigest = old.kind === "module" ? old.digest : undefined;
    if (oldDigest !== now.digest) reasons.unshift({ kind: "code", before: oldDigest, after: now.digest, changes: [] });
    if (old.kind === "module" && old.vectorised !== now.vectorised)
      reasons.push({ kind: "vectorised", before: old.vectorised, after: now.vectorised });
    return reasons;
  }
  if (now.kind === "command") {
    const oldFiles = old.kind === "command" ? old.files : {};
    const oldArgv = old.kind === "command" ? old.argv : [];
    const files = mapReasons(oldFiles, now.files).map(([file, was, is]): Reason => {
      const change = was === undefined ? "added" : is === undefined ? "removed" : "changed";
      return {
        kind: "code",
        before: was,
        after: is ?? was!,
        changes: [{ change, file, name: "file", lines: undefined }],
      };
    });
    return encode(oldArgv) === encode(now.argv)
      ? files
      : [{ kind: "command", before: oldArgv, after: now.argv }, ...files];
  }
  return [];
}

function configReasons(before: JsonObject, after: JsonObject, { section, armName }: Words): Reason[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return fields.flatMap((field): Reason[] => {
    const [was, is] = [before[field], after[field]];
    if (was !== undefined && is !== undefined && encode(was) === encode(is)) return [];
    switch (field) {
      case "config":
        return differencesOf(was ?? {}, is ?? {}, [section]);
      case "arms":
        return armReasons(was, is, armName);
      case "labels":
        // Which arms there are is told once.
        return labelReasons(was, is).filter(({ kind }) => kind !== "members" || !hasOtherArms(before, after));
      case "control":
        return controlReasons(was, is, armName);
      default:
        return differencesOf(was, is, [field]);
    }
  });
}

function hasOtherArms(before: JsonObject, after: JsonObject): boolean {
  return encode(before.arms ?? null) !== encode(after.arms ?? null);
}

/** The inputs of an action, or of an item, that differ. */
export function inputReasons(before: ActionRecord["inputs"], after: ActionRecord["inputs"]): Reason[] {
  const slots = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return slots.flatMap((slot): Reason[] => {
    const [was, is] = [before[slot], after[slot]];
    if (was !== undefined && is !== undefined && encode(was) === encode(is)) return [];
    return [differingInput(slot, was, is)];
  });
}

function differingInput(slot: string, was: InputRecord | undefined, is: InputRecord | undefined): Reason {
  const [before, after] = [contentOf(was), contentOf(is)];
  if (was?.kind === "list" && is?.kind === "list") {
    const files = differingFiles(filesOf(was, ""), filesOf(is, ""));
    const [only] = files;
    // One file in the place of another is named by its place: `parts[1]`.
    if (files.length === 1 && only?.change === "changed")
      return { kind: "input", slot: `${slot}${only.file}`, before: only.before, after: only.after };
    return { kind: "input", slot, before, after, files };
  }
  if (was?.kind === "file" && is?.kind === "file" && was.digest === is.digest) {
    const readAs = ({ format, ext }: typeof was) => `${format}${ext === "" ? "" : ` ${ext}`}`;
    return {
      kind: "input",
      slot,
      before: { ...before!, readAs: readAs(was) },
      after: { ...after!, readAs: readAs(is) },
    };
  }
  return { kind: "input", slot, before, after };
}

interface PlacedFile {
  /** `[2]`, `[0][1]`. */
  readonly place: string;
  /** Of two equal files one is as good as the other. */
  readonly text: string;
  readonly content: InputContent | undefined;
}

function filesOf(record: InputRecord, place: string): PlacedFile[] {
  return record.kind === "list"
    ? record.members.flatMap((member, i) => filesOf(member, `${place}[${i}]`))
    : [{ place, text: encode(record), content: contentOf(record) }];
}

/** Place by place where nothing was put in or taken out; else by content, so that what only moved up is not called changed. */
function differingFiles(old: readonly PlacedFile[], now: readonly PlacedFile[]): FileChange[] {
  const removed = without(old, now);
  const added = without(now, old);
  const places = (files: readonly PlacedFile[]) => files.map(({ place }) => place).join();
  const inPlace = places(old) === places(now) && places(removed) === places(added) && removed.length === added.length;
  if (inPlace)
    return removed.map(({ place, content }, i) => ({
      change: "changed",
      file: place,
      before: content,
      after: added[i]!.content,
    }));
  return [
    ...removed.map(({ place, content }) => ({ change: "removed" as const, file: place, before: content })),
    ...added.map(({ place, content }) => ({ change: "added" as const, file: place, after: content })),
  ];
}

function without(files: readonly PlacedFile[], others: readonly PlacedFile[]): PlacedFile[] {
  const left = new Map<string, number>();
  for (const { text } of others) left.set(text, (left.get(text) ?? 0) + 1);
  return files.filter(({ text }) => {
    const count = left.get(text) ?? 0;
    if (count > 0) left.set(text, count - 1);
    return count === 0;
  });
}

function contentOf(record: InputRecord | undefined): InputContent | undefined {
  if (record === undefined || record.kind === "absent") return undefined;
  if (record.kind === "list") return { digest: undefined, files: filesOf(record, "").length };
  return { digest: record.digest };
}

function mapReasons<T extends Json>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
): (readonly [name: string, before: T | undefined, after: T | undefined])[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort()
    .filter((name) => before[name] !== after[name])
    .map((name) => [name, before[name], after[name]] as const);
}

function slotList(record: ActionRecord): string[] {
  return Object.entries(record.outputs).map(([slot, shape]) => `${slot} (${shape})`);
}

// Why two action records have different keys: their differing parts, in the words of the user's files. Pure; the other end of encode.ts.

import type { Json } from "../../model/json.ts";
import type { InputContent, Reason } from "../../model/reason.ts";
import type { ActionRecord, InputRecord } from "./action-key.ts";
import { encode, leavesOf } from "./encode.ts";

/** The differences that decided. `section` is the config section, for paths as the user knows them. */
export function explain(before: ActionRecord | undefined, after: ActionRecord, section: string): Reason[] {
  if (before === undefined) return [{ kind: "new" }];
  return [
    ...codeReasons(before, after),
    ...configReasons(before, after, section),
    ...inputReasons(before, after),
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

function configReasons(before: ActionRecord, after: ActionRecord, section: string): Reason[] {
  const [old, now] = [leavesOf(before.config), leavesOf(after.config)];
  const paths = [...new Set([...old.keys(), ...now.keys()])];
  return paths.flatMap((path): Reason[] => {
    const [was, is] = [old.get(path), now.get(path)];
    if (was !== undefined && is !== undefined && encode(was) === encode(is)) return [];
    return [{ kind: "config", path: path.replace(/^config\b/, section), before: was, after: is }];
  });
}

function inputReasons(before: ActionRecord, after: ActionRecord): Reason[] {
  const slots = [...new Set([...Object.keys(before.inputs), ...Object.keys(after.inputs)])];
  return slots.flatMap((slot): Reason[] => {
    const [was, is] = [before.inputs[slot], after.inputs[slot]];
    if (was !== undefined && is !== undefined && encode(was) === encode(is)) return [];
    return differingFiles(slot, was, is);
  });
}

/** Lists are compared member by member, so that one changed file of many is named by its number. */
function differingFiles(slot: string, was: InputRecord | undefined, is: InputRecord | undefined): Reason[] {
  if (was?.kind === "list" && is?.kind === "list" && was.members.length === is.members.length) {
    return was.members.flatMap((member, i) => {
      const now = is.members[i]!;
      return encode(member) === encode(now) ? [] : differingFiles(`${slot}[${i}]`, member, now);
    });
  }
  return [{ kind: "input", slot, before: contentOf(was), after: contentOf(is) }];
}

function contentOf(record: InputRecord | undefined): InputContent | undefined {
  if (record === undefined || record.kind === "absent") return undefined;
  if (record.kind === "list") return { digest: undefined, files: record.members.length };
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

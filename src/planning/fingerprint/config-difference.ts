// How two values of a config differ, at the level at which people write them: a field, a member of a map, a named member of a list.

import type { Json, JsonObject } from "../../model/json.ts";
import type { Member, Reason } from "../../model/reason.ts";
import { formatPath, type Path } from "../config/located.ts";
import { encode } from "./encode.ts";

/** What tells the members of a list apart, where all of them have it and no two share it. */
const identities = ["name", "id", "label", "key", "path", "file"] as const;

/** A list of plain values up to this length is shown whole when none was added or removed. */
const shortList = 8;

export function differencesOf(before: Json | undefined, after: Json | undefined, path: Path): Reason[] {
  if (isSame(before, after)) return [];
  if (isObject(before) && isObject(after)) return ofMaps(before, after, path);
  if (isList(before) && isList(after)) return ofLists(before, after, path);
  return [{ kind: "config", path: formatPath(path), before, after }];
}

/** Fields that come and go are fields; what comes and goes as a map or list of its own is a member. */
function ofMaps(before: JsonObject, after: JsonObject, path: Path): Reason[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const added = names.filter((name) => before[name] === undefined && isNested(after[name]));
  const removed = names.filter((name) => after[name] === undefined && isNested(before[name]));
  const others = names.filter((name) => !added.includes(name) && !removed.includes(name));
  const member = (from: JsonObject) => (name: string) => ({ name, value: from[name]! });
  return [
    ...membersReason(path, added.map(member(after)), removed.map(member(before))),
    ...others.flatMap((name) => differencesOf(before[name], after[name], [...path, name])),
  ];
}

function ofLists(before: readonly Json[], after: readonly Json[], path: Path): Reason[] {
  const whole: Reason = { kind: "config", path: formatPath(path), before, after };
  const identity = identities.find((key) => tellsApart(before, key) && tellsApart(after, key));
  if (identity !== undefined)
    return ofNamed(before as readonly JsonObject[], after as readonly JsonObject[], identity, path);
  if (before.length === after.length) {
    const isPlain = [...before, ...after].every((value) => !isNested(value));
    if (isPlain && before.length <= shortList) return [whole];
    const reasons = before.flatMap((value, i) => differencesOf(value, after[i], [...path, i]));
    return isPlain && reasons.length > 1 ? [whole] : reasons;
  }
  const [removed, added] = [without(before, after), without(after, before)];
  // What is in both must stand in the same order, or more has changed than a sum of members says.
  const kept = (list: readonly Json[], gone: readonly Json[]) => encode(without(list, gone));
  if (kept(before, removed) !== kept(after, added)) return [whole];
  return membersReason(
    path,
    added.map((value) => ({ value })),
    removed.map((value) => ({ value })),
  );
}

function ofNamed(before: readonly JsonObject[], after: readonly JsonObject[], identity: string, path: Path): Reason[] {
  const nameOf = (one: JsonObject) => `${one[identity] as string | number}`;
  const byName = (list: readonly JsonObject[]) => new Map(list.map((one) => [nameOf(one), one]));
  const [old, now] = [byName(before), byName(after)];
  const added = after.filter((one) => !old.has(nameOf(one)));
  const removed = before.filter((one) => !now.has(nameOf(one)));
  const [gone, come] = [removed[0], added[0]];
  if (gone !== undefined && come !== undefined && removed.length + added.length === 2) {
    // Of one that is as it was but for its name, only the name is new.
    const renamed = { ...come, [identity]: gone[identity]! };
    if (isSame(renamed, gone)) return differencesOf(gone[identity], come[identity], [...path, nameOf(gone), identity]);
  }
  const member = (one: JsonObject): Member => ({ name: nameOf(one), value: one });
  const reasons = [
    ...membersReason(path, added.map(member), removed.map(member)),
    ...after.flatMap((one) => {
      const was = old.get(nameOf(one));
      return was === undefined ? [] : differencesOf(was, one, [...path, nameOf(one)]);
    }),
  ];
  return reasons.length > 0 ? reasons : [orderReason(before.map(nameOf), after.map(nameOf), path)];
}

function orderReason(before: readonly string[], after: readonly string[], path: Path): Reason {
  return { kind: "config", path: `${formatPath(path)} (order)`, before, after };
}

function membersReason(path: Path, added: readonly Member[], removed: readonly Member[]): Reason[] {
  return added.length + removed.length === 0 ? [] : [{ kind: "members", path: formatPath(path), added, removed }];
}

/** The field by which the members of a list are told apart, if they have one. */
export function identityOf(list: readonly Json[]): string | undefined {
  return identities.find((key) => tellsApart(list, key));
}

function tellsApart(list: readonly Json[], key: string): boolean {
  const values = list.map((one) => (isObject(one) ? one[key] : undefined));
  if (!values.every((value) => typeof value === "string" || typeof value === "number")) return false;
  return new Set(values).size === list.length;
}

/** The members of `list` that are not in `other`, each as often as it is there more often. */
function without(list: readonly Json[], other: readonly Json[]): readonly Json[] {
  const left = new Map<string, number>();
  for (const value of other) left.set(encode(value), (left.get(encode(value)) ?? 0) + 1);
  return list.filter((value) => {
    const count = left.get(encode(value)) ?? 0;
    if (count > 0) left.set(encode(value), count - 1);
    return count === 0;
  });
}

function isSame(before: Json | undefined, after: Json | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return encode(before) === encode(after);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isNested(value: Json | undefined): boolean {
  return typeof value === "object" && value !== null;
}

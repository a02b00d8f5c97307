// `extends`: maps merge deeply, everything else is replaced by what comes later; null replaces too.

import type { Entry, LocatedMap } from "./located.ts";

/** `over` wins; its keys' places too. Keys of `under` keep their position, new ones follow. */
export function mergeMaps(under: LocatedMap, over: LocatedMap): LocatedMap {
  const entries = new Map(under.entries);
  for (const [name, entry] of over.entries) entries.set(name, mergeEntry(entries.get(name), entry));
  return { kind: "map", entries, span: over.span };
}

function mergeEntry(under: Entry | undefined, over: Entry): Entry {
  if (under?.value.kind !== "map" || over.value.kind !== "map") return over;
  return { key: over.key, value: mergeMaps(under.value, over.value) };
}

export function withoutKeys(map: LocatedMap, names: readonly string[]): LocatedMap {
  return { ...map, entries: new Map([...map.entries].filter(([name]) => !names.includes(name))) };
}

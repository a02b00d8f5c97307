// How the arms of two records differ. A record knows arms by the digests of their settings; people know them by their names.

import type { Json } from "../../model/json.ts";
import type { Member, Reason } from "../../model/reason.ts";
import { formatPath } from "../config/located.ts";
import { differencesOf } from "./config-difference.ts";

/** The name of an arm by its id: today's, or the last that it had. Undefined: not known any more. */
export type NameOfArm = (id: string) => string | undefined;

interface Arm {
  readonly id: string;
  readonly settings: Json;
}
interface Label {
  readonly id: string;
  readonly name: string;
}

/** An arm that keeps its name has other settings; the others were added or removed. */
export function armReasons(before: Json | undefined, after: Json | undefined, nameOf: NameOfArm): Reason[] {
  const [old, now] = [listOf<Arm>(before), listOf<Arm>(after)];
  const removed = old.filter(({ id }) => !now.some((arm) => arm.id === id));
  const added = now.filter(({ id }) => !old.some((arm) => arm.id === id));
  const changed = removed.flatMap((was) => {
    const name = nameOf(was.id);
    const is = name === undefined ? undefined : added.find(({ id }) => nameOf(id) === name);
    return is === undefined ? [] : [{ was, is, name: name! }];
  });
  const member = ({ id, settings }: Arm): Member => {
    const name = nameOf(id);
    return name === undefined ? { value: settings } : { name, value: settings };
  };
  return [
    ...arms(
      added.filter((arm) => !changed.some(({ is }) => is === arm)).map(member),
      removed.filter((arm) => !changed.some(({ was }) => was === arm)).map(member),
    ),
    ...changed.flatMap(({ was, is, name }) => differencesOf(was.settings, is.settings, ["arms", name])),
  ];
}

export function labelReasons(before: Json | undefined, after: Json | undefined): Reason[] {
  const [old, now] = [listOf<Label>(before), listOf<Label>(after)];
  const removed = old.filter(({ name }) => !now.some((label) => label.name === name));
  const added = now.filter(({ name }) => !old.some((label) => label.name === name));
  const renamed = removed.flatMap((was) => {
    const is = added.find(({ id }) => id === was.id);
    return is === undefined ? [] : [{ was, is }];
  });
  const member = ({ id, name }: Label): Member => ({ name, value: id });
  const reasons: Reason[] = [
    ...arms(
      added.filter((label) => !renamed.some(({ is }) => is === label)).map(member),
      removed.filter((label) => !renamed.some(({ was }) => was === label)).map(member),
    ),
    ...renamed.map(({ was, is }): Reason => ({ kind: "arm-name", before: was.name, after: is.name })),
    // Other settings under the same name: to who reads labels only, another id.
    ...now.flatMap((is): Reason[] => {
      const was = old.find(({ name }) => name === is.name);
      if (was === undefined || was.id === is.id) return [];
      const path = `${formatPath(["arms", is.name])} (id of its settings)`;
      return [{ kind: "config", path, before: was.id, after: is.id }];
    }),
  ];
  if (reasons.length > 0) return reasons;
  return [{ kind: "config", path: "arms (order)", before: old.map(nameOfLabel), after: now.map(nameOfLabel) }];
}

export function controlReasons(before: Json | undefined, after: Json | undefined, nameOf: NameOfArm): Reason[] {
  const name = (id: Json | undefined) => (typeof id === "string" ? (nameOf(id) ?? id) : (id ?? undefined));
  const [was, is] = [name(before), name(after)];
  // The same arm by its name, with other settings.
  return was === is ? differencesOf(before, after, ["control"]) : differencesOf(was, is, ["control"]);
}

function arms(added: readonly Member[], removed: readonly Member[]): Reason[] {
  return added.length + removed.length === 0 ? [] : [{ kind: "members", path: "arms", added, removed }];
}

function nameOfLabel({ name }: Label): string {
  return name;
}

function listOf<T>(value: Json | undefined): readonly T[] {
  return (value ?? []) as unknown as readonly T[];
}

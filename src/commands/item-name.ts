// An item as it is named on the command line: `generate[3]`, `generate[base/seed=1]`, an output of it `generate[3].value`. Which item that is, and
// which was meant where there is none.

import { itemName, type Item } from "../engine/fan-out.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { formatCount } from "../report/amounts.ts";
import { suggest } from "../util/suggest.ts";

export interface NamedItem {
  readonly target: string;
  readonly item: string;
  readonly output: string | undefined;
}

type Named = Pick<Item, "label" | "index">;

/** Among more names than these, none is looked for that is like the one that was asked for. */
const mostCompared = 20_000;

/** Undefined where no item is named. */
export function readItemName(word: string): NamedItem | undefined {
  const match = /^([^[\]/.]+)\[(.*)\](?:\.([^[\]]*))?$/.exec(word);
  return match === null ? undefined : { target: match[1]!, item: match[2]!, output: match[3] };
}

/** By label, or by number. */
export function findItem<T extends Named>(items: readonly T[], word: string): T | undefined {
  const named = items.find((item) => itemName(item) === word);
  return named ?? (/^\d+$/.test(word) ? items.find(({ index }) => index === Number(word)) : undefined);
}

/**
 * `last-split`: the split has to run again, and may then give other items. `ended`: what is known are the items that have ended, of a fan-out that
 * has not.
 */
export type KnownItems = "all" | "last-split" | "ended";

export function noSuchItem(target: string, word: string, items: readonly Named[], are: KnownItems = "all"): Failure {
  const names = items.slice(0, mostCompared).map(itemName);
  const near = suggest(word, names) ?? nearestByParts(word, names);
  const [first, last] = [items[0], items.at(-1)];
  const count = formatCount(items.length);
  const span = first === undefined ? "" : `, from ${itemName(first)} to ${itemName(last!)}`;
  const range = first === undefined ? "none" : `${count}${span}`;
  const { what, all } = {
    all: { what: `${target} has no item "${word}"`, all: `It has ${range}.` },
    "last-split": {
      what: `${target} had no item "${word}" when it was last built; those to come are not known before its split has run`,
      all: `It had ${range}.`,
    },
    ended: {
      what: `${target} has not come to its end, and no item "${word}" of it has a result`,
      all: `${count} have${span}.`,
    },
  }[are];
  return inputFailure(what, { fix: near === undefined ? all : `Did you mean "${target}[${near}]"?` });
}

/** Labels are long, and people remember a piece of them. */
function nearestByParts(word: string, names: readonly string[]): string | undefined {
  return word === "" ? undefined : names.find((name) => name.toLowerCase().includes(word.toLowerCase()));
}

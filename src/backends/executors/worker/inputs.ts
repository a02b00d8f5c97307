// Input handles of a recipe: neutral paths in the action's own folder, made when they are asked for.

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasCode } from "../../../util/fs.ts";
import { parseYaml } from "./yaml.ts";
import type { InputOrder, InputOrders } from "../executor.ts";

/** Handles remember where they came from, so that `split` can hand them on by name. */
export const origin = Symbol("origin");
export interface Origin {
  readonly slot: string;
  readonly index?: readonly number[];
}

export function inputHandles(orders: InputOrders, folder: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(orders).map(([slot, order]) => [slot, handleOf(order, join(folder, "in", slot), { slot })]),
  );
}

function handleOf(order: InputOrder, place: string, from: Origin): unknown {
  switch (order.kind) {
    case "absent":
      return undefined;
    case "list":
      return order.members.map((member, i) =>
        handleOf(member, join(place, String(i).padStart(4, "0")), {
          slot: from.slot,
          index: [...(from.index ?? []), i],
        }),
      );
    case "file":
      return new FileHandle(order, place + order.ext, from);
    case "tree":
      return new TreeHandle(order.files, place, from);
  }
}

/** Makes every input's file, for programs, which find them by path. */
export function placeInputs(orders: InputOrders, folder: string): Record<string, string | string[]> {
  const handles = Object.entries(inputHandles(orders, folder)).filter(([, handle]) => handle !== undefined);
  return Object.fromEntries(
    handles.map(([slot, handle]) => {
      const paths = (Array.isArray(handle) ? handle.flat() : [handle]).map(
        (one) => (one as FileHandle | TreeHandle).path,
      );
      return [slot, Array.isArray(handle) ? paths : paths[0]!];
    }),
  );
}

class FileHandle {
  readonly ext: string;
  readonly [origin]: Origin;
  readonly #order: Extract<InputOrder, { kind: "file" }>;
  readonly #place: string;
  #placed = false;

  constructor(order: Extract<InputOrder, { kind: "file" }>, place: string, from: Origin) {
    this.#order = order;
    this.#place = place;
    this.ext = order.ext;
    this[origin] = from;
  }

  get path(): string {
    if (!this.#placed) {
      mkdirSync(dirname(this.#place), { recursive: true });
      if (!existsSync(this.#place)) {
        if (this.#order.path !== undefined) symlinkSync(this.#order.path, this.#place);
        else writeFileSync(this.#place, this.#order.text ?? "");
      }
      this.#placed = true;
    }
    return this.#place;
  }

  async read(): Promise<unknown> {
    const text = this.#order.text ?? readFileSync(this.#order.path!, "utf8");
    switch (this.#order.format) {
      case "json":
        return JSON.parse(text);
      case "yaml":
        return parseYaml(text);
      default:
        return text;
    }
  }
}

class TreeHandle {
  readonly [origin]: Origin;
  /** By name: a recipe that asks for each of a hundred thousand files must not cost their square. */
  readonly #files: ReadonlyMap<string, string>;
  readonly #place: string;
  #placed = false;

  constructor(files: readonly (readonly [name: string, path: string])[], place: string, from: Origin) {
    this.#files = new Map(files);
    this.#place = place;
    this[origin] = from;
  }

  get path(): string {
    if (!this.#placed) {
      mkdirSync(this.#place, { recursive: true });
      const made = new Set<string>();
      for (const [name, path] of this.#files) {
        const place = join(this.#place, name);
        const folder = dirname(place);
        if (!made.has(folder)) mkdirSync(folder, { recursive: true });
        made.add(folder);
        linkOnce(path, place);
      }
      this.#placed = true;
    }
    return this.#place;
  }

  files(): readonly string[] {
    return [...this.#files.keys()];
  }

  file(name: string): string {
    if (!this.#files.has(name)) throw new Error(`the tree has no file "${name}"; it has ${this.#files.size} files`);
    return join(this.path, name);
  }
}

/** Another handle of the same order may have made it. */
function linkOnce(to: string, place: string): void {
  try {
    symlinkSync(to, place);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

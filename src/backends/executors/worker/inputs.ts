// Input handles of a recipe: neutral paths in the action's own folder, made when they are asked for.

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
  readonly #files: readonly (readonly [name: string, path: string])[];
  readonly #place: string;
  #placed = false;

  constructor(files: readonly (readonly [name: string, path: string])[], place: string, from: Origin) {
    this.#files = files;
    this.#place = place;
    this[origin] = from;
  }

  get path(): string {
    if (!this.#placed) {
      mkdirSync(this.#place, { recursive: true });
      for (const [name, path] of this.#files) {
        const place = join(this.#place, name);
        mkdirSync(dirname(place), { recursive: true });
        if (!existsSync(place)) symlinkSync(path, place);
      }
      this.#placed = true;
    }
    return this.#place;
  }

  files(): readonly string[] {
    return this.#files.map(([name]) => name);
  }

  file(name: string): string {
    if (!this.#files.some(([known]) => known === name))
      throw new Error(`the tree has no file "${name}"; it has ${this.#files.length} files`);
    return join(this.path, name);
  }
}

// Output handles of a recipe, and taking what it wrote into the store.

import { lstatSync, mkdirSync, realpathSync, rmSync, statSync, type Stats } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { inlineBytes, type Artifact, type Artifacts, type TreeListing } from "../../../model/action.ts";
import { digestOfBytes } from "../../../model/digest.ts";
import { listTree } from "../../../util/fs.ts";
import type { BlobStore } from "../../store/store.ts";
import type { SlotOrder } from "../executor.ts";
import { printYaml } from "./yaml.ts";

/** What the recipe did wrong with its outputs; worded for its author. */
export class OutputError extends Error {}

export class Outputs {
  readonly handles: Record<string, unknown>;
  readonly #slots: Readonly<Record<string, SlotOrder>>;
  readonly #folder: string;
  readonly #written = new Map<string, string>();

  /** Nothing is made on disk until a handle's path is asked for. */
  constructor(slots: Readonly<Record<string, SlotOrder>>, folder: string) {
    this.#slots = slots;
    this.#folder = join(folder, "out");
    this.handles = Object.fromEntries(Object.entries(slots).map(([slot, order]) => [slot, this.#handle(slot, order)]));
  }

  pathOf(slot: string): string {
    mkdirSync(this.#folder, { recursive: true });
    return join(this.#folder, slot + this.#slots[slot]!.ext);
  }

  /** Takes every output into the store. */
  async collect(store: BlobStore): Promise<Artifacts> {
    const artifacts: Record<string, Artifact> = {};
    for (const [slot, order] of Object.entries(this.#slots)) artifacts[slot] = await this.#take(slot, order, store);
    return artifacts;
  }

  #handle(slot: string, order: SlotOrder): unknown {
    const pathOf = () => this.pathOf(slot);
    if (order.format === "tree") {
      return {
        get path() {
          const path = pathOf();
          mkdirSync(path, { recursive: true });
          return path;
        },
        file(name: string) {
          const path = join(pathOf(), name);
          if (!path.startsWith(pathOf() + sep))
            throw new OutputError(`output "${slot}": the file name "${name}" leads outside of the tree`);
          mkdirSync(dirname(path), { recursive: true });
          return path;
        },
      };
    }
    return {
      get path() {
        return pathOf();
      },
      write: async (value: unknown) => {
        const text = textOf(slot, order, value);
        if (Buffer.byteLength(text) <= inlineBytes) this.#written.set(slot, text);
        else {
          this.#written.delete(slot);
          await writeFile(pathOf(), text);
        }
      },
    };
  }

  async #take(slot: string, order: SlotOrder, store: BlobStore): Promise<Artifact> {
    const text = this.#written.get(slot);
    if (text !== undefined)
      return { kind: "file", blob: { digest: digestOfBytes(text), size: Buffer.byteLength(text) }, text };
    const path = join(this.#folder, slot + order.ext);
    // Not through links: one in place of the tree would have files outside moved into the store.
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      if (order.optional) return { kind: "absent" };
      throw new OutputError(
        `output "${slot}" was not written. Write it to \`outputs.${slot}.path\`, or declare it \`optional(…)\``,
      );
    }
    if (order.format === "tree" && !stat.isSymbolicLink()) return this.#takeTree(slot, path, store);
    // A link would be stored as whatever it points to, perhaps an input, perhaps a file outside: only real files are outputs.
    if (!stat.isFile())
      throw new OutputError(
        `output "${slot}" is ${stat.isSymbolicLink() ? "a symbolic link" : "not a plain file"}; write a plain file`,
      );
    return { kind: "file", blob: store.putFile(path, { move: isOnlyName(stat) }) };
  }

  async #takeTree(slot: string, path: string, store: BlobStore): Promise<Artifact> {
    if (!statSync(path).isDirectory())
      throw new OutputError(`output "${slot}" is a tree, but a file was written in its place`);
    const root = realpathSync(path);
    const listing: TreeListing = listTree(path).map((name) => {
      const file = join(root, name);
      const stat = lstatSync(file);
      if (!stat.isFile()) throw new OutputError(`output "${slot}" holds "${name}", which is not a plain file`);
      const blob = store.putFile(file, { move: isOnlyName(stat), durable: false });
      return [name, blob.digest, blob.size] as const;
    });
    await store.sync(listing.map(([, digest]) => digest));
    rmSync(path, { recursive: true, force: true });
    const size = listing.reduce((sum, [, , bytes]) => sum + bytes, 0);
    return {
      kind: "tree",
      blob: store.putBytes(JSON.stringify(listing), { durable: true }),
      files: listing.length,
      size,
    };
  }
}

/** A file with a second name (a hard link to an input, say) is copied: whoever wrote to the other name would damage the blob. */
function isOnlyName(stat: Stats): boolean {
  return stat.nlink === 1;
}

function textOf(slot: string, order: SlotOrder, value: unknown): string {
  switch (order.format) {
    case "json":
      return jsonText(slot, value);
    case "yaml":
      jsonText(slot, value);
      return printYaml(value);
    case "text":
      if (typeof value !== "string") throw new OutputError(`output "${slot}" is text, but was given a ${typeof value}`);
      return value;
    case "table":
      throw new OutputError(
        `output "${slot}" is a table: write it with \`writeTable(outputs.${slot}, columns, rows)\` from "expfile/table"`,
      );
    case "file":
    case "tree":
      throw new OutputError(`output "${slot}" has no \`write\`: write to \`outputs.${slot}.path\``);
  }
}

/** JSON, two spaces. What JSON would turn into something else in silence (NaN into null) is an error that names the place. */
function jsonText(slot: string, value: unknown): string {
  const text = JSON.stringify(
    value,
    function (this: unknown, key: string, inner: unknown) {
      if (typeof inner === "number" && !Number.isFinite(inner))
        throw new OutputError(
          `output "${slot}" holds ${inner} at "${key}", which JSON cannot say; write null or leave it out`,
        );
      if (typeof inner === "bigint" || typeof inner === "function" || typeof inner === "symbol")
        throw new OutputError(`output "${slot}" holds a ${typeof inner} at "${key}", which JSON cannot say`);
      return inner;
    },
    2,
  ) as string | undefined;
  if (text === undefined) throw new OutputError(`output "${slot}" was given undefined`);
  return text + "\n";
}

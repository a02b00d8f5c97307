// Runs the recipes of the peptide rules without the engine: handles on plain files, a split, its items and a merge one
// after another. What it leaves out on purpose: keys, caches, workers, bundles.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, relative } from "node:path";
import { afterAll } from "vitest";
import type { FileIn, ItemRequest, Slot } from "expfile";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "peptides-"));
  folders.push(folder);
  return folder;
}

/** Files by name, in an empty folder. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = emptyFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** A file or tree as recipes see it, to read and to write. */
export class Handle implements FileIn {
  readonly path: string;
  readonly ext: string;

  constructor(path: string) {
    this.path = path;
    this.ext = extname(path);
  }

  // A recipe writes and reads only what its contract says; here every handle can do everything.
  async read(): Promise<never> {
    const text = readFileSync(this.path, "utf8");
    return (this.ext === ".json" ? JSON.parse(text) : text) as never;
  }

  async write(value: unknown): Promise<void> {
    writeFileSync(this.path, typeof value === "string" ? value : `${JSON.stringify(value, null, 2)}\n`);
  }

  files(): string[] {
    const entries = readdirSync(this.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return entries.map((entry) => relative(this.path, join(entry.parentPath, entry.name))).sort();
  }

  file(name: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }

  bytes(): Buffer {
    return readFileSync(this.path);
  }
}

export type Handles<K extends string = string> = Readonly<Record<K, Handle>>;

/** A handle for each output slot of a contract, in a folder of its own. */
export function outputsOf<const S extends Readonly<Record<string, Slot>>>(slots: S): Handles<keyof S & string> {
  const folder = emptyFolder();
  const handles = Object.entries(slots).map(([name, { format, ext }]) => {
    const path = join(folder, name + ext);
    if (format === "tree") mkdirSync(path);
    return [name, new Handle(path)] as const;
  });
  return Object.fromEntries(handles) as Handles<keyof S & string>;
}

/** The parts of a context that no recipe here depends on. */
export const runtime = {
  log: () => undefined,
  signal: new AbortController().signal,
  scratch: "",
  attempt: 1,
  call: () => Promise.reject(new Error("no recipe here pays for calls")),
};

type Work = (context: never) => unknown;
type ItemWork = Work | { readonly setup?: Work; readonly run: Work };
type Request = ItemRequest<never> & { readonly item: unknown; readonly settings?: unknown };

/** What a recipe is told: `config`, and of the experiment what it reads. */
export interface Told {
  readonly config: unknown;
  readonly [field: string]: unknown;
}

export async function runRecipe(recipe: Work, context: object): Promise<unknown> {
  return recipe({ ...runtime, ...context } as never);
}

export interface Item {
  readonly recipe: string;
  readonly settings: unknown;
  readonly item: unknown;
  readonly outputs: Handles;
}

/** One item: its setup and its run. */
export async function runItem(
  recipe: ItemWork,
  context: { readonly config?: unknown; readonly item: unknown; readonly settings?: unknown; readonly inputs?: object },
  slots: Readonly<Record<string, Slot>>,
): Promise<Handles> {
  const outputs = outputsOf(slots);
  const { setup, run } = typeof recipe === "function" ? { setup: undefined, run: recipe } : recipe;
  const made = setup && (await setup(context as never));
  await run({ ...runtime, ...context, outputs, setup: made } as never);
  return outputs;
}

/** A whole fan-out; every part is told everything. Items of equal settings and inputs share a setup. */
export async function runFanOut<const S extends Readonly<Record<string, Slot>>>(
  contract: { readonly outputs: S; readonly items: { readonly outputs: Readonly<Record<string, Slot>> } },
  parts: { readonly split: Work; readonly recipes: Readonly<Record<string, ItemWork>>; readonly merge: Work },
  told: Told,
  inputs: object,
): Promise<{ readonly outputs: Handles<keyof S & string>; readonly items: readonly Item[] }> {
  const requests = (await runRecipe(parts.split, { ...told, inputs })) as readonly Request[];
  const setups = new Map<string, Promise<unknown>>();
  const items: Item[] = [];
  for (const { recipe: name = Object.keys(parts.recipes)[0]!, settings, item, inputs: wanted } of requests) {
    const recipe = parts.recipes[name]!;
    const given = itemInputs(wanted ?? {});
    const context = { ...told, settings, item, inputs: given };
    const { setup, run } = typeof recipe === "function" ? { setup: undefined, run: recipe } : recipe;
    const key = JSON.stringify([name, settings, Object.values(given).map(({ path }) => path)]);
    if (setup !== undefined && !setups.has(key)) setups.set(key, Promise.resolve(setup(context as never)));
    const outputs = outputsOf(contract.items.outputs);
    await run({ ...runtime, ...context, outputs, setup: await setups.get(key) } as never);
    items.push({ recipe: name, settings, item, outputs });
  }
  const outputs = outputsOf(contract.outputs);
  await runRecipe(parts.merge, { ...told, inputs, items, outputs });
  return { outputs, items };
}

function itemInputs(wanted: object): Handles {
  const handles = Object.entries(wanted as Record<string, FileIn | { tree: Handle; file: string }>).map(
    ([slot, from]) => [slot, new Handle("tree" in from ? from.tree.file(from.file) : from.path)] as const,
  );
  return Object.fromEntries(handles);
}

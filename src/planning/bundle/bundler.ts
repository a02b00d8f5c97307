// Bundles recipes and remembers them: as long as nothing that was looked at has changed, the kept code digest is the answer
// and the bundler is not even loaded. So an upgrade of the bundler changes nothing by itself.

import type { Message } from "esbuild";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { inputFailure, type Failure } from "../../model/failure.ts";
import { writeAtomic } from "../../util/fs.ts";
import { kept } from "../../util/kept.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { AppendLog, readLog } from "../../util/append-log.ts";
import { isBuildFailure } from "./build-failures.ts";
import { collectClosure, type CollectOptions } from "./collect.ts";
import { indexOfNeutralPath, withLabels, type Closure } from "./closure.ts";
import { KnownModules, modulesOf } from "./known.ts";
import { isInNodeModules } from "./resolution.ts";
import { recordWatched, watchedHolds, type DigestOf, type WatchedRecord } from "./watched.ts";
import type { Print, Printer } from "./print.ts";

export interface Bundle {
  /** The code version: the digest of the print, or of an equal print by an older bundler. */
  readonly code: Digest;
  /** The file of the print. */
  readonly file: string;
  /** Name and version of each declared external. */
  readonly externals: Readonly<Record<string, string>>;
}

/** What the archive keeps of a bundle; read back by `why` and `reproduce`. */
export interface BundleSource {
  readonly closure: Closure;
  readonly map: string;
  readonly printer: string;
}

/** As it lies in cache/: of two recipes with one print, the sources of the one that was collected last. */
interface KeptSource extends BundleSource {
  readonly collection?: string;
}

/** Raise it when what is kept of a bundle looks different: the lines of another exp are then not found. */
const keptFormat = 4;

interface Kept {
  readonly id: string;
  /** The digest of the print. */
  readonly print: Digest;
  /** The code version. */
  readonly code: Digest;
  readonly externals: Readonly<Record<string, string>>;
  readonly watched: WatchedRecord;
  /** Of each module of the closure, which of the watched files it is. */
  readonly modules: readonly number[];
  /** Another one each time that a closure is collected. */
  readonly collection: string;
}

export class Bundler {
  readonly #root: string;
  readonly #folder: string;
  readonly #digestOf: DigestOf;
  readonly #makePrinter: () => Promise<Printer>;
  readonly #canonical: (code: Digest, closure: Closure, printer: Printer) => Promise<Digest>;
  readonly #log: AppendLog<Kept>;
  readonly #bundles = new Map<string, Promise<Result<Bundle, readonly Failure[]>>>();
  readonly #modules: KnownModules;
  #kept: Map<string, Kept> | undefined;
  #printer: Promise<Printer> | undefined;
  /** Everything that bundles of this process depend on, by absolute path, and what was absent: for the stamp of the fast path. */
  readonly looked = {
    files: [] as (readonly [path: string, digest: Digest])[],
    absent: new Set<string>(),
    links: [] as (readonly [path: string, real: string])[],
  };

  readonly #seen = new Map<string, boolean>();

  constructor(options: {
    readonly root: string;
    readonly folder: string;
    readonly digestOf: DigestOf;
    readonly makePrinter: () => Promise<Printer>;
    readonly canonical: (code: Digest, closure: Closure, printer: Printer) => Promise<Digest>;
  }) {
    this.#root = options.root;
    this.#folder = options.folder;
    this.#digestOf = options.digestOf;
    this.#makePrinter = options.makePrinter;
    this.#canonical = options.canonical;
    this.#modules = new KnownModules(options.digestOf);
    this.#log = new AppendLog(join(options.folder, "kept.jsonl"));
  }

  async bundle(options: Omit<CollectOptions, "root">): Promise<Result<Bundle, readonly Failure[]>> {
    // What is watched is named by absolute paths. A project that was copied with its cache must not ask the files of the first one.
    const { file, exportName, externals } = options;
    const id = JSON.stringify([keptFormat, this.#root, relative(this.#root, file), exportName, externals]);
    const known = this.#bundles.get(id);
    if (known !== undefined) {
      const bundle = await known;
      // cache/ may have been deleted since: then it is printed anew, of what the sources are now.
      if (!bundle.ok || this.isThere(bundle.value.file)) return bundle;
      if (this.#bundles.get(id) === known) this.#bundles.delete(id);
    }
    return kept(this.#bundles, id, () => this.#find(id, options));
  }

  /** Whether the file of a print is there, with what the archive keeps of it. Looked at once a turn: thousands of targets have one recipe. */
  isThere(file: string): boolean {
    if (this.#seen.size === 0) setImmediate(() => this.#seen.clear());
    const seen = this.#seen.get(file) ?? (existsSync(file) && existsSync(file.replace(/\.cjs$/, ".json")));
    this.#seen.set(file, seen);
    return seen;
  }

  /** The sources of a bundle that this project has printed; undefined when the cache was deleted since. */
  sourceOf(code: Digest): KeptSource | undefined {
    try {
      return JSON.parse(readFileSync(join(this.#folder, `${code}.json`), "utf8")) as KeptSource;
    } catch {
      return undefined;
    }
  }

  sourceOfFile(file: string): BundleSource | undefined {
    return this.sourceOf(basename(file, ".cjs") as Digest);
  }

  close(): void {
    this.#log.close();
  }

  async #find(id: string, options: Omit<CollectOptions, "root">): Promise<Result<Bundle, readonly Failure[]>> {
    const kept = this.#load().get(id);
    if (
      kept !== undefined &&
      watchedHolds(kept.watched, this.#digestOf) &&
      this.#digestOf(this.fileOf(kept.print))?.digest === kept.print &&
      this.isThere(this.fileOf(kept.print))
    ) {
      this.#look(kept.watched);
      return ok({ code: kept.code, file: this.fileOf(kept.print), externals: kept.externals });
    }
    if (kept !== undefined) this.#remember(kept);
    const collected = await collectClosure({ ...options, root: this.#root }, this.#modules);
    if (!collected.ok) return fail(collected.error);
    const { closure, modules, externals } = collected.value;
    const watched = recordWatched(collected.value.watched, this.#digestOf);
    this.#modules.add(closure, { modules, watched });
    this.#printer ??= this.#makePrinter();
    const printer = await this.#printer;
    let print: Print;
    try {
      print = await printer.print(closure);
    } catch (error) {
      if (!isBuildFailure(error)) throw error;
      return fail(error.errors.map((message) => failureInClosure(message, closure, options.neededBy)));
    }
    const paths = [...modules.keys()];
    // esbuild lets a name pass that nobody exports, because in TypeScript it might be a type: at run time it would be undefined.
    const wrong = print.warnings.filter(
      ({ id, location }) =>
        id === "import-is-undefined" &&
        // Packages try out what others have.
        !isInNodeModules(paths[indexOfNeutralPath(location?.file ?? "")] ?? ""),
    );
    if (wrong.length > 0) return fail(wrong.map((message) => failureInClosure(message, closure, options.neededBy)));
    const printed = digestOfBytes(print.code);
    writeAtomic(this.fileOf(printed), print.code);
    const collection = randomUUID();
    const source: KeptSource = { closure, map: print.map, printer: printer.name, collection };
    writeAtomic(join(this.#folder, `${printed}.json`), JSON.stringify(source));
    const code = await this.#canonical(printed, closure, printer);
    const indexes = new Map(watched.files.map(([path], n) => [path, n]));
    const places = paths.map((path) => indexes.get(path)!);
    const entry: Kept = { id, print: printed, code, externals, watched, modules: places, collection };
    this.#load().set(id, entry);
    this.#log.append(entry);
    this.#log.write();
    this.#look(entry.watched);
    return ok({ code, file: this.fileOf(printed), externals });
  }

  /** What was collected the last time, for what of it is as it was. */
  #remember({ print, watched, modules, collection }: Kept): void {
    const source = this.sourceOf(print);
    if (source?.collection !== collection) return;
    const paths = modules.map((n) => watched.files[n]![0]);
    this.#modules.add(source.closure, { modules: modulesOf(source.closure, paths), watched });
  }

  #look(watched: WatchedRecord): void {
    this.looked.files.push(...watched.files);
    for (const path of watched.absent) this.looked.absent.add(path);
    this.looked.links.push(...watched.links);
  }

  /** The file of a print. */
  fileOf(code: Digest): string {
    return join(this.#folder, `${code}.cjs`);
  }

  #load(): Map<string, Kept> {
    return (this.#kept ??= new Map(
      readLog<Kept>(join(this.#folder, "kept.jsonl")).lines.map((line) => [line.id, line]),
    ));
  }
}

/** The prints that a look into `folder` may still answer with: of recipes whose file is there. */
export function keptPrints(folder: string, root: string): ReadonlySet<string> {
  const file = join(folder, "kept.jsonl");
  const { lines } = readLog<Kept>(file);
  const last = new Map(lines.map((line) => [line.id, line]));
  const kept = [...last.values()].filter(({ id }) => {
    const [format, recipe] = JSON.parse(id) as readonly [number, string];
    return format === keptFormat && existsSync(join(root, recipe));
  });
  return new Set(kept.flatMap(({ print, code }) => [print, code]));
}

/** Leaves the last word on each recipe in the list. A build that appends meanwhile may lose its line, and bundles again. */
export function compactKept(folder: string): void {
  const file = join(folder, "kept.jsonl");
  const { lines } = readLog<Kept>(file);
  const last = new Map(lines.map((line) => [line.id, line]));
  if (last.size < lines.length)
    writeAtomic(file, [...last.values()].map((line) => JSON.stringify(line) + "\n").join(""));
}

/** What the printer says of neutral paths, said of the files behind them. */
function failureInClosure({ text, location }: Message, closure: Closure, neededBy: string): Failure {
  const what = withLabels(text, closure);
  const module = location === null ? undefined : closure.modules[indexOfNeutralPath(location.file)];
  if (location === null || module === undefined) return inputFailure(what, { neededBy });
  const { line, column, length, lineText } = location;
  return inputFailure(what, {
    where: { file: module.label, line, column: column + 1, length, text: lineText },
    neededBy,
  });
}

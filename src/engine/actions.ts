// From a target's declaration to its actions: the record that is hashed, and the order that an executor takes. One place makes both.

import { join, relative, sep } from "node:path";
import { describe } from "../api/declared.ts";
import type { CommandSpec, PartDeclaration, RunOptions, Work } from "../api/rule.ts";
import type { CodeOrder, SlotOrder } from "../backends/executors/executor.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { Bundle } from "../planning/bundle/bundler.ts";
import {
  actionKey,
  coreKey,
  recordFormat,
  type ActionRecord,
  type CodeRecord,
} from "../planning/fingerprint/action-key.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { tell, type ExperimentTold } from "../planning/told.ts";
import type { Part } from "../backends/store/trace-lines.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { ResolvedInputs } from "./inputs.ts";
import { wordsOf } from "./declared.ts";
import { mergeOptions } from "./run-options.ts";
import { whyUnreadable, type SourceDigests, type SourceFile } from "./sources.ts";
import { matchCode, readOfWalk, type WalkRead } from "./walk.ts";

/** An action ready to be decided on and, if due, ordered. */
export interface PreparedAction {
  readonly record: ActionRecord;
  readonly core: Digest;
  readonly key: Digest;
  readonly codeOrder: CodeOrder;
  /** Files of the project that are copied when the action runs (a bundle is not: it was taken when it was read). */
  readonly codeFiles: readonly SourceFile[];
  readonly outputs: Readonly<Record<string, SlotOrder>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Declared secrets that are not set: no matter as long as nothing has to run. */
  readonly missingSecrets: readonly string[];
  readonly options: Required<Pick<RunOptions, "resources">> & RunOptions;
}

export interface ActionFactoryOptions {
  readonly root: string;
  readonly nodeMajor: number;
  /** The experiment's values as each target's rule takes them, by number. */
  readonly experiment: (target: number) => ExperimentTold;
  readonly bundle: (options: {
    file: string;
    exportName: string;
    externals: readonly string[];
    neededBy: string;
  }) => Promise<Result<Bundle, readonly Failure[]>>;
  readonly digests: SourceDigests;
  /** The driver's environment and secrets, of which an action gets what it declares. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text with the values of secrets by their names. */
  readonly mask: (text: string) => string;
}

export class ActionFactory {
  readonly #options: ActionFactoryOptions;
  /** What was read of the environment, and which code files of commands: for the stamp. */
  readonly read = { environment: new Set<string>(), files: [] as SourceFile[], globs: new Map<string, WalkRead>() };

  readonly #expected = new WeakSet<PartDeclaration>();

  constructor(options: ActionFactoryOptions) {
    this.#options = options;
  }

  /** The action of a recipe in TypeScript. `extra` is what a part adds to the record. */
  async ofPart(
    target: GraphTarget,
    section: JsonObject,
    part: Part,
    declared: PartDeclaration,
    given: {
      readonly inputs: ResolvedInputs;
      readonly outputs: Readonly<Record<string, SlotOrder>>;
      readonly items?: Digest;
    },
  ): Promise<Result<PreparedAction, readonly Failure[]>> {
    const options = mergeOptions(declared, target.declaration.options);
    const bundled = await this.#bundle(target, declared, options);
    if (!bundled.ok) return bundled;
    const { code, file, externals } = bundled.value;
    const vectorised = declared.vectorised ?? false;
    const told = tell(section, this.#options.experiment(target.index), declared.reads);
    const codeOrder: CodeOrder = {
      kind: "module",
      bundle: file,
      resolveFrom: join(this.#options.root, "Expfile.ts"),
      vectorised,
      ...(Object.keys(externals).length > 0 && { externals: Object.keys(externals) }),
    };
    return this.#finish(
      target,
      part,
      { kind: "module", digest: code, externals, vectorised },
      codeOrder,
      told,
      options,
      given,
    );
  }

  /** Begins to bundle what the target will run first, while its inputs are still being hashed: files may be large. */
  expect(target: GraphTarget): void {
    const [first] = partsOf(target.declaration.work);
    if (first !== undefined) void this.#bundleOnce(target, first);
  }

  /** Bundles what targets will run, one part after the other, while others run already: bundling takes the time of the bundler, building that of workers. */
  async bundleAhead(targets: readonly GraphTarget[], signal: AbortSignal): Promise<void> {
    for (const target of targets)
      for (const part of partsOf(target.declaration.work)) {
        if (signal.aborted) return;
        await this.#bundleOnce(target, part);
      }
  }

  async #bundleOnce(target: GraphTarget, part: PartDeclaration): Promise<void> {
    if (this.#expected.has(part)) return;
    this.#expected.add(part);
    // Whoever asks for the bundle is told what is wrong with it.
    await this.#bundle(target, part, mergeOptions(part, target.declaration.options)).catch(() => undefined);
  }

  async #bundle(
    target: GraphTarget,
    declared: PartDeclaration,
    { externals = [] }: RunOptions,
  ): Promise<Result<Bundle, readonly Failure[]>> {
    const located = await locate(declared, target.name);
    if (!located.ok) return fail([located.error]);
    return this.#options.bundle({
      file: join(this.#options.root, located.value.file),
      exportName: located.value.export,
      externals,
      neededBy: `target "${target.name}"`,
    });
  }

  ofCommand(
    target: GraphTarget,
    section: JsonObject,
    command: CommandSpec,
    given: { readonly inputs: ResolvedInputs; readonly outputs: Readonly<Record<string, SlotOrder>> },
  ): Result<PreparedAction, readonly Failure[]> {
    const { root, experiment, digests } = this.#options;
    const files: [string, string][] = [];
    const codeFiles: SourceFile[] = [];
    for (const pattern of command.code) {
      const walk = matchCode(root, pattern);
      const { matches } = walk;
      this.read.globs.set(pattern, readOfWalk(walk));
      if (matches.length === 0)
        return fail([
          inputFailure(`no file matches "${pattern}", declared as code`, {
            neededBy: `target "${target.name}"`,
            fix: "Name the program's files from the folder of Expfile.ts.",
          }),
        ]);
      for (const path of matches) {
        const blob = digests.digestOf(path);
        const seen = digests.statTextOf(path);
        if (blob === undefined || seen === undefined) {
          const why = whyUnreadable(path);
          if (why === undefined) continue; // Deleted since it was listed.
          return fail([
            inputFailure(`${relative(root, path)} ${why}`, {
              neededBy: `target "${target.name}"`,
              fix: `Take it away, or have the code of the command, "${pattern}", leave it out.`,
            }),
          ]);
        }
        files.push([relative(root, path).split(sep).join("/"), path]);
        codeFiles.push({ path, seen, digest: blob.digest });
      }
    }
    for (const file of codeFiles) this.read.files.push(file);
    const placeholders = Object.entries(given.inputs).map(
      ([slot, input]) => [slot, neutralPaths(slot, input)] as const,
    );
    const told = {
      config: section as never,
      seed: experiment(target.index).seed,
      inputs: Object.fromEntries(placeholders),
      outputs: Object.fromEntries(Object.entries(given.outputs).map(([slot, { ext }]) => [slot, `out/${slot}${ext}`])),
    };
    const words = wordsOf({ what: "the command's argv", target: target.name }, () => command.argv(told));
    if (!words.ok) return fail([words.error]);
    const argv = words.value;
    const telling = argv.map(this.#options.mask).find((word, i) => word !== argv[i]);
    if (telling !== undefined)
      return fail([
        inputFailure(`the command's argv holds the value of a secret: ${telling}`, {
          neededBy: `target "${target.name}"`,
          fix: "Declare it under `secrets`, and let the program read it from its environment: argv is part of the record.",
        }),
      ]);
    const digestsByName = Object.fromEntries(files.map(([name], i) => [name, codeFiles[i]!.digest]));
    // What the command line does not say, the program cannot see: the argv stands for the config.
    return this.#finish(
      target,
      "recipe",
      { kind: "command", argv, files: digestsByName },
      { kind: "command", argv, files },
      {},
      mergeOptions(command, target.declaration.options),
      given,
      codeFiles,
    );
  }

  #finish(
    target: GraphTarget,
    part: Part,
    code: CodeRecord,
    codeOrder: CodeOrder,
    told: JsonObject,
    options: RunOptions,
    given: {
      readonly inputs: ResolvedInputs;
      readonly outputs: Readonly<Record<string, SlotOrder>>;
      readonly items?: Digest;
    },
    codeFiles: readonly SourceFile[] = [],
  ): Result<PreparedAction, readonly Failure[]> {
    const available = this.#options.environment;
    for (const name of options.env ?? []) this.read.environment.add(name);
    const record: ActionRecord = {
      format: recordFormat,
      part,
      code,
      version: target.declaration.contract.version ?? 1,
      config: told,
      inputs: Object.fromEntries(Object.entries(given.inputs).map(([slot, input]) => [slot, input.record])),
      outputs: Object.fromEntries(
        Object.entries(given.outputs).map(([slot, { format, ext, optional }]) => [
          slot,
          `${format} ${ext}${optional ? " optional" : ""}`,
        ]),
      ),
      environment: Object.fromEntries((options.env ?? []).map((name) => [name, available[name] ?? null])),
      tools: options.tools ?? {},
      items: given.items ?? null,
    };
    const core = coreKey(record);
    const valuesOf = (names: readonly string[] = []) =>
      Object.fromEntries(names.flatMap((name) => (available[name] === undefined ? [] : [[name, available[name]]])));
    return ok({
      record,
      core,
      key: actionKey(core, code.kind, this.#options.nodeMajor),
      codeOrder,
      codeFiles,
      outputs: given.outputs,
      environment: valuesOf(options.env),
      secrets: valuesOf(options.secrets),
      missingSecrets: (options.secrets ?? []).filter((name) => available[name] === undefined),
      options: { ...options, resources: options.resources ?? {} },
    });
  }
}

/** What must be there before an action is ordered, and is not. */
export function unready(action: PreparedAction, target: string): readonly Failure[] {
  return action.missingSecrets.map((name) =>
    inputFailure(`the secret ${name} is not set`, {
      neededBy: `target "${target}"`,
      fix: `Set it in the environment, or as a line ${name}=… in the file .env`,
    }),
  );
}

/** What is bundled of it, in the order of their turns. */
function partsOf(work: Work): readonly PartDeclaration[] {
  switch (work.kind) {
    case "recipe":
    case "gate":
      return [work.part];
    case "fan-out":
      return [work.split, ...Object.values(work.recipes), work.merge];
    case "command":
    case "handoff":
      return [];
  }
}

interface Located {
  readonly file: string;
  readonly export: string;
}

/** Where a recipe is: the compiled Expfile holds stubs in place of recipes. */
async function locate(declared: PartDeclaration, target: string): Promise<Result<Located, Failure>> {
  let loaded: unknown;
  try {
    loaded = await declared.load();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail(notLoaded(`what should import the recipe threw: ${why}`, target));
  }
  if (loaded !== undefined && !(typeof loaded === "object" && loaded !== null))
    return fail(notLoaded(`what should import the recipe gave ${describe(loaded)}`, target));
  const stub =
    stubIn(loaded) ??
    stubIn((loaded as { recipe?: unknown } | undefined)?.recipe) ??
    stubIn((loaded as { default?: unknown } | undefined)?.default);
  if (stub !== undefined) return ok(stub);
  const others =
    typeof loaded === "object" && loaded !== null ? Object.values(loaded).flatMap((one) => stubIn(one) ?? []) : [];
  const [first] = others;
  const what =
    first === undefined
      ? "the recipe's module has no export of that name"
      : `${first.file} has no export "recipe"; it has ${others.map((one) => `"${one.export}"`).join(", ")}`;
  return fail(
    inputFailure(what, {
      where: { file: first?.file ?? "Expfile.ts" },
      neededBy: `target "${target}"`,
      fix: 'Export the recipe as `recipe`, or choose one: () => import("./file.ts").then((m) => m.name)',
    }),
  );
}

function notLoaded(what: string, target: string): Failure {
  return inputFailure(what, {
    where: { file: "Expfile.ts" },
    neededBy: `target "${target}"`,
    fix: 'A recipe lies in a file of its own: () => import("./recipe.ts")',
  });
}

function stubIn(value: unknown): Located | undefined {
  return typeof value === "object" && value !== null && "$recipe" in value ? (value.$recipe as Located) : undefined;
}

function neutralPaths(slot: string, input: ResolvedInputs[string]): string | string[] | undefined {
  const paths = (record: ResolvedInputs[string]["record"], place: string): string[] => {
    switch (record.kind) {
      case "absent":
        return [];
      case "file":
        return [place + record.ext];
      case "tree":
        return [place];
      case "list":
        return record.members.flatMap((member, i) => paths(member, `${place}/${String(i).padStart(4, "0")}`));
    }
  };
  const all = paths(input.record, `in/${slot}`);
  return input.record.kind === "list" ? all : all[0];
}

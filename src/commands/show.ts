// `exp show`: an output of a run, for a person to look at. Takes what the run's last result holds; whether that is stale is not asked.

import { readdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { inRun } from "../model/advice.ts";
import { digestOfArtifact } from "../model/action.ts";
import { shortDigest, type Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { countOf, formatBytes } from "../report/amounts.ts";
import { alignRows } from "../report/columns.ts";
import { joinSpans, oneLine, paint, span, type Line } from "../report/text.ts";
import { findRoot, pathsOf } from "../project/paths.ts";
import { openSession, type DecidingSession } from "../project/project.ts";
import { describeTable, TableError } from "../table.ts";
import { isMissing, listTree } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { statOf } from "../util/stat.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { findProject, openAsked, type Asked } from "./asking.ts";
import { nearPath, paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { lookOf, showContent, type Extent, type Shown } from "./show-content.ts";
import { readItemName } from "./item-name.ts";
import { contentOf, type Content, type Output, type Standing } from "./show-outputs.ts";
import { buildCommand, findSubject, type Subject } from "./show-subject.ts";
import { exitCodes } from "./table.ts";

const defaultRows = 20;

export async function show(args: Arguments, screen: Screen): Promise<number> {
  const extent = readExtent(args);
  const shown = extent.ok ? await showAsked(args, extent.value, screen) : extent;
  if (!shown.ok) {
    showFailures(screen, shown.error);
    return exitCodes.wrongInput;
  }
  return screen.signal.aborted ? exitCodes.interrupted : exitCodes.done;
}

type Done = Result<void, readonly Failure[]>;

function readExtent({ operands, flags }: Arguments): Result<Extent, readonly Failure[]> {
  if (operands.length !== 1)
    return fail([
      inputFailure(operands.length === 0 ? "which output?" : "one output at a time", {
        fix: "exp show TARGET, exp show TARGET.OUTPUT, exp show TARGET[ITEM], or exp show FILE",
      }),
    ]);
  const forms = (["csv", "meta", "json"] as const).filter((form) => flags[form] === true);
  if (forms.length > 1)
    return fail([inputFailure(`--${forms.join(" and --")} do not go together`, { fix: "Leave one out." })]);
  const [as = "text"] = forms;
  const { rows } = flags as { rows?: string };
  if (rows !== undefined && !/^\d+$/.test(rows))
    return fail([inputFailure(`--rows takes a whole number, not "${rows}"`, { fix: "--rows 50, or --all" })]);
  const isWhole = flags.all === true || as === "csv";
  return ok({ as, rows: rows !== undefined ? Number(rows) : isWhole ? Infinity : defaultRows });
}

async function showAsked(args: Arguments, extent: Extent, screen: Screen): Promise<Done> {
  const word = args.operands[0]!;
  // A target's name has no slash in it, and an output's name only one dot.
  const file = resolve(screen.workingFolder, word);
  const item = readItemName(word);
  if (item === undefined && (word.includes("/") || word.includes(sep))) return showFile(file, extent, screen);
  if (word.includes(".") && statOf(file)?.isFile() === true) return showFile(file, extent, screen);
  const project = await findProject(screen);
  if (!project.ok) return project;
  try {
    const asked = await openAsked(project.value, args, []);
    if (!asked.ok) return asked;
    const session = openSession(project.value, asked.value.run, {
      onSetAside: () => undefined,
      mayWrite: () => false,
    });
    const subject = findSubject(word, item, asked.value, session, screen.now());
    return subject.ok ? await showOutputs(subject.value, asked.value, session, extent, screen) : subject;
  } finally {
    project.value.close();
  }
}

// --- outputs of targets and items -------------------------------------------------------------------------------

async function showOutputs(
  { name, target, slot, standing, when, about }: Subject,
  { run }: Asked,
  session: DecidingSession,
  extent: Extent,
  screen: Screen,
): Promise<Done> {
  const of = (output: Output): Result<Shown, readonly Failure[]> => {
    const content = contentOf(session, output);
    if (!content.ok) return fail([{ ...content.error, fix: content.error.fix ?? buildCommand(target, run) }]);
    const { artifact, format, place } = output;
    const facts = { ...about, ...factsOf(output, screen) };
    const size = artifact.kind === "absent" ? "absent" : formatBytes(sizeOf(artifact));
    const path = place === undefined ? [] : [nearPath(screen, place)];
    const title = titleOf([`${name}.${output.slot}`, ...path, size, when]);
    return ok({ title, content: content.value, look: lookOf(format, content.value, output.fileName), facts });
  };
  if (slot !== undefined) {
    const shown = of(standing.outputs.find((output) => output.slot === slot)!);
    return shown.ok ? showOne(`${name}.${slot}`, shown.value, extent, screen) : shown;
  }
  const tables = standing.outputs.filter(({ format, artifact }) => format === "table" && artifact.kind === "file");
  const [table] = tables.length === 1 ? tables : [];
  if (extent.as === "csv" || extent.as === "meta") {
    if (table !== undefined) {
      const shown = of(table);
      return shown.ok ? showOne(`${name}.${table.slot}`, shown.value, extent, screen) : shown;
    }
    const choices = tables.map((one) => `${name}.${one.slot}`).join(", ");
    return fail([
      inputFailure(`${name} has ${tables.length === 0 ? "no table" : `${tables.length} tables`}`, {
        fix: tables.length === 0 ? `exp show ${name}` : `Choose one: ${choices}`,
      }),
    ]);
  }
  await showListing(about, [name, `run ${run.folder.id}`, when], standing, session, extent, screen);
  if (table === undefined || extent.as === "json") return ok(undefined);
  writeLines(screen, [""]);
  const shown = of(table);
  return shown.ok ? showOne(`${name}.${table.slot}`, shown.value, extent, screen) : shown;
}

async function showListing(
  about: Readonly<Record<string, unknown>>,
  title: readonly string[],
  { outputs }: Standing,
  session: DecidingSession,
  extent: Extent,
  screen: Screen,
): Promise<void> {
  const rows = await Promise.all(outputs.map(async (output) => ({ output, rows: await rowsIn(session, output) })));
  if (extent.as === "json")
    return writeJson(screen, {
      ...about,
      outputs: rows.map((one) => ({
        ...factsOf(one.output, screen),
        ...(one.rows !== undefined && { rows: one.rows }),
      })),
    });
  const cells = rows.map(({ output: { slot, format, artifact, place, left }, rows: count }) => [
    span(slot, "bold"),
    span(format),
    span(artifact.kind === "absent" ? "absent" : formatBytes(sizeOf(artifact))),
    span(
      count === undefined ? (artifact.kind === "tree" ? countOf(artifact.files, "file") : "") : countOf(count, "row"),
    ),
    span(artifact.kind === "absent" ? "" : shortDigest(digestOfArtifact(artifact) as Digest), "dim"),
    span(left !== undefined ? "in the shared cache (exp fetch)" : whereIs(artifact, place, screen)),
  ]);
  writeLines(
    screen,
    [titleOf(title), ...alignRows(cells, { right: [2, 3] })].map((line) => paint(line, paletteOf(screen))),
  );
}

function whereIs(artifact: Output["artifact"], place: string | undefined, screen: Screen): string {
  return artifact.kind === "absent" || place === undefined ? "" : nearPath(screen, place);
}

/** Undefined where there are none, or where they cannot be counted any more. */
async function rowsIn(session: DecidingSession, output: Output): Promise<number | undefined> {
  const content = output.format === "table" ? contentOf(session, output) : undefined;
  if (content?.ok !== true || content.value.kind !== "file" || content.value.path === undefined) return undefined;
  try {
    return (await describeTable({ path: content.value.path })).rows;
  } catch (error) {
    if (error instanceof TableError) return undefined;
    throw error;
  }
}

function factsOf({ slot, format, artifact, place, left }: Output, screen: Screen): Record<string, unknown> {
  if (artifact.kind === "absent") return { slot, format, absent: true };
  return {
    slot,
    format,
    ...(place !== undefined && { path: nearPath(screen, place) }),
    ...(left !== undefined && { left }),
    size: sizeOf(artifact),
    digest: artifact.blob.digest,
    ...(artifact.kind === "tree" && { files: artifact.files }),
  };
}

function sizeOf(artifact: Exclude<Output["artifact"], { kind: "absent" }>): number {
  return artifact.kind === "tree" ? artifact.size : artifact.blob.size;
}

function titleOf(parts: readonly string[]): Line {
  return joinSpans(
    parts.map((text, index) => span(oneLine(text), index === 0 ? "bold" : "dim")),
    " · ",
  );
}

// --- files ------------------------------------------------------------------------------------------------------

async function showFile(file: string, extent: Extent, screen: Screen): Promise<Done> {
  const stat = statOf(file);
  if (stat === undefined) return fail([missingFile(file, screen)]);
  const near = nearPath(screen, file);
  const content: Content = stat.isDirectory()
    ? { kind: "tree", files: listTree(file).map((name) => [name, Number(statOf(join(file, name))?.size ?? 0)]) }
    : { kind: "file", path: file, text: undefined };
  const size = content.kind === "tree" ? content.files.reduce((sum, [, bytes]) => sum + bytes, 0) : Number(stat.size);
  const look = lookOf(undefined, content, file);
  const format = look === "binary" ? "file" : look;
  const shown: Shown = {
    title: titleOf([near, formatBytes(size)]),
    content,
    look,
    facts: { format, path: near, size, ...(content.kind === "tree" && { files: content.files.length }) },
  };
  return showOne(near, shown, extent, screen);
}

/** In a run's folder, what is missing has a target that makes it. */
function missingFile(file: string, screen: Screen): Failure {
  const root = findRoot(screen.workingFolder);
  const what = `there is no ${nearPath(screen, file)}`;
  const near = suggest(basename(file), namesIn(dirname(file)));
  if (near !== undefined)
    return inputFailure(what, { fix: `Did you mean "${nearPath(screen, join(dirname(file), near))}"?` });
  const [run, target, name] = root === undefined ? [] : relative(pathsOf(root).runs, file).split(sep);
  if (run === undefined || run === ".." || target === undefined || name === undefined) return inputFailure(what);
  return inputFailure(what, { fix: inRun(`exp build ${target}`, run) });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function showOne(name: string, shown: Shown, extent: Extent, screen: Screen): Promise<Done> {
  if ((extent.as === "csv" || extent.as === "meta") && shown.look !== "table")
    return fail([
      inputFailure(`${name} is no table: --${extent.as} has nothing to say of it`, { fix: `exp show ${name}` }),
    ]);
  try {
    await showContent(shown, extent, screen);
    return ok(undefined);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return fail([inputFailure(error.problems.join("; "), { where: { file: nearPath(screen, error.path) } })]);
  }
}

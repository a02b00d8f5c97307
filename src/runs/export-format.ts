// The file that `exp runs export` writes: a tar, gzipped, of a manifest and then each content once, named by its digest. All names of a
// run's files are in the manifest, where they can be judged before anything is written.

import { basename } from "node:path";
import { isDigest, type Digest } from "../model/digest.ts";
import { ownerOfTemporary } from "../util/fs.ts";
import { runNameProblem } from "./run.ts";

export const exportFormat = 1;
export const manifestName = "manifest.jsonl";
export const contentName = (digest: Digest): string => `content/${digest}`;

/** The manifest's first line. */
export interface ExportHead {
  readonly exp_export: typeof exportFormat;
  /** The version of the exp that wrote it. */
  readonly exp: string;
  readonly runs: readonly string[];
}

/** Its other lines. `d` and `s`: digest and size of the content. */
export type ExportLine =
  /** A file of a run's folder, by its path from there. */
  | { readonly run: string; readonly file: string; readonly d: Digest; readonly s: number }
  /** A blob of the archive, or of the cache. */
  | { readonly blob: "archive" | "cache"; readonly d: Digest; readonly s: number }
  /** The archive's record of a bundle. */
  | { readonly code: Digest; readonly d: Digest; readonly s: number }
  /** A log of paid calls. */
  | { readonly calls: true; readonly d: Digest; readonly s: number };

/** What is not in a run's folder for its own sake: leases, what is half made, what was sent elsewhere (which may hold secrets). */
export function isPassing(path: string): boolean {
  const [first = ""] = path.split("/");
  return (
    first.startsWith(".") || ["lock", "lock.break"].includes(first) || ownerOfTemporary(basename(path)) !== undefined
  );
}

/** The text says what is wrong, as the end of a sentence about the file. */
export class BadExport extends Error {}

export function parseHead(text: string): ExportHead {
  const head = parse(text);
  const format = head.exp_export;
  if (typeof format !== "number") throw new BadExport("was not written by exp runs export");
  if (format > exportFormat)
    throw new BadExport(
      `was written by a newer exp (format ${format}, this one reads ${exportFormat}): update exp and import it again`,
    );
  const { runs, exp } = head;
  if (
    !Array.isArray(runs) ||
    runs.length === 0 ||
    new Set(runs).size < runs.length ||
    !runs.every((run) => typeof run === "string")
  )
    throw new BadExport("names no run");
  const wrong = runs.find((run) => runNameProblem(run) !== undefined);
  if (wrong !== undefined) throw new BadExport(`names a run that can be none: ${JSON.stringify(wrong)}`);
  return { exp_export: exportFormat, exp: typeof exp === "string" ? exp : "?", runs };
}

export function parseLine(text: string, runs: readonly string[]): ExportLine {
  const { run, file, blob, code, calls, d, s } = parse(text);
  if (!isDigest(d) || !Number.isSafeInteger(s) || (s as number) < 0)
    throw new BadExport(`has a line that names no content: ${text.slice(0, 200)}`);
  const size = s as number;
  if (blob === "archive" || blob === "cache") return { blob, d, s: size };
  if (isDigest(code)) return { code, d, s: size };
  if (calls === true) return { calls, d, s: size };
  if (typeof run !== "string" || typeof file !== "string" || !runs.includes(run))
    throw new BadExport(`has a line that this exp does not know: ${text.slice(0, 200)}`);
  if (!isInside(file) || isPassing(file))
    throw new BadExport(`names a file where none may be: ${JSON.stringify(file.slice(0, 200))} in the run ${run}`);
  return { run, file, d, s: size };
}

/** A path that leads nowhere but down. */
function isInside(path: string): boolean {
  const names = path.split("/");
  return (
    !path.includes("\0") &&
    names.every((name) => name !== "" && name !== "." && name !== ".." && Buffer.byteLength(name) <= 255)
  );
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new BadExport("was not written by exp runs export, or is damaged: its manifest cannot be read");
}

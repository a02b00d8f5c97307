// What is said of files of the project that cannot be an input: they are not there, cannot be read, or are of the wrong kind.

import { join, relative } from "node:path";
import { inputFailure, type Failure } from "../model/failure.ts";
import { isAbsent, type FoundSources } from "./find-sources.ts";
import { whyUnreadable } from "./sources.ts";

/** Entries that cannot be read and are named; a folder may hold a hundred thousand of them. */
const mostUnreadable = 10;

export function noSource(path: string, found: FoundSources, target: string): Failure {
  const neededBy = `target "${target}"`;
  if (isAbsent(found, path))
    return inputFailure(`${path} does not exist`, {
      neededBy,
      fix: "Paths are taken from the folder of Expfile.ts.",
    });
  // Reading a pipe could wait for ever, and neither a pipe nor a device has content that could be told from other content.
  return inputFailure(`${path} is neither a file nor a folder`, { neededBy, fix: "Copy what it gives into a file." });
}

/** What was listed and cannot be read. Left out without a word, it would be missed when the result is already wrong. */
export function unreadable(root: string, paths: readonly string[], target: string): Failure[] {
  const neededBy = `target "${target}"`;
  const failures = paths.flatMap((path) => {
    const why = whyUnreadable(path);
    if (why === undefined) return []; // Deleted since it was listed.
    return inputFailure(`${relative(root, path)} ${why}`, {
      neededBy,
      fix: "Take it away, put a file there, or name the files by a glob that leaves it out.",
    });
  });
  if (failures.length <= mostUnreadable) return failures;
  const more = inputFailure(`${failures.length - mostUnreadable} more entries cannot be read`, { neededBy });
  return [...failures.slice(0, mostUnreadable), more];
}

/** `isTree`: what was found is a folder. */
export function wrongKind(path: string, isTree: boolean, slot: string, target: string): Failure {
  const neededBy = `target "${target}"`;
  return isTree
    ? inputFailure(`${path} is a folder, and the input "${slot}" takes files`, {
        neededBy,
        fix: `Name the files, by a glob if they are many (${join(path, "**")}), or declare the input a tree().`,
      })
    : inputFailure(`${path} is a file, and the input "${slot}" takes a folder`, {
        neededBy,
        fix: "Name the folder that it lies in, or declare the input a file(), text(), json() or table().",
      });
}

// What esbuild has to say of a user's files, as failures at their places.

import type { BuildFailure, Message } from "esbuild";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { inputFailure, type Failure, type Place } from "../../model/failure.ts";

export function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);
}

/** esbuild's message as a failure, with its place underlined. */
export function failureOfMessage(
  message: Message,
  options: { readonly root: string; readonly neededBy: string },
): Failure {
  const location = message.location;
  const where: Place | undefined = location
    ? {
        file: relative(options.root, join(options.root, location.file)),
        line: location.line,
        column: location.column + 1,
        length: location.length,
        text: location.lineText,
      }
    : undefined;
  // What the bundler advises to its own users would need options that exp does not have.
  const notes = message.notes.map((note) => note.text).filter((text) => text !== "" && !isAboutExternals(text));
  const missing = notes.length === 0 ? missingPackage(message, options.root) : undefined;
  return inputFailure(missing === undefined ? message.text : `the package "${missing}" is not installed`, {
    ...(where && { where }),
    neededBy: options.neededBy,
    ...(missing !== undefined && { fix: `npm install ${missing}` }),
    ...(notes.length > 0 && { details: notes }),
  });
}

function isAboutExternals(note: string): boolean {
  return /^You can mark the path .* as external/.test(note);
}

/** The package that is not installed; undefined where something else is wrong: a file of a package is not there, say. */
function missingPackage({ text, notes }: Message, root: string): string | undefined {
  if (!notes.some((note) => isAboutExternals(note.text))) return undefined;
  const path = /^Could not resolve "(.+)"$/.exec(text)?.[1];
  const name = /^(?:@[\w.-]+\/)?\w[\w.-]*(?=\/|$)/.exec(path ?? "")?.[0];
  return name === undefined || isInstalled(name, root) ? undefined : name;
}

function isInstalled(name: string, folder: string): boolean {
  if (existsSync(join(folder, "node_modules", name))) return true;
  return dirname(folder) !== folder && isInstalled(name, dirname(folder));
}

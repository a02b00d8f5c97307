// Removing a file only if it is still the one that was looked at; a folder also where it does not allow it.

import { chmodSync, linkSync, lstatSync, readdirSync, renameSync, rmSync, type Stats } from "node:fs";
import { join } from "node:path";
import { hasCode, temporaryName } from "./fs.ts";

/** Out of the way first, then looked at once more: what was made anew in this very moment is put back. Says whether it went. */
export function removeIfUnchanged(path: string, seen: Stats): boolean {
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now?.ino !== seen.ino || now.ctimeMs !== seen.ctimeMs) return false;
  const aside = temporaryName(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  const isTheSame = lstatSync(aside).ino === seen.ino;
  if (!isTheSame) putBack(aside, path);
  rmSync(aside, { force: true });
  return isTheSame;
}

function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    // Made anew once more: that one stays.
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

/** With all that is in it, also where a recipe has made folders that nobody may write to (`go` does so with its modules). */
export function removeWhole(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!hasCode(error, "EACCES")) throw error;
    allow(path);
    rmSync(path, { recursive: true, force: true });
  }
}

function allow(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) allow(join(path, entry.name));
}

// What a pattern or a folder stands for: the names of files, and everywhere that was looked for them. Reads no content.

import { readdirSync, realpathSync, statSync, type Dirent } from "node:fs";
import { join, relative, resolve } from "node:path";
import { globSync, type GlobOptions } from "tinyglobby";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import { walkTreeThroughLinks } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";

/** What a pattern or a folder stands for, and everywhere that was looked for it. */
export interface Walk {
  /** Sorted by code unit. What is neither a file nor a folder is among them, and so is a link that leads nowhere: whoever reads them must say so. */
  readonly matches: readonly string[];
  /** Folders that were listed and links that were followed, absolute: what comes to match shows in the stat of one of them. */
  readonly looked: readonly string[];
  /** Of these, those that were not there: a folder that is yet to be made, a link that leads nowhere. */
  readonly absent: readonly string[];
  /** Matches that were seen to be no plain files: links, pipes. Undefined: nobody has looked at their kinds. */
  readonly odd?: readonly string[];
}

/** A walk as it is remembered. */
export interface WalkRead extends Omit<Walk, "matches" | "odd"> {
  /** Of all of it: a folder that was not walked then is not watched, even while it is empty. */
  readonly digest: Digest;
}

export function readOfWalk({ matches, looked, absent }: Walk): WalkRead {
  // As JSON: a name may hold any character but `/` and NUL.
  return { digest: digestOfBytes(JSON.stringify([matches, looked, absent])), looked, absent };
}

/** What a key of `SourcesRead.globs` stands for: the files below a folder, relative to it, or the matches of a glob. */
export function listMatches(root: string, key: string): Walk {
  if (!key.endsWith("/")) return matchSources(root, key);
  return walkFolder(resolve(root, key));
}

/** Paths from the root. */
export function matchSources(root: string, pattern: string): Walk {
  const options = { cwd: root, dot: false, followSymbolicLinks: true, expandDirectories: false };
  const { matches, looked, absent } = walkGlob(pattern, options);
  return { matches: matches.map((path) => relative(root, path)).sort(), looked, absent };
}

/** The files behind a pattern of `code`, absolute. */
export function matchCode(root: string, pattern: string): Walk {
  return walkGlob(pattern, { cwd: root, expandDirectories: true });
}

/** The files below a folder, relative to it. */
export function walkFolder(folder: string): Walk {
  if (statOf(folder)?.isDirectory() !== true) return { matches: [], looked: [], absent: [folder] };
  const { files, folders, odd } = walkTreeThroughLinks(folder);
  return { matches: files, looked: folders.sort(), absent: [], odd };
}

/** The absolute path of a file that `walkFolder` found: its name is as plain as a path can be, and `join` would go through each letter of it. */
export function pathInside(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** Absolute paths. Where was looked is told by the globber itself: a second opinion on how it walks would be wrong sooner or later. */
function walkGlob(pattern: string, options: GlobOptions & { readonly cwd: string }): Walk {
  const looked = new Set<string>();
  const absent = new Set<string>();
  const watch = (path: string) => {
    const plain = resolve(path); // Folders come with a slash behind them.
    (statOf(plain) === undefined ? absent : looked).add(plain);
  };
  const watched = {
    readdirSync: ((path: string, how: { withFileTypes: true }) => {
      const folder = showBreaks(path);
      watch(folder);
      return readdirSync(folder, how).map((entry) => shownToGlobber(entry, folder, watch));
    }) as typeof readdirSync,
    // Asked of links only. The link is watched beside the folder that it leads to, for it may come to lead to another.
    realpathSync: ((path: string) => {
      const link = showBreaks(path);
      watch(link);
      return hideBreaks(realpathSync(link));
    }) as typeof realpathSync,
    statSync: ((path: string) => statSync(showBreaks(path))) as typeof statSync,
  };
  const own = { ...options, cwd: hideBreaks(options.cwd), absolute: true, fs: watched };
  const matches = globSync(hideBreaks(pattern), own).map(showBreaks).sort();
  return { matches, looked: [...looked].sort(), absent: [...absent].sort() };
}

/**
 * An entry as the globber is to see it. It leaves out pipes, devices and links that lead nowhere without a word; as files they match if their name
 * does, and reading them is what fails.
 */
function shownToGlobber(entry: Dirent, folder: string, watch: (path: string) => void): Dirent {
  const isDead = entry.isSymbolicLink() && statOf(join(folder, entry.name)) === undefined;
  if (isDead) watch(join(folder, entry.name));
  const isOdd = isDead || !(entry.isFile() || entry.isDirectory() || entry.isSymbolicLink());
  const name = hideBreaks(entry.name);
  if (!isOdd && name === entry.name) return entry;
  const shown = {
    name,
    isFile: () => isOdd || entry.isFile(),
    isDirectory: () => entry.isDirectory(),
    isSymbolicLink: () => !isOdd && entry.isSymbolicLink(),
  };
  return shown as Dirent;
}

// `**` becomes a regular expression whose dot takes no line break. So the globber is shown lone surrogates in their place: no name that was
// decoded from UTF-8 holds one.

function hideBreaks(text: string): string {
  return text.replace(/[\n\r\u2028\u2029]/g, (mark) => String.fromCharCode(0xdc00 + (mark.charCodeAt(0) & 0xff)));
}

function showBreaks(text: string): string {
  return text.replace(/[\udc0a\udc0d\udc28\udc29]/gu, (mark) => {
    const low = mark.charCodeAt(0) & 0xff;
    return String.fromCharCode(low < 0x20 ? low : 0x2000 + low);
  });
}

// Volumes: files that are committed, and containers' own views of them. What a container writes is seen by nobody else before it is committed, and what
// others commit is not seen by it before it reloads. The last commit of a file wins.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { dirname, join } from "node:path";
import { blockBytes, type Blocks } from "./blocks.ts";

export interface CommittedFile {
  readonly size: number;
  readonly blocks: readonly string[];
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

export class Volume {
  readonly id: string;
  readonly name: string;
  readonly version: 1 | 2;
  readonly files = new Map<string, CommittedFile>();
  readonly blocks: Blocks;

  constructor(id: string, name: string, version: 1 | 2, blocks: Blocks) {
    this.id = id;
    this.name = name;
    this.version = version;
    this.blocks = blocks;
  }

  read(path: string): Buffer | undefined {
    const file = this.files.get(path);
    if (file === undefined) return undefined;
    return Buffer.concat(file.blocks.map((block, n) => this.blocks.read(block, lengthOfBlock(file.size, n))));
  }

  /** As if somebody had put it there. */
  write(path: string, content: string | Buffer): void {
    this.commit(path, Buffer.from(content), 0o644);
  }

  commit(path: string, content: Buffer, mode: number): void {
    const blocks: string[] = [];
    for (let at = 0; at < content.length; at += blockBytes)
      blocks.push(this.blocks.keep(content.subarray(at, at + blockBytes)));
    this.files.set(path, { size: content.length, blocks, mode, mtime: Date.now() / 1000 });
  }
}

export function lengthOfBlock(size: number, n: number): number {
  return Math.min(blockBytes, size - n * blockBytes);
}

/** What tells a file that a container has written from one that it found. */
type Seen = string;

/** A container's own view of a volume, in a folder. */
export class VolumeView {
  readonly volume: Volume;
  readonly folder: string;
  readonly mountPath: string;
  readonly isReadOnly: boolean;
  /** With a slash at its end; "": all of it. */
  readonly #below: string;
  readonly #seen = new Map<string, Seen>();
  readonly #taken = new Map<string, CommittedFile>();

  constructor(
    volume: Volume,
    {
      folder,
      mountPath,
      isReadOnly,
      subPath,
    }: { folder: string; mountPath: string; isReadOnly: boolean; subPath: string },
  ) {
    this.volume = volume;
    this.folder = folder;
    this.mountPath = mountPath;
    this.isReadOnly = isReadOnly;
    this.#below = subPath === "" ? "" : `${subPath.replace(/^\/+|\/+$/g, "")}/`;
    mkdirSync(folder, { recursive: true });
    this.reload();
  }

  /** What others have committed since appears, but not over what was written here. */
  reload(): void {
    for (const [path, file] of this.volume.files) {
      if (!path.startsWith(this.#below) || this.#taken.get(path) === file) continue;
      const local = join(this.folder, path.slice(this.#below.length));
      if (this.#isOwn(path, local)) continue;
      mkdirSync(dirname(local), { recursive: true });
      writeFileSync(local, this.volume.read(path)!, { mode: file.mode || 0o644 });
      utimesSync(local, file.mtime, file.mtime);
      this.#taken.set(path, file);
      this.#seen.set(path, marksOf(lstatSync(local)));
    }
    for (const path of [...this.#taken.keys()]) {
      if (this.volume.files.has(path)) continue;
      const local = join(this.folder, path.slice(this.#below.length));
      if (!this.#isOwn(path, local)) rmSync(local, { force: true });
      this.#forget(path);
    }
  }

  /** What was written or removed here since the last commit is so for everybody from now on. Returns the paths of what was written. */
  commit(): readonly string[] {
    if (this.isReadOnly) return [];
    const written: string[] = [];
    const found = new Set<string>();
    for (const local of filesBelow(this.folder)) {
      const path = this.#below + local.slice(this.folder.length + 1);
      found.add(path);
      const stat = lstatSync(local, { throwIfNoEntry: false });
      if (stat !== undefined && this.#seen.get(path) === marksOf(stat)) continue;
      const content = stat === undefined ? undefined : contentOf(local);
      // Renamed or removed while this looked: as it is the next time.
      if (stat === undefined || content === undefined) continue;
      this.volume.commit(path, content, stat.mode & 0o777);
      this.#taken.set(path, this.volume.files.get(path)!);
      this.#seen.set(path, marksOf(stat));
      written.push(path);
    }
    for (const path of [...this.#taken.keys()]) {
      if (found.has(path)) continue;
      if (this.volume.files.get(path) === this.#taken.get(path)) this.volume.files.delete(path);
      this.#forget(path);
    }
    return written;
  }

  #isOwn(path: string, local: string): boolean {
    const stat = lstatSync(local, { throwIfNoEntry: false });
    if (stat === undefined) return this.#taken.has(path);
    return this.#seen.get(path) !== marksOf(stat);
  }

  #forget(path: string): void {
    this.#taken.delete(path);
    this.#seen.delete(path);
  }
}

function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function marksOf({ size, mtimeMs, ctimeMs, ino }: Stats): Seen {
  return [size, mtimeMs, ctimeMs, ino].join(" ");
}

function filesBelow(folder: string): string[] {
  // The server has been stopped, and its folders removed, while a container ended.
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

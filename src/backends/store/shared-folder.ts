// A shared cache in a folder that all machines see, as on NFS: `ac/ab/abcdef…` and `cas/ab/abcdef…`. What appears there is whole.
// The time of a file's last change is when it was last used: times of access are kept by few such folders.

import { constants, createReadStream, type Stats } from "node:fs";
import { copyFile, link, mkdir, open, readdir, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDigest, type Digest } from "../../model/digest.ts";
import { hasCode, isMissing, temporaryName } from "../../util/fs.ts";
import {
  usesNotedEveryMs,
  type Listed,
  type SharedContent,
  type SharedEntry,
  type SharedKeeper,
  type SharedKind,
  type SharedStore,
} from "./shared.ts";

export class SharedFolder implements SharedStore, SharedKeeper {
  readonly place: string;
  readonly #root: string;

  constructor(root: string) {
    this.place = root;
    this.#root = root;
  }

  async get(
    kind: SharedKind,
    name: Digest,
    { from = 0, signal }: { readonly from?: number; readonly signal: AbortSignal },
  ): Promise<SharedEntry | undefined> {
    try {
      const handle = await open(this.#pathOf(kind, name), "r");
      const { mtimeMs: usedAt } = await handle.stat();
      return { from, usedAt, bytes: createReadStream("", { fd: handle, start: from, signal }) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async has(kind: SharedKind, name: Digest): Promise<boolean> {
    return (await this.#usedAt(kind, name)) !== undefined;
  }

  async put(kind: SharedKind, name: Digest, content: SharedContent): Promise<"put" | "there"> {
    const there = await this.#usedAt(kind, name);
    const isRecent = there !== undefined && (kind === "ac" || Date.now() - there < usesNotedEveryMs);
    if (isRecent || (there !== undefined && (await this.touch(kind, name)))) return "there";
    const path = this.#pathOf(kind, name);
    const whole = temporaryName(path, this.#staging);
    await mkdir(this.#staging, { recursive: true });
    await mkdir(dirname(path), { recursive: true });
    try {
      if ("bytes" in content) await writeFile(whole, content.bytes, { flag: "wx", mode: 0o444, flush: true });
      else await copyFile(content.file, whole, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      return (await putOnce(whole, path)) ? "put" : "there";
    } finally {
      await unlink(whole).catch(() => undefined);
    }
  }

  get keeper(): SharedKeeper {
    return this;
  }

  async touch(kind: SharedKind, name: Digest): Promise<boolean> {
    const path = this.#pathOf(kind, name);
    const now = new Date();
    try {
      await utimes(path, now, now);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      if (!hasCode(error, "EPERM") && !hasCode(error, "EACCES")) throw error;
    }
    return this.#putAgain(path);
  }

  async *list(kind: SharedKind): AsyncGenerator<readonly Listed[]> {
    const root = join(this.#root, kind);
    for (const folder of await namesIn(root)) {
      const names = (await namesIn(join(root, folder))).filter(isDigest);
      const seen = await Promise.all(names.map((name) => statIfThere(this.#pathOf(kind, name))));
      yield names.flatMap((name, i) => {
        const found = seen[i];
        return found === undefined ? [] : [{ name, size: found.size, usedAt: found.mtimeMs }];
      });
    }
  }

  async remove(kind: SharedKind, name: Digest, unusedSince: number): Promise<boolean> {
    const usedAt = await this.#usedAt(kind, name);
    if (usedAt !== undefined && usedAt >= unusedSince) return false;
    await unlinkIfThere(this.#pathOf(kind, name));
    return true;
  }

  async removeLeftovers(before: number): Promise<void> {
    for (const name of await namesIn(this.#staging)) {
      const path = join(this.#staging, name);
      const found = await statIfThere(path);
      if (found !== undefined && found.mtimeMs < before) await unlinkIfThere(path);
    }
  }

  placeOf(kind: SharedKind, name: Digest): string {
    return this.#pathOf(kind, name);
  }

  /** The time of another's file cannot be set, but the file can be replaced by its like. */
  async #putAgain(path: string): Promise<boolean> {
    const whole = temporaryName(path, this.#staging);
    await mkdir(this.#staging, { recursive: true });
    try {
      await copyFile(path, whole, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      // Somebody may have swept it meanwhile: it stays swept.
      if ((await statIfThere(path)) === undefined) return false;
      await rename(whole, path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    } finally {
      await unlinkIfThere(whole);
    }
  }

  async #usedAt(kind: SharedKind, name: Digest): Promise<number | undefined> {
    const found = await statIfThere(this.#pathOf(kind, name));
    return found?.isFile() === true ? found.mtimeMs : undefined;
  }

  get #staging(): string {
    return join(this.#root, "tmp");
  }

  #pathOf(kind: SharedKind, name: Digest): string {
    return join(this.#root, kind, name.slice(0, 2), name);
  }
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Of several who put an entry, the first one succeeds. */
async function putOnce(whole: string, path: string): Promise<boolean> {
  try {
    await link(whole, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].some((code) => hasCode(error, code))) throw error;
    // Where there are no hard links two may do this at once: each entry is whole, and the later one stays.
    await rename(whole, path);
    return true;
  }
}

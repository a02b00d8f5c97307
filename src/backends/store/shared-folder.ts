// A shared cache in a folder that all machines see, as on NFS: `ac/ab/abcdef…` and `cas/ab/abcdef…`. What appears there is whole.

import { constants, createReadStream } from "node:fs";
import { copyFile, link, mkdir, open, rename, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Digest } from "../../model/digest.ts";
import { hasCode, isMissing, temporaryName } from "../../util/fs.ts";
import type { SharedContent, SharedEntry, SharedKind, SharedStore } from "./shared.ts";

export class SharedFolder implements SharedStore {
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
      return { from, bytes: createReadStream("", { fd: handle, start: from, signal }) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async has(kind: SharedKind, name: Digest): Promise<boolean> {
    try {
      return (await stat(this.#pathOf(kind, name))).isFile();
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async put(kind: SharedKind, name: Digest, content: SharedContent): Promise<"put" | "there"> {
    if (await this.has(kind, name)) return "there";
    const path = this.#pathOf(kind, name);
    const staging = join(this.#root, "tmp");
    const whole = temporaryName(path, staging);
    await mkdir(staging, { recursive: true });
    await mkdir(dirname(path), { recursive: true });
    try {
      if ("bytes" in content) await writeFile(whole, content.bytes, { flag: "wx", mode: 0o444, flush: true });
      else await copyFile(content.file, whole, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      return (await putOnce(whole, path)) ? "put" : "there";
    } finally {
      await unlink(whole).catch(() => undefined);
    }
  }

  placeOf(kind: SharedKind, name: Digest): string {
    return this.#pathOf(kind, name);
  }

  #pathOf(kind: SharedKind, name: Digest): string {
    return join(this.#root, kind, name.slice(0, 2), name);
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

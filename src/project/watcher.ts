// Hears of changes in folders, until they have been quiet for a moment. Unaware of what is done about them.

import type { Stats } from "node:fs";
import { inputFailure, type Failure } from "../model/failure.ts";
import { hasCode } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { WatchedPaths } from "./watched-paths.ts";

/** Editors write a file in several moves, and people save several files at once. */
const quietMs = 150;
/** A file system's clock may be behind by its tick. */
const tickMs = 10;

export class Watcher {
  readonly #watched: WatchedPaths;
  readonly #close: () => Promise<void>;
  #isChanged = false;
  #error: unknown;
  #heard: (() => void) | undefined;

  private constructor(watched: WatchedPaths, close: () => Promise<void>) {
    this.#watched = watched;
    this.#close = close;
  }

  /** Listens when it resolves. What was changed after `since` and before that is taken for heard. */
  static async start(watched: WatchedPaths, since: number): Promise<Result<Watcher, readonly Failure[]>> {
    const { watch } = await import("chokidar");
    const fsWatcher = watch([...watched.folders], {
      depth: 0,
      alwaysStat: true,
      ignored: (path, stats) => !watched.counts(path, stats?.isDirectory()),
      // What a build cannot read is the build's to say.
      ignorePermissionErrors: true,
    });
    const watcher = new Watcher(watched, () => fsWatcher.close());
    let isReady = false;
    fsWatcher.on("all", (_, __, stats?: Stats) => {
      if (isReady || (stats !== undefined && stats.isFile() && stats.ctimeMs > since - tickMs)) watcher.hear();
    });
    await new Promise<void>((resolve) => {
      fsWatcher.on("error", (error) => {
        watcher.#error ??= error;
        watcher.hear();
        resolve();
      });
      fsWatcher.on("ready", () => resolve());
    });
    isReady = true;
    if (watcher.#error === undefined) return ok(watcher);
    await watcher.close();
    return fail([failureOf(watcher.#error)]);
  }

  get files(): number {
    return this.#watched.files;
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  listensTo({ key }: WatchedPaths): boolean {
    return key === this.#watched.key;
  }

  /** What was heard so far is dealt with. */
  forget(): void {
    this.#isChanged = false;
  }

  /** Resolves when something was changed since `forget`, and all has been quiet for a moment; or when `signal` is aborted. */
  async change(signal: AbortSignal): Promise<Result<undefined, readonly Failure[]>> {
    await new Promise<void>((resolve) => {
      let quiet: NodeJS.Timeout | undefined;
      const end = () => {
        clearTimeout(quiet);
        this.#heard = undefined;
        signal.removeEventListener("abort", end);
        resolve();
      };
      this.#heard = () => {
        clearTimeout(quiet);
        quiet = setTimeout(end, this.#error === undefined ? quietMs : 0);
      };
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
      else if (this.#isChanged) this.#heard();
    });
    return this.#error === undefined ? ok(undefined) : fail([failureOf(this.#error)]);
  }

  /** Something was changed, whoever saw it. */
  hear(): void {
    this.#isChanged = true;
    this.#heard?.();
  }

  close(): Promise<void> {
    return this.#close();
  }
}

function failureOf(error: unknown): Failure {
  if (hasCode(error, "ENOSPC"))
    return inputFailure("the system watches no more files: its limit for a user is reached", {
      fix: "Raise it: sudo sysctl fs.inotify.max_user_watches=524288 (a line in /etc/sysctl.d/ keeps it). Or look again and again instead of being told: CHOKIDAR_USEPOLLING=1 exp watch",
    });
  if (hasCode(error, "EMFILE"))
    return inputFailure("the system has no more listeners for files: its limit for a user is reached", {
      fix: "Raise it: sudo sysctl fs.inotify.max_user_instances=1024, and ulimit -n 4096. Or look again and again instead of being told: CHOKIDAR_USEPOLLING=1 exp watch",
    });
  throw error;
}

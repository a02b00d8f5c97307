// A temporary project and the real program in it. Tests say what the files hold, run commands, and look at what comes out.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Event } from "../src/model/event.ts";

export const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
export const program = join(repository, "dist", "exp.cjs");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The words of a program that is given the program's own, and starts it. */
  readonly through?: readonly string[];
}

export interface Started {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when the standard output holds the text. */
  saw(text: string): Promise<void>;
}

export class Rig {
  readonly root: string;
  readonly #running = new Set<ChildProcess>();

  constructor(root: string) {
    this.root = root;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      writeFileSync(this.path(name), text);
    }
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** A build may write there meanwhile: like whoever deletes a folder in use, it tries again. */
  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
  }

  /** Replaces `from`, which must be there, so that a test that edits nothing fails. */
  edit(name: string, from: string | RegExp, to: string): void {
    const text = this.read(name);
    const edited = text.replace(from, to);
    if (edited === text) throw new Error(`${name} does not hold ${String(from)}`);
    writeFileSync(this.path(name), edited);
  }

  endAll(): void {
    for (const child of this.#running) child.kill("SIGKILL");
  }

  start(args: readonly string[], { env = {}, cwd = this.root, through }: RunOptions = {}): Started {
    const [first, ...words] = [...(through ?? []), process.execPath, program, ...args] as [string, ...string[]];
    const child = spawn(first, words, {
      cwd,
      env: { ...cleanEnvironment(), ...env },
      stdio: [through === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    let stdout = "";
    let stderr = "";
    const watchers = new Set<() => void>();
    child.stdout!.on("data", (piece: Buffer) => {
      stdout += piece.toString("utf8");
      for (const watcher of watchers) watcher();
    });
    child.stderr!.on("data", (piece: Buffer) => (stderr += piece.toString("utf8")));
    const finished = new Promise<Finished>((resolve) =>
      child.once("close", (code) => resolve({ code, stdout, stderr })),
    );
    return {
      process: child,
      finished,
      saw: (text) =>
        new Promise((resolve, reject) => {
          const look = () => {
            if (stdout.includes(text)) resolve();
          };
          watchers.add(look);
          look();
          void finished.then(() => reject(new Error(`ended without "${text}":\n${stdout}${stderr}`)));
        }),
    };
  }

  exp(...args: readonly string[]): Promise<Finished> {
    return this.start(args).finished;
  }

  /** Builds and gives the events; fails the test when the exit code is not the one expected. */
  async build(args: readonly string[] = [], expected = 0, options: RunOptions = {}): Promise<Built> {
    const done = await this.start(["build", ...args, "--json"], options).finished;
    if (done.code !== expected)
      throw new Error(`exit code ${done.code}, expected ${expected}:\n${done.stdout}\n${done.stderr}`);
    const events = done.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const { event, ...rest } = JSON.parse(line) as Record<string, unknown>;
        return { kind: event, ...rest } as unknown as Event;
      });
    return new Built(events);
  }
}

/** What a build did, by target: `computed`, `cached`, `fresh`, `failed`, `waits`, `skipped`. */
export class Built {
  readonly events: readonly Event[];

  constructor(events: readonly Event[]) {
    this.events = events;
  }

  get targets(): Readonly<Record<string, string>> {
    const ends = this.events.flatMap((event): [string, string][] => {
      if (event.kind === "target-finished") return [[event.target, event.origin]];
      if (event.kind === "target-failed") return [[event.target, "failed"]];
      if (event.kind === "target-waits") return [[event.target, "waits"]];
      return event.kind === "target-skipped" ? [[event.target, "skipped"]] : [];
    });
    return Object.fromEntries(ends);
  }

  finished(target: string): Extract<Event, { kind: "target-finished" }> {
    const found = this.events.find((event) => event.kind === "target-finished" && event.target === target);
    if (found?.kind !== "target-finished") throw new Error(`${target} did not finish`);
    return found;
  }

  get end(): Extract<Event, { kind: "build-finished" }> {
    const found = this.events.find((event) => event.kind === "build-finished");
    if (found?.kind !== "build-finished") throw new Error("the build did not finish");
    return found;
  }
}

/** A project in a temporary folder, removed at the end: of the test, if not said. `expfile` is found as it would be when installed. */
export function makeProject(
  files: Readonly<Record<string, string>>,
  atEnd: (undo: () => void, patienceMs: number) => void = onTestFinished,
): Rig {
  const root = mkdtempSync(join(tmpdir(), "exp-test-"));
  mkdirSync(join(root, "node_modules"));
  symlinkSync(repository, join(root, "node_modules", "expfile"));
  const rig = new Rig(root);
  // A test that failed may have left builds behind that wait for ever. A tree of 100,000 files takes a while to go.
  atEnd(() => {
    rig.endAll();
    rmSync(root, { recursive: true, force: true });
  }, 600_000);
  rig.write({
    "package.json": '{ "private": true, "type": "module" }\n',
    "configs/default.yaml": "version: 1\n",
    ...files,
  });
  return rig;
}

/** Without what the test runner adds: a build must not see it. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, USER } = process.env;
  // No collection starts by itself: it would outlive the test's folder.
  return { PATH, HOME, USER, NO_COLOR: "1", EXP_GC: "off" };
}

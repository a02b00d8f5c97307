// The program: reads the command line, loads the command, sets the exit code. Signals, streams and the exit code of the process are dealt with here.

import type { ChildProcess } from "node:child_process";
import { once, setMaxListeners } from "node:events";
import { closeSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { parseArguments, type Arguments } from "./commands/arguments.ts";
import { showFailures, type Screen } from "./commands/screen.ts";
import { exitCodes } from "./commands/table.ts";
import { hasCode } from "./util/fs.ts";
import { orStandstill } from "./util/standstill.ts";
import { withoutPasswords } from "./util/url.ts";
import { FailureError } from "./model/failure.ts";
import { version } from "./project/version.ts";

type Command = (args: Arguments, screen: Screen) => Promise<number>;

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  build: async () => (await import("./commands/build.ts")).build,
  watch: async () => (await import("./commands/watch.ts")).watch,
  plan: async () => (await import("./commands/plan.ts")).plan,
  status: async () => (await import("./commands/status.ts")).status,
  why: async () => (await import("./commands/why.ts")).why,
  show: async () => (await import("./commands/show.ts")).show,
  clean: async () => (await import("./commands/clean.ts")).clean,
  graph: async () => (await import("./commands/graph.ts")).graph,
  accept: async () => (await import("./commands/accept.ts")).accept,
  reproduce: async () => (await import("./commands/reproduce.ts")).reproduce,
  verify: async () => (await import("./commands/verify.ts")).verify,
  runs: async () => (await import("./commands/runs.ts")).runs,
  fetch: async () => (await import("./commands/fetch.ts")).fetch,
  cache: async () => (await import("./commands/cache.ts")).cache,
  ps: async () => (await import("./commands/ps.ts")).ps,
  sweep: async () => (await import("./commands/ps.ts")).sweep,
  gc: async () => (await import("./commands/gc.ts")).gc,
  init: async () => (await import("./commands/init.ts")).init,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  completion: async () => (await import("./commands/completion.ts")).completion,
};

/** What they do counts, and not only what they say. */
const working: ReadonlySet<string> = new Set(["build", "watch", "verify", "reproduce", "fetch"]);

/** `spare`: a worker that was started ahead. */
export async function run(spare?: ChildProcess): Promise<void> {
  const interrupt = new AbortController();
  // Every action under way listens to it: their number is no leak.
  setMaxListeners(0, interrupt.signal);
  // Of writing what is to be said: a disk that is full, say.
  let trouble: Error | undefined;
  let isOver = false;
  const leave = (code: number | string): never => {
    isOver = true;
    if (trouble !== undefined) process.stderr.write(`${diskTrouble(trouble) ?? trouble.message}\n`);
    return process.exit(code);
  };
  // Node tells of an error that nobody caught, and ends.
  process.on("uncaughtExceptionMonitor", () => (isOver = true));
  process.on("exit", () => {
    if (isOver) return;
    process.exitCode = exitCodes.failed;
    tellAtExit(
      "process.exit() was called in the midst of it, by the Expfile, what it imports, or a schema: it goes no further",
    );
  });
  let interrupts = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      interrupt.abort();
      // Asked twice: the work is not waited for. What was reported finished is safe.
      if (isOver) process.exit();
      if (++interrupts > 1) leave(exitCodes.interrupted);
    });
  }
  const works = process.argv.slice(2).some((word) => working.has(word));
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // A reader that has seen enough (`exp status | head`) is no error, nor is a terminal that was closed.
      if (!["EPIPE", "EIO", "ERR_STREAM_DESTROYED"].some((code) => hasCode(error, code))) trouble ??= error;
      if (stream === process.stderr) return;
      if (!works) leave(trouble === undefined ? (process.exitCode ?? exitCodes.done) : exitCodes.failed);
      // Work that nobody watches any more is ended in good order.
      interrupt.abort();
    });
  closeGoneTerminals();
  const isTerminal = isatty(1);
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const out = isTerminal ? { write: writeOut, flush: () => undefined } : inBatches(writeOut);
  process.on("exit", out.flush);
  const screen: Screen = {
    workingFolder: process.cwd(),
    environment: process.env,
    argv: process.argv.slice(2),
    isTerminal: isTerminal && TERM !== "dumb",
    color:
      NO_COLOR === undefined || NO_COLOR === ""
        ? (FORCE_COLOR !== undefined && FORCE_COLOR !== "0") || (isTerminal && TERM !== "dumb")
        : false,
    width: isTerminal ? process.stdout.columns || undefined : undefined,
    write: out.write,
    drained: async () => {
      out.flush();
      if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
    },
    writeError: (text) => {
      out.flush();
      process.stderr.write(text);
    },
    ask: (question) => ask(question, leave),
    signal: interrupt.signal,
    now: Date.now,
    spare,
  };
  process.exitCode = await runCommand(screen);
  out.flush();
  isOver = true;
  if (trouble !== undefined) leave(exitCodes.failed);
  endSoon();
}

function tellAtExit(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // Nobody sees what is said there.
  }
}

const longestEndMs = 5_000;

/** A timer or a connection that the Expfile has left open would keep this process for ever. Where there is none it ends before that. */
function endSoon(): void {
  setTimeout(() => {
    if (process.stdout.writableLength > 0) return endSoon();
    process.stderr.write(
      "warning: the Expfile, or what it imports, has left a timer or a connection open: exp ends all the same\n",
    );
    process.exit();
  }, longestEndMs).unref();
}

/** Node sets terminals back at its end, and aborts where one is gone: it is not to find that. */
function closeGoneTerminals(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.on("exit", () => {
    for (const fd of terminals) {
      if (isatty(fd)) continue;
      try {
        closeSync(fd);
        // Its number is not to become that of some file.
        openSync("/dev/null", "r+");
      } catch {
        // Nobody sees what is said there.
      }
    }
  });
}

/** On the standard error, so that it is seen where the output goes elsewhere. */
async function ask(question: string, leave: (code: number) => never): Promise<string | undefined> {
  if (!isatty(0) || !isatty(2)) return undefined;
  const { createInterface } = await import("node:readline/promises");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  // Another Ctrl-C is no answer, but what it always is the second time.
  reader.on("SIGINT", () => leave(exitCodes.interrupted));
  try {
    return await reader.question(question);
  } catch (error) {
    // Ctrl-D is no answer.
    if (hasCode(error, "ABORT_ERR")) return undefined;
    throw error;
  } finally {
    reader.close();
  }
}

function writeOut(text: string): void {
  process.stdout.write(text);
}

const mostHeldBack = 1 << 16;
const longestHeldBackMs = 10;

/** What is written within a moment is written at once: a build may say ten thousand lines in two seconds. */
function inBatches(write: (text: string) => void): {
  readonly write: (text: string) => void;
  readonly flush: () => void;
} {
  let held = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (held === "") return;
    const text = held;
    held = "";
    write(text);
  };
  return {
    write(text) {
      timer ??= setTimeout(flush, longestHeldBackMs);
      held += text;
      if (held.length > mostHeldBack) flush();
    },
    flush,
  };
}

async function runCommand(screen: Screen): Promise<number> {
  const parsed = parseArguments(screen.argv, version);
  if (!parsed.ok) {
    showFailures(screen, [parsed.error]);
    return exitCodes.wrongInput;
  }
  if ("print" in parsed.value) {
    screen.write(parsed.value.print);
    return parsed.value.exitCode;
  }
  try {
    const command = await commands[parsed.value.command]!();
    const { value } = parsed;
    return await orStandstill(
      () => command(value, screen),
      () => new Error("it waits for something that nothing is left to bring about"),
    );
  } catch (error) {
    if (error instanceof FailureError) {
      showFailures(screen, error.failures);
      return error.failures.every((failure) => failure.kind === "input") ? exitCodes.wrongInput : exitCodes.failed;
    }
    const known = diskTrouble(error);
    if (known !== undefined) {
      screen.writeError(`${known}\n`);
      return exitCodes.failed;
    }
    screen.writeError(
      `internal error in exp ${version}, please report it (exp ${screen.argv.map(withoutPasswords).join(" ")}):\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return exitCodes.failed;
  }
}

/** The worst days of a disk, in words. */
function diskTrouble(error: unknown): string | undefined {
  const { code, path, message } = (error ?? {}) as NodeJS.ErrnoException;
  switch (code) {
    case "ENOSPC":
      return `the disk is full${path === undefined ? "" : ` (${path})`}: nothing finished was lost. Make room (cache/ may be deleted at any time) and run the command again`;
    case "EDQUOT":
      return `the disk quota is used up${path === undefined ? "" : ` (${path})`}: nothing finished was lost. Make room and run the command again`;
    case "ENOTDIR":
    case "EEXIST":
      return `${path ?? "a path"}: there is a file where a folder is needed. Move it away and run the command again`;
    case "EROFS":
      return `${path ?? "a file"} cannot be written: ${message ?? code}. Its disk is mounted to be read only`;
    case "EACCES":
      return `${path ?? "a file"} may not be read or written by this user: ${message ?? code}. See who owns it and what its mode says: ls -ld ${path ?? "FILE"} (exp doctor looks at cache/ and runs/)`;
    case "EMFILE":
    case "ENFILE":
      return "too many files are open: raise the limit (ulimit -n 4096) or build with fewer workers (-j 1)";
    default:
      return undefined;
  }
}

// What a command writes to and knows of its surroundings. Commands take it as a parameter; main.ts fills it in.

import type { ChildProcess } from "node:child_process";
import { isAbsolute, relative } from "node:path";
import pc from "picocolors";
import type { Failure } from "../model/failure.ts";
import { renderFailures } from "../report/messages.ts";
import type { Palette } from "../report/palette.ts";

export interface Screen {
  readonly workingFolder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly argv: readonly string[];
  readonly isTerminal: boolean;
  readonly color: boolean;
  readonly width: number | undefined;
  /** To the standard output. */
  readonly write: (text: string) => void;
  /** Resolves when a reader that is slow has taken what was written. */
  readonly drained: () => Promise<void>;
  /** To the standard error. */
  readonly writeError: (text: string) => void;
  /** Asks the person at the terminal; undefined: there is none. */
  readonly ask: (question: string) => Promise<string | undefined>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** A worker that was started before it was known whether it would be needed. */
  readonly spare?: ChildProcess | undefined;
}

export function paletteOf(screen: Screen): Palette {
  return pc.createColors(screen.color);
}

export function showFailures(screen: Screen, failures: readonly Failure[]): void {
  screen.writeError(renderFailures(failures, { color: screen.color }).join("\n") + "\n");
}

export function writeJson(screen: Screen, value: unknown): void {
  screen.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function writeLines(screen: Screen, lines: readonly string[]): void {
  if (lines.length > 0) screen.write(`${lines.join("\n")}\n`);
}

/** As somebody in the working folder would type it. */
export function nearPath(screen: Screen, path: string): string {
  const near = relative(screen.workingFolder, path);
  return isAbsolute(near) ? path : near;
}

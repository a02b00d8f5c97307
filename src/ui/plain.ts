// The reporter for pipes, logs and CI: whole lines, never rewritten, as few as tell the story.

import { paint } from "../report/text.ts";
import { noColours, type Palette } from "../report/palette.ts";
import { createBuildLines, type LinesOptions, type ShownLine } from "./lines.ts";
import type { Reporter, Ticker } from "./reporter.ts";
import { systemTicker } from "./reporter.ts";
import { followRunningTargets } from "./running.ts";

export interface PlainOptions extends LinesOptions {
  /** Receives whole lines, each with its line feed. */
  readonly write: (text: string) => void;
  readonly palette?: Palette;
  readonly ticker?: Ticker;
}

/** A target that is expected to take this long, or has taken it, gets a line at its start as well. */
const LONG_MS = 10_000;
/** A log that says nothing for longer looks dead. */
const PROGRESS_MS = 60_000;

export function createPlainReporter({
  write,
  palette = noColours,
  ticker = systemTicker,
  ...options
}: PlainOptions): Reporter {
  const lines = createBuildLines(options);
  const running = followRunningTargets();
  const pending = new Map<string, () => void>();
  let shownAt = ticker.now();

  function show(shown: readonly ShownLine[]): void {
    if (shown.length === 0) return;
    write(shown.map(({ line }) => `${paint(line, palette).trimEnd()}\n`).join(""));
    shownAt = ticker.now();
  }

  function announce(target: string): void {
    const each = running.all.get(target);
    if (each !== undefined && !each.isAnnounced) show(lines.startOf(each));
  }

  function forget(target: string): void {
    pending.get(target)?.();
    pending.delete(target);
  }

  function close(): void {
    for (const cancel of pending.values()) cancel();
    pending.clear();
  }

  return {
    emit: (event) => {
      show(lines.linesOf(event, running));
      running.note(event, ticker.now());
      if (event.kind === "target-started") {
        const { target, expectedMs = 0 } = event;
        if (expectedMs >= LONG_MS) announce(target);
        else
          pending.set(
            target,
            ticker.after(LONG_MS, () => announce(target)),
          );
      }
      if (event.kind === "item-finished" && ticker.now() - shownAt >= PROGRESS_MS) {
        const each = running.all.get(event.target);
        if (each !== undefined) show(lines.progressOf(each, ticker.now()));
      }
      if ("target" in event && !running.all.has(event.target)) forget(event.target);
      if (event.kind === "build-finished") close();
    },
    close,
  };
}

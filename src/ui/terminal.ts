// The reporter for a terminal: finished targets as lines, running ones as bars beneath them. Bars appear only for what has run
// for a while, so a quick build is a few lines and no flicker. cli-progress is loaded with the first bar.

import { largest } from "../util/largest.ts";
import type { MultiBar, SingleBar } from "cli-progress";
import { noColours, type Palette } from "../report/palette.ts";
import { clipLine, fold, oneLine, paint, widthOf } from "../report/text.ts";
import { unreachable } from "../util/result.ts";
import { barOf } from "./bar.ts";
import { createBuildLines, type LinesOptions, type ShownLine } from "./lines.ts";
import { systemTicker, type Reporter, type Ticker } from "./reporter.ts";
import { followRunningTargets } from "./running.ts";

/** The part of `process.stderr` that is needed. */
export interface TerminalStream {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Calls `restore` when the process is interrupted or ends; returns what takes that back. */
export type OnProcessEnd = (restore: () => void) => () => void;

export interface TerminalOptions extends LinesOptions {
  readonly stream: TerminalStream;
  readonly palette?: Palette;
  readonly ticker?: Ticker;
  readonly onProcessEnd?: OnProcessEnd;
}

/** What has run for less needs no bar. */
const QUICK_MS = 400;
const FRAMES_A_SECOND = 8;
const MOST_BARS = 10;
const CLEAR_REST = "\u001b[K";
const WRAP_ON = "\u001b[?7h";
const WRAP_OFF = "\u001b[?7l";

export function createTerminalReporter(options: TerminalOptions): Reporter {
  const { stream, palette = noColours, ticker = systemTicker, onProcessEnd = onSignalsAndExit, ...rest } = options;
  const lines = createBuildLines(rest);
  const running = followRunningTargets();
  const pending = new Map<string, () => void>();
  const bars = new Map<string, SingleBar>();
  /** Above the others, of a build with a limit of money. */
  let moneyBar: SingleBar | undefined;
  let multi: MultiBar | undefined;
  let isLoading = false;
  let isOver = false;
  let forgetProcess: (() => void) | undefined;

  // Some pseudo-terminals say that they have no columns at all.
  const columns = (): number => stream.columns || 80;

  function show(shown: readonly ShownLine[]): void {
    const texts = shown.flatMap((each) => fit(each, columns(), palette));
    if (texts.length === 0) return;
    if (bars.size === 0 || multi === undefined) {
      stream.write(texts.map((text) => `${text}\n`).join(""));
      return;
    }
    // While bars are up the terminal does not wrap, so that a bar stays one row; a line above them may be longer than the screen.
    for (const text of texts) multi.log(`${WRAP_ON}${text}${CLEAR_REST}${WRAP_OFF}\n`);
    multi.update();
  }

  /** A bar for every target that has run long enough, as far as the screen has room. */
  function raiseBars(): void {
    if (isOver) return;
    const waiting = [...running.all.keys()].filter((target) => !pending.has(target) && !bars.has(target));
    const rows = (stream.rows || 24) - (lines.spent() === undefined ? 2 : 3);
    const room = Math.min(MOST_BARS, Math.max(1, rows)) - bars.size;
    if (waiting.length === 0 || room <= 0) return;
    if (multi === undefined) {
      void loadBars();
      return;
    }
    if (bars.size === 0) {
      show(lines.header());
      forgetProcess = onProcessEnd(interrupt);
      if (lines.spent() !== undefined) moneyBar = multi.create(1, 0, {});
    }
    for (const target of waiting.slice(0, room)) bars.set(target, multi.create(1, 0, { target }));
    multi.update();
  }

  async function loadBars(): Promise<void> {
    if (isLoading) return;
    isLoading = true;
    const { default: progress } = await import("cli-progress");
    multi = new progress.MultiBar({
      // The types ask for a whole stream; the package only writes.
      stream: ttyOf(stream),
      fps: FRAMES_A_SECOND,
      hideCursor: true,
      linewrap: false,
      clearOnComplete: true,
      // A line that was logged pushes the bars down: each has to be drawn again although its text is the same.
      forceRedraw: true,
      // The package would swallow an interrupt that nobody else listens for.
      gracefulExit: false,
      format: (_options, _params, { target }: { readonly target?: string }) =>
        target === undefined ? drawMoney() : drawBar(target),
    });
    raiseBars();
  }

  function drawBar(target: string): string {
    const each = running.all.get(target);
    if (each === undefined) return "";
    // One cell stays free: a full row would leave some terminals with a pending wrap.
    const width = Math.max(20, columns() - 1);
    const names = [...bars.keys()].map((name) => widthOf(oneLine(name)));
    const nameWidth = Math.min(Math.floor(width / 3), largest(names, 8));
    return paint(barOf(each, { width, nameWidth, now: ticker.now() }), palette);
  }

  function drawMoney(): string {
    return paint(clipLine(lines.spent() ?? [], Math.max(20, columns() - 1)), palette);
  }

  function lowerBar(target: string): void {
    const bar = bars.get(target);
    if (bar === undefined || multi === undefined) return;
    bars.delete(target);
    if (bars.size === 0) {
      endBars(bar);
      return;
    }
    multi.remove(bar);
  }

  function endBars(...last: readonly SingleBar[]): void {
    multi!.stop();
    for (const bar of [...last, moneyBar]) if (bar !== undefined) removeQuietly(multi!, bar);
    moneyBar = undefined;
    forgetProcess?.();
    forgetProcess = undefined;
  }

  function interrupt(): void {
    isOver = true;
    close();
  }

  function close(): void {
    for (const cancel of pending.values()) cancel();
    pending.clear();
    if (bars.size === 0) return;
    const last = [...bars.values()];
    bars.clear();
    endBars(...last);
  }

  return {
    emit: (event) => {
      const shown = lines.linesOf(event, running);
      running.note(event, ticker.now());
      if (event.kind === "target-started") {
        const { target } = event;
        const rise = (): void => {
          pending.delete(target);
          raiseBars();
        };
        pending.set(target, ticker.after(QUICK_MS, rise));
      }
      if (event.kind === "build-finished") {
        isOver = true;
        close();
      }
      if ("target" in event && !running.all.has(event.target)) {
        pending.get(event.target)?.();
        pending.delete(event.target);
        lowerBar(event.target);
        raiseBars();
      }
      show(shown);
    },
    close: () => {
      isOver = true;
      close();
    },
  };
}

function fit({ line, fit }: ShownLine, columns: number, palette: Palette): readonly string[] {
  switch (fit) {
    case "clip":
      return [paint(clipLine(line, columns), palette).trimEnd()];
    case "whole":
      return [paint(line, palette)];
    case "fold": {
      // Only the first span of a sentence is styled: its lead.
      const [lead, ...others] = line;
      const text = line.map((each) => each.text).join("");
      if (widthOf(text) <= columns || lead === undefined) return [paint(line, palette)];
      const indent = " ".repeat(text.startsWith("  ") ? 9 : 2);
      const [first = "", ...more] = fold(text, columns, indent);
      const start = first.startsWith(lead.text) ? paint([lead], palette) + first.slice(lead.text.length) : first;
      return [others.length === 0 ? paint([{ ...lead, text: first }], palette) : start, ...more];
    }
    default:
      return unreachable(fit);
  }
}

/** `remove` of cli-progress draws once more and starts its timer again; after `stop` only the list is to be emptied. */
function removeQuietly(multi: MultiBar, bar: SingleBar): void {
  const { bars } = multi as unknown as { readonly bars: SingleBar[] };
  const index = bars.indexOf(bar);
  if (index >= 0) bars.splice(index, 1);
}

function ttyOf(stream: TerminalStream): NodeJS.WritableStream {
  const tty = {
    isTTY: true,
    get columns() {
      return stream.columns || 80;
    },
    write: (text: string) => stream.write(text),
  };
  return tty as unknown as NodeJS.WritableStream;
}

/**
 * Runs on Ctrl-C too. When nobody else listens for it the signal is sent again, so that the process ends as if we had not
 * listened. Others are counted before and after: a listener for one time is gone by the time it has run.
 */
function onSignalsAndExit(restore: () => void): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const heard = new Set<NodeJS.Signals>(signals.filter((signal) => process.listenerCount(signal) > 0));
  const onSignal = (signal: NodeJS.Signals): void => {
    forget();
    restore();
    if (!heard.has(signal) && process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const forget = (): void => {
    for (const signal of signals) process.removeListener(signal, onSignal);
    process.removeListener("exit", restore);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on("exit", restore);
  return forget;
}

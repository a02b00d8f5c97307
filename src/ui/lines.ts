// The wording of a build's output, shared by every reporter for people: event → lines. Knows no stream and no cursor.
//
//   run default · peptides · configs/default.yaml
//   prepare   computed   0.1 s  new: no earlier result in this run
//   generate  computed   2.1 s  1,000 items (50 cached) · config generate.samples: 50 → 100
//   judge     cached            saved 3.2 s
//   analyse   fresh
//   done in 4.2 s: 951 computed, 51 cached, 1 fresh; the cache saved 3.2 s
//   shared cache /mnt/team/exp-cache: took 51 results, 3.4 MB; gives 951
//   report: runs/default/analyse/report.html

import { largest } from "../util/largest.ts";
import type { Event } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import { countOf, formatCount, formatDuration, formatMoney, formatRoughDuration } from "../report/amounts.ts";
import { styleOfOrigin } from "../report/palette.ts";
import { wordRemaining, wordSpent } from "../report/money.ts";
import { headline } from "../report/reasons.ts";
import { wordTraffic } from "../report/shared.ts";
import {
  joinSpans,
  linesOfLog,
  oneLine,
  padEnd,
  padStart,
  span,
  widthOf,
  type Line,
  type Span,
} from "../report/text.ts";
import { unreachable } from "../util/result.ts";
import { countReady, remainingMs, type Running, type RunningTargets } from "./running.ts";
import {
  headerOf,
  listNames,
  logLine,
  retryDetails,
  upToDateLine,
  wordCounts,
  wordDue,
  wordExpected,
  wordFailed,
  wordItems,
  wordRequests,
  wordState,
} from "./words.ts";

/** Lines of failures as report/messages.ts renders them, colours included. */
export type RenderFailure = (failure: Failure) => readonly string[];

export interface ShownLine {
  readonly line: Line;
  /**
   * What a narrow screen does: `clip` a row of the table, `fold` a sentence at its spaces, or show it `whole`, because it is
   * copied (a path, a command) or already painted.
   */
  readonly fit: "clip" | "fold" | "whole";
}

export interface LinesOptions {
  readonly renderFailure: RenderFailure;
  /** What goes on after people have answered: `exp build`, with the arguments of this build. */
  readonly again?: string;
  /** The same with room for another limit of money at its end; only of use where there is one. */
  readonly againWithMore?: string;
  /** Names that will appear, where they are known: the columns then fit from the first line on. */
  readonly targets?: readonly string[];
}

export interface BuildLines {
  /** What the event shows; `running` is asked as it was before the event. */
  linesOf(event: Event, running: RunningTargets): readonly ShownLine[];
  /** That a long target has started, with its reasons, which its last line then need not repeat. */
  startOf(running: Running): readonly ShownLine[];
  /** How far a long target is. */
  progressOf(running: Running, now: number): readonly ShownLine[];
  /** `spent $1.23 of $5.00`, while a build with a limit has spent something. */
  spent(): Line | undefined;
  /** The first line, if no line has been shown yet. */
  header(): readonly ShownLine[];
}

const WIDEST_NAME = 32;
const STATE_WIDTH = "computed".length;
/** So many targets that were left alone, or not tried, get a line each. */
const MOST_QUIET_LINES = 4;
const MOST_REPORTS = 5;

export function createBuildLines({
  renderFailure,
  again = "exp build",
  againWithMore = `${again} --max-usd MORE`,
  targets = [],
}: LinesOptions): BuildLines {
  let nameWidth = Math.min(
    WIDEST_NAME,
    largest(
      // Of letters, digits, - and _.
      targets.map((name) => name.length),
      8,
    ),
  );
  let timeWidth = 6;
  /** Held back until something else is shown: an up-to-date build says one line. */
  let firstLine: Line | undefined;
  let overrides: readonly string[] = [];
  let fresh: string[] = [];
  let skipped: { readonly name: string; readonly because: string }[] = [];
  const ends = new Map<string, "failed" | "waits" | "is not paid for" | "was not tried">();
  let remaining = 0;
  let spent: Extract<Event, { kind: "spent" }> | undefined;

  function row(target: string, state: Span, time: string, details: Line): ShownLine {
    const name = oneLine(target);
    nameWidth = Math.min(WIDEST_NAME, Math.max(nameWidth, widthOf(name)));
    timeWidth = Math.max(timeWidth, widthOf(time));
    const detail = joinSpans(details, " · ");
    const cells: Span[] = [span(padEnd(name, nameWidth)), span("  "), state];
    if (time !== "" || detail.length > 0) {
      cells.push(span(" ".repeat(Math.max(0, STATE_WIDTH - widthOf(state.text)))), span("  "));
      cells.push(span(padStart(time, timeWidth)));
    }
    if (detail.length > 0) cells.push(span("  "), ...detail);
    return { line: cells, fit: "clip" };
  }

  function flush(): ShownLine[] {
    const held: ShownLine[] = [];
    if (firstLine !== undefined) held.push({ line: firstLine, fit: "clip" });
    if (fresh.length > MOST_QUIET_LINES)
      held.push(row(countOf(fresh.length, "target"), span("fresh", "dim"), "", [span(listNames(fresh))]));
    else held.push(...fresh.map((name) => row(name, span("fresh", styleOfOrigin.fresh), "", [])));
    for (const skippedRow of skippedRows()) held.push(skippedRow);
    firstLine = undefined;
    fresh = [];
    skipped = [];
    return held;
  }

  /** A line each while they are few; of many, one for those that were skipped for the same reason. */
  function skippedRows(): ShownLine[] {
    const rowOf = (name: string, details: Line) => row(name, span("skipped", "dim"), "", details);
    if (skipped.length <= MOST_QUIET_LINES)
      return skipped.map(({ name, because }) => rowOf(name, [span(wordBecause(because), "dim")]));
    const reasons = [...new Set(skipped.map(({ because }) => because))];
    return reasons.map((reason) => {
      const names = skipped.filter(({ because }) => because === reason).map(({ name }) => name);
      const [only] = names.length === 1 ? names : [];
      const because = span(wordBecause(reason), "dim");
      if (only !== undefined) return rowOf(only, [because]);
      return rowOf(countOf(names.length, "target"), [because, span(listNames(names), "dim")]);
    });
  }

  function wordBecause(because: string): string {
    const end = ends.get(because);
    return end === undefined ? oneLine(because) : `${oneLine(because)} ${end}`;
  }

  function linesOf(event: Event, running: RunningTargets): readonly ShownLine[] {
    // In this order: what was held back may widen the columns.
    const held = isQuiet(event) ? [] : flush();
    return [...held, ...ownLinesOf(event, running)];
  }

  /** Without what was held back. */
  function ownLinesOf(event: Event, running: RunningTargets): readonly ShownLine[] {
    switch (event.kind) {
      case "build-started":
        firstLine = headerOf(event);
        overrides = event.overrides;
        for (const name of event.targets)
          nameWidth = Math.min(WIDEST_NAME, Math.max(nameWidth, widthOf(oneLine(name))));
        return [];
      case "waiting-for-lock":
        return [sentence(`run ${event.run} is being built by ${event.holder}: this build goes on when that one ends`)];
      case "waiting-for-action":
        return [
          row(event.target, span("waiting", "dim"), "", [span(`${oneLine(event.holder)} computes the same result`)]),
        ];
      case "target-started":
      case "items-known":
      case "item-finished":
      case "elsewhere":
        return [];
      case "spent":
        spent = event;
        return [];
      case "action-retried":
        return [row(event.target, span("retry", "yellow"), "", retryDetails(event))];
      case "log":
        return linesOfLog(event.text).map((text) => whole(logLine(event, text)));
      case "target-finished":
        if (event.origin === "fresh") {
          fresh.push(event.target);
          return [];
        }
        return [finishedRow(event, running.all.get(event.target))];
      case "target-failed":
        ends.set(event.target, "failed");
        return [
          row(event.target, span("failed", "red"), "", [span(wordFailed(event, running.all.get(event.target)?.items))]),
          ...failureLines(event.failures),
        ];
      case "target-waits":
        ends.set(event.target, "waits");
        return [
          row(event.target, span("waits", "magenta"), "", [span(wordRequests(event.requests.length))]),
          ...requestLines(event.requests),
        ];
      case "target-unaffordable": {
        ends.set(event.target, "is not paid for");
        remaining += event.remaining ?? 0;
        const state = span("unpaid", "yellow");
        const cost = event.costUsd > 0 ? formatMoney(event.costUsd) : "";
        const details = [span(wordRemaining(event.items, event.remaining)), span(cost, "bold")];
        return [row(event.target, state, "", details), ...fieldLines("why", event.why)];
      }
      case "target-skipped":
        ends.set(event.target, "was not tried");
        skipped.push({ name: event.target, because: event.because });
        return [];
      case "output-set-aside":
        return [
          row(event.target, span("kept", "yellow"), "", [
            span(`${oneLine(event.file)} was edited: your version is now ${oneLine(event.to)}`),
          ]),
        ];
      case "target-warned": {
        const text = oneLine(`${event.target}: ${event.text}`);
        return [{ line: [span("warning: ", "yellow"), span(text)], fit: "fold" }];
      }
      case "warning":
        return [{ line: [span("warning: ", "yellow"), span(oneLine(event.text))], fit: "fold" }];
      case "watching":
        return [
          ...failureLines(event.failures),
          sentence(`watching ${countOf(event.files, "file")}; ${wordState(event.outcome)}`),
        ];
      case "build-finished":
        return closingLines(event);
      default:
        return unreachable(event);
    }
  }

  function finishedRow(event: Extract<Event, { kind: "target-finished" }>, running: Running | undefined): ShownLine {
    const details: Span[] = [span(wordItems(event.counts, event.origin, running?.items))];
    if (event.costUsd > 0) details.push(span(formatMoney(event.costUsd), "bold"));
    if (event.savedMs >= 50) details.push(span(`saved ${formatDuration(event.savedMs)}`));
    if (event.sameOutput && event.origin === "computed") details.push(span("same output"));
    if (running?.isAnnounced !== true) details.push(span(headline(event.reasons), "dim"));
    const time = event.origin === "computed" ? formatDuration(event.tookMs) : "";
    return row(event.target, span(event.origin, styleOfOrigin[event.origin]), time, details);
  }

  function failureLines(failures: readonly Failure[]): ShownLine[] {
    return failures.flatMap((failure, index) => {
      const lines = renderFailure(failure).map((line) => whole([span(`  ${line}`)]));
      return index === 0 ? lines : [whole([]), ...lines];
    });
  }

  function requestLines(requests: Extract<Event, { kind: "target-waits" }>["requests"]): ShownLine[] {
    const asked = requests.flatMap(({ what, path, how }) => [
      ...fieldLines("what", what),
      ...fieldLines("where", path),
      ...fieldLines("how", how),
    ]);
    return [...asked, whole([span("  then   ", "dim"), span(again, "bold")])];
  }

  function closingLines(event: Extract<Event, { kind: "build-finished" }>): readonly ShownLine[] {
    if (event.outcome === "up-to-date") {
      firstLine = undefined;
      fresh = [];
      return [{ line: upToDateLine(event.run, overrides), fit: "clip" }];
    }
    const lines = [...flush(), closingLine(event)];
    if (event.outcome === "unaffordable")
      lines.push(sentence(`what is finished is kept, and not paid for again: ${againWithMore} goes on from here`));
    if (event.outcome === "interrupted") lines.push(sentence(`what is finished is kept: ${again} goes on from here`));
    if (event.shared !== undefined) lines.push(sentence(wordTraffic(event.shared)));
    return [...lines, ...reportLines(event.reports)];
  }

  function closingLine(event: Extract<Event, { kind: "build-finished" }>): ShownLine {
    const took = formatDuration(event.tookMs);
    const failed = [...ends].filter(([, end]) => end === "failed").map(([name]) => name);
    const waits = [...ends].filter(([, end]) => end === "waits").map(([name]) => name);
    const unpaid = [...ends].filter(([, end]) => end === "is not paid for").map(([name]) => name);
    const skipped = [...ends.values()].filter((end) => end === "was not tried").length;
    const outcomes = {
      done: span(`done in ${took}`, "green"),
      "up-to-date": span("up to date", "green"),
      failed: span(`failed after ${took}`, "red"),
      unaffordable: span(`stopped for want of money after ${took}`, "yellow"),
      waiting: span(`waiting for people after ${took}`, "magenta"),
      interrupted: span(`interrupted after ${took}`, "yellow"),
    };
    const facts = [
      failed.length > 0 ? `${listNames(failed)} failed` : "",
      unpaid.length > 0 ? `${listNames(unpaid)} ${unpaid.length === 1 ? "is" : "are"} not paid for` : "",
      remaining > 0 ? `${countOf(remaining, "item")} ${remaining === 1 ? "remains" : "remain"}` : "",
      failed.length + unpaid.length > 0 && waits.length > 0
        ? `${listNames(waits)} ${waits.length === 1 ? "waits" : "wait"} for people`
        : "",
      skipped > 0 ? `${countOf(skipped, "target")} not tried` : "",
      wordCounts(event.counts),
      event.savedMs >= 50 ? `the cache saved ${formatDuration(event.savedMs)}` : "",
      event.maxUsd !== undefined
        ? `spent ${wordSpent(event.spentUsd ?? 0, event.maxUsd)}`
        : event.costUsd > 0
          ? `cost ${formatMoney(event.costUsd)}`
          : "",
    ].filter((fact) => fact !== "");
    return { line: [outcomes[event.outcome], span(`: ${facts.join("; ")}`)], fit: "fold" };
  }

  function spentLine(): Line | undefined {
    if (spent?.maxUsd === undefined) return undefined;
    return [span("spent "), span(wordSpent(spent.spentUsd, spent.maxUsd), "bold")];
  }

  return {
    linesOf,
    header: flush,
    spent: spentLine,
    startOf: (running) => {
      running.isAnnounced = true;
      const details = [span(wordDue(running)), span(wordExpected(running)), span(headline(running.reasons), "dim")];
      return [...flush(), row(running.target, span("running"), "", details)];
    },
    progressOf: (running, now) => {
      const left = remainingMs(running, now);
      const ready = `${formatCount(countReady(running))} of ${running.items === undefined ? "?" : formatCount(running.items)} items`;
      const details = [
        span(running.items === undefined && running.ready === 0 ? "" : ready),
        span(left === undefined ? "" : `${formatRoughDuration(left)} left`),
        span(running.costUsd > 0 ? formatMoney(running.costUsd) : "", "bold"),
        span((spentLine() ?? []).map(({ text }) => text).join("")),
      ];
      return [...flush(), row(running.target, span("running"), formatDuration(now - running.startedAt), details)];
    },
  };
}

/** Show nothing by themselves, or (an ending) decide themselves about what is held back. */
const quiet: ReadonlySet<Event["kind"]> = new Set([
  ...(["build-started", "target-started", "items-known", "item-finished", "elsewhere"] as const),
  ...(["spent", "target-skipped", "build-finished"] as const),
]);

function isQuiet(event: Event): boolean {
  return quiet.has(event.kind) || (event.kind === "target-finished" && event.origin === "fresh");
}

/** Beneath a target, what there is to be known of it. */
function fieldLines(name: "what" | "where" | "how" | "why", text: string): ShownLine[] {
  return linesOfLog(text).map((line, index) => ({
    line: [span(`  ${padEnd(index === 0 ? name : "", 5)}  `, "dim"), span(line)],
    fit: name === "where" ? "whole" : "fold",
  }));
}

function reportLines(reports: readonly string[]): ShownLine[] {
  const hidden = reports.length - MOST_REPORTS;
  const shown = reports
    .slice(0, MOST_REPORTS)
    .map((path, index) => whole([span(index === 0 ? "report: " : "        ", "dim"), span(oneLine(path))]));
  return hidden > 0 ? [...shown, whole([span(`        and ${countOf(hidden, "more file")}`, "dim")])] : shown;
}

function sentence(text: string): ShownLine {
  return { line: [span(oneLine(text))], fit: "fold" };
}

function whole(line: Line): ShownLine {
  return { line, fit: "whole" };
}

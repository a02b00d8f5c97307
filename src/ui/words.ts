// The parts of a build's lines in words: pure, each from the numbers that it says.

import type { Counts, Event } from "../model/event.ts";
import { countOf, formatAbout, formatCount, formatDuration } from "../report/amounts.ts";
import { joinSpans, oneLine, span, type Line } from "../report/text.ts";
import { unreachable } from "../util/result.ts";
import type { Running } from "./running.ts";

/** Longer lists of names are cut. */
const MOST_NAMES = 6;

/** `up to date · run default`, and the overrides that the run remembers: they hide what the file says. */
export function upToDateLine(run: string, overrides: readonly string[]): Line {
  const parts = [span("up to date", "green"), span(`run ${oneLine(run)}`), span(overrides.map(oneLine).join(" "))];
  return joinSpans(parts, " · ");
}

export function headerOf({ run, experiment, config, overrides }: Extract<Event, { kind: "build-started" }>): Line {
  const parts = [span(`run ${oneLine(run)}`, "bold"), span(oneLine(experiment)), span(oneLine(config))];
  return joinSpans([...parts, span(overrides.map(oneLine).join(" "))], " · ");
}

export function retryDetails(event: Extract<Event, { kind: "action-retried" }>): Line {
  const label = event.label === undefined ? "" : `${oneLine(event.label)}: `;
  const when = event.waitMs > 0 ? ` in ${formatDuration(event.waitMs)}` : "";
  return [span(`${label}${oneLine(event.why)}`), span(`attempt ${event.attempt}${when}`, "dim")];
}

export function logLine({ target, label }: Extract<Event, { kind: "log" }>, text: string): Line {
  const name = label === undefined ? oneLine(target) : `${oneLine(target)}[${oneLine(label)}]`;
  return [span(`${name}: `, "dim"), span(text)];
}

/** How things stand while `exp watch` waits. */
export function wordState(outcome: Extract<Event, { kind: "watching" }>["outcome"]): string {
  switch (outcome) {
    case "done":
    case "up-to-date":
      return "up to date";
    case "failed":
      return "the last build failed";
    case "unaffordable":
      return "what is left is not paid for";
    case "waiting":
      return "people are awaited";
    case undefined:
      return "nothing could be built";
    default:
      return unreachable(outcome);
  }
}

/** `37 of 750 items`, `2 failures`; one failure speaks for itself. */
export function wordFailed(
  { failures, failedItems }: Extract<Event, { kind: "target-failed" }>,
  items: number | undefined,
): string {
  if (failedItems > 0)
    return items === undefined
      ? countOf(failedItems, "item")
      : `${formatCount(failedItems)} of ${countOf(items, "item")}`;
  return failures.length > 1 ? countOf(failures.length, "failure") : "";
}

export function wordRequests(count: number): string {
  return count > 1 ? `${countOf(count, "answer")} needed` : "an answer is needed";
}

/** `1,000 items (50 cached)`: in brackets what differs from the word beside it. `(all fresh)`: only their split or merge ran. */
export function wordItems(counts: Counts, origin: keyof Counts, items: number | undefined): string {
  const all = items ?? counts.computed + counts.cached + counts.fresh;
  if (items === undefined && all <= 1) return "";
  // What was put back from the run's own results is no news of its items.
  if (origin === "cached" && counts.cached === 0) return countOf(all, "item");
  const others = (["computed", "cached", "fresh"] as const)
    .filter((other) => other !== origin && counts[other] > 0)
    .map((other) => `${counts[other] === all ? "all" : formatCount(counts[other])} ${other}`);
  return others.length === 0 ? countOf(all, "item") : `${countOf(all, "item")} (${others.join(", ")})`;
}

export function wordCounts(counts: Counts): string {
  const parts = (["computed", "cached", "fresh"] as const)
    .filter((origin) => counts[origin] > 0)
    .map((origin) => `${formatCount(counts[origin])} ${origin}`);
  return parts.length === 0 ? "nothing computed" : parts.join(", ");
}

export function wordDue({ items, due }: Running): string {
  if (items === undefined) return "";
  return due === undefined || due === items
    ? countOf(items, "item")
    : `${countOf(items, "item")}, ${formatCount(due)} to run`;
}

export function wordExpected({ expectedMs }: Running): string {
  return expectedMs === undefined ? "" : formatAbout(expectedMs);
}

/** `a, b, c`, `a, b, c, d, e and 7 more`. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, names.length > MOST_NAMES ? MOST_NAMES - 1 : names.length).map(oneLine);
  const hidden = names.length - shown.length;
  return hidden > 0 ? `${shown.join(", ")} and ${formatCount(hidden)} more` : shown.join(", ");
}

// The reporter for programs: one JSON object a line, one line an event, as documented in docs/events.md.

import type { Event } from "../model/event.ts";
import type { Reason } from "../model/reason.ts";
import { wordReason } from "../report/reasons.ts";
import type { Reporter } from "./reporter.ts";

export interface NdjsonOptions {
  readonly write: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export function createNdjsonReporter({ write, now = Date.now }: NdjsonOptions): Reporter {
  return { emit: (event) => write(`${lineOf(event, now())}\n`), close: () => {} };
}

function lineOf(event: Event, at: number): string {
  const { kind, ...fields } = event;
  const record: Record<string, unknown> = { event: kind, at };
  for (const [name, value] of Object.entries(fields)) record[name] = valueOf(name, value);
  return JSON.stringify(record);
}

/** Every documented field is there in every line: what is not known is null. */
function valueOf(name: string, value: unknown): unknown {
  if (value === undefined) return null;
  return name === "reasons"
    ? (value as readonly Reason[]).map((reason) => ({ ...reason, text: wordReason(reason) }))
    : value;
}

// A clock that moves when the test says so.

import type { Ticker } from "../../src/ui/reporter.ts";

export interface HandClock extends Ticker {
  /** Moves on, calling what falls due in its order. */
  pass(ms: number): void;
}

export function handClock(start = 1_795_169_520_000): HandClock {
  let time = start;
  let due: { readonly at: number; readonly action: () => void }[] = [];
  return {
    now: () => time,
    after: (delayMs, action) => {
      const entry = { at: time + delayMs, action };
      due.push(entry);
      return () => {
        due = due.filter((each) => each !== entry);
      };
    },
    pass: (ms) => {
      const end = time + ms;
      for (;;) {
        const next = due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        due = due.filter((each) => each !== next);
        time = next.at;
        next.action();
      }
      time = end;
    },
  };
}

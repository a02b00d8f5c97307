// Who shows a build's events. One reporter a build; `close` leaves the screen as it was found, whatever happened.

import type { Emit } from "../model/event.ts";

export interface Reporter {
  readonly emit: Emit;
  /** To be called in `finally`; harmless when called again. */
  close(): void;
}

/** Time as the reporters need it; a hand clock in tests. */
export interface Ticker {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `action` after `delayMs`, unless the returned function is called before. Does not keep the process alive. */
  after(delayMs: number, action: () => void): () => void;
}

export const systemTicker: Ticker = {
  now: () => Date.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

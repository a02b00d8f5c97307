// Colours as functions, handed in by the caller, who knows whether the terminal has any and whether NO_COLOR is set.

import type { TargetState } from "../model/plan.ts";
import type { Origin } from "../model/event.ts";

/** The part of picocolors that exp uses: `pc.createColors(true)` is one. */
export interface Palette {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly magenta: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export type Style = keyof Palette;

const asItIs = (text: string): string => text;

export const noColours: Palette = {
  bold: asItIs,
  dim: asItIs,
  red: asItIs,
  green: asItIs,
  yellow: asItIs,
  magenta: asItIs,
  cyan: asItIs,
};

export const styleOfState: { readonly [S in TargetState]: Style } = {
  fresh: "green",
  cached: "cyan",
  stale: "yellow",
  unknown: "dim",
  waiting: "magenta",
  failed: "red",
};

/** In a build's output what was done stands out and what was left alone stands back. */
export const styleOfOrigin: { readonly [O in Origin]: Style } = { computed: "green", cached: "cyan", fresh: "dim" };

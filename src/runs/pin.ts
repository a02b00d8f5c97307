// A pin: everything that a run's builds ever made stays, and the run is not removed by mistake.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { FailureError, newerFormat } from "../model/failure.ts";
import { readTextIfThere, writeAtomic } from "../util/fs.ts";

const pinFormat = 1;

export interface Pin {
  readonly format: typeof pinFormat;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `user@host`. */
  readonly by: string;
  readonly note?: string;
}

export function readPin(runFolder: string): Pin | undefined {
  const text = readTextIfThere(pinFile(runFolder));
  if (text === undefined) return undefined;
  let pin: Partial<Pin> | null;
  try {
    pin = JSON.parse(text) as Partial<Pin> | null;
  } catch {
    pin = null;
  }
  // A pin that cannot be read still pins.
  if (typeof pin?.format !== "number") return { format: pinFormat, at: "", by: "" };
  if (pin.format > pinFormat)
    throw new FailureError([newerFormat("the pin", pin.format, pinFormat, pinFile(runFolder))]);
  return pin as Pin;
}

export function writePin(runFolder: string, pin: Omit<Pin, "format">): void {
  writeAtomic(pinFile(runFolder), JSON.stringify({ format: pinFormat, ...pin }, null, 2) + "\n");
}

export function removePin(runFolder: string): void {
  rmSync(pinFile(runFolder), { force: true });
}

export function pinFile(runFolder: string): string {
  return join(runFolder, "pin.json");
}

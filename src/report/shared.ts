// What a build has to say of the cache that a team shares, in words.

import type { SharedTraffic } from "../model/event.ts";
import { countOf, formatBytes, formatCount } from "./amounts.ts";
import { oneLine } from "./text.ts";

/** `/mnt/team: took 12 results, 3.4 MB; gives 3; 2 outputs stay there (exp fetch brings them)`. */
export function wordTraffic({ place, taken, fetchedBytes, given, left }: SharedTraffic): string {
  const bytes = fetchedBytes > 0 ? formatBytes(fetchedBytes) : "";
  const parts = [
    taken > 0 ? `took ${countOf(taken, "result")}${bytes === "" ? "" : `, ${bytes}`}` : bytes && `took ${bytes}`,
    given > 0 ? `gives ${taken > 0 ? formatCount(given) : countOf(given, "result")}` : "",
    left > 0
      ? `${countOf(left, "output")} ${left === 1 ? "stays there (exp fetch brings it)" : "stay there (exp fetch brings them)"}`
      : "",
  ];
  return `shared cache ${place}: ${parts.filter((part) => part !== "").join("; ")}`;
}

/** Outputs that were to come and cannot be had, where nothing needs them. */
export function wordStayed(target: string): string {
  return `outputs of ${target} stay in the shared cache, which does not give them: exp build ${target} makes them again where it must`;
}

/** `large, folder: in the shared cache (exp fetch)`. */
export function wordLeft(slots: readonly string[]): string {
  return `${slots.map(oneLine).join(", ")}: in the shared cache (exp fetch)`;
}

// What a collection found and did, in words.

import { countOf, formatBytes, formatDuration, formatMoney } from "./amounts.ts";

interface Amount {
  readonly blobs: number;
  readonly results: number;
  readonly bytes: number;
}
interface ArchiveAmount {
  readonly blobs: number;
  readonly bundles: number;
  readonly bytes: number;
}
interface Files {
  readonly files: number;
  readonly bytes: number;
}

export interface CollectionTold {
  readonly limits: { readonly maxSizeBytes: number; readonly maxAgeMs: number };
  readonly cache: {
    readonly now: Amount;
    readonly reached: Amount;
    readonly goes: Amount & {
      readonly tookMs: number;
      readonly costUsd: number;
      readonly byAge: Amount;
      readonly bySize: Amount;
    };
  };
  readonly archive: { readonly now: ArchiveAmount; readonly goes: ArchiveAmount } | undefined;
  readonly leftovers: Files;
  readonly gone:
    { readonly cache: Amount; readonly archive: ArchiveAmount | undefined; readonly leftovers: Files } | undefined;
  readonly waitsFor: readonly string[];
}

export function wordCollection(told: CollectionTold): readonly string[] {
  const { cache, archive, gone, limits, waitsFor } = told;
  const verb = gone === undefined ? "would go" : "gone";
  const went = gone?.cache ?? cache.goes;
  const lines = [`cache: ${sizeOf(cache.now)}; runs reach ${formatBytes(cache.reached.bytes)} of it`];
  const { byAge, bySize, tookMs, costUsd } = cache.goes;
  const why = [
    byAge.bytes > 0 ? `${formatBytes(byAge.bytes)} not used for ${formatDuration(limits.maxAgeMs)}` : "",
    bySize.bytes > 0 ? `${formatBytes(bySize.bytes)} used longest ago` : "",
  ].filter((text) => text !== "");
  if (waitsFor.length > 0) {
    lines.push(`  marked to go: ${sizeOf(cache.goes)}`);
    for (const holder of waitsFor) lines.push(`  it stays until this has ended: ${holder}`);
    lines.push("  the end of that build sweeps it, or the next exp gc");
  } else if (cache.goes.bytes === 0 && went.bytes === 0) lines.push("  nothing to remove");
  else {
    lines.push(`  ${verb}: ${sizeOf(went)} (${why.join(", ")})`);
    lines.push(`  to get it back: ${costOf(tookMs, costUsd)}`);
  }
  if (cache.reached.bytes > limits.maxSizeBytes)
    lines.push(
      `  ${formatBytes(cache.reached.bytes)} are reached by runs, more than the limit of ${formatBytes(limits.maxSizeBytes)}: remove or unpin runs (exp runs rm, exp runs unpin)`,
    );
  if (archive !== undefined) {
    lines.push(`archive: ${formatBytes(archive.now.bytes)} in ${countOf(archive.now.blobs, "blob")}`);
    const left = waitsFor.length > 0 ? undefined : (gone?.archive ?? archive.goes);
    if (left !== undefined && left.blobs + left.bundles > 0)
      lines.push(
        `  ${verb}: ${formatBytes(left.bytes)} in ${countOf(left.blobs, "blob")}, ${countOf(left.bundles, "bundle")}, to which no run refers`,
      );
  }
  const leftovers = gone?.leftovers ?? told.leftovers;
  if (leftovers.files > 0)
    lines.push(`leftovers: ${verb}: ${formatBytes(leftovers.bytes)} in ${countOf(leftovers.files, "file")}`);
  return lines;
}

function sizeOf({ bytes, blobs, results }: Amount): string {
  return `${formatBytes(bytes)} in ${countOf(blobs, "blob")} and ${countOf(results, "result")}`;
}

function costOf(tookMs: number, costUsd: number): string {
  return costUsd > 0 ? `${formatDuration(tookMs)} and ${formatMoney(costUsd)}` : formatDuration(tookMs);
}

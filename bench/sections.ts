// What the page says of builds on a cluster, of drivers that were killed, and of a team's cache, from what was measured.

import type { Crash } from "./crash.ts";
import { overheadOf, type Elsewhere, type OnSlurm, type Place, type Sample } from "./elsewhere.ts";
import { fitConstants, leastSquares, type Constants } from "./fit.ts";
import type { Part } from "./figures.ts";
import { median } from "./measure.ts";
import type { Shared } from "./team.ts";
import { tableOf, wordBytes, wordCount, wordPart, wordSeconds, wordShortTime } from "./words.ts";

const places: Readonly<Record<Place, string>> = { here: "this machine", slurm: "Slurm" };

/** Of the samples at one place, of some quantity. */
export function constantsOf(
  { samples }: Elsewhere,
  place: Place,
  valueOf: (sample: Sample) => number | undefined,
): Constants | undefined {
  const own = samples.filter((sample) => sample.place === place);
  const observed = own.flatMap((sample) => {
    const value = valueOf(sample);
    return value === undefined ? [] : [{ items: sample.items, batches: sample.batches, value }];
  });
  return observed.length === 0 ? undefined : fitConstants(observed);
}

export function elsewhereSection(part: Part | undefined): string {
  const measured = part?.elsewhere;
  if (part === undefined || measured === undefined) return "";
  const { processors, missing, samples } = measured;
  const rows = samples.map(({ place, items, batches, seconds, idle, peakMib, slurm }) => [
    places[place],
    ...[items, batches].map(wordCount),
    ...[seconds, idle].map((list) => wordSeconds(median(list))),
    slurm === undefined ? "" : wordSeconds(median(slurm.bare)),
    wordCount(peakMib),
  ]);
  const where =
    processors === undefined
      ? `Slurm is not on this machine (${missing} is missing), so nothing was submitted.`
      : `The cluster is a real Slurm of one node on this machine; it runs ${processors} batches at once.`;
  return `## Here and on a cluster

A fan-out whose items do nothing but write a number: what it takes is exp's and Slurm's own. ${where}

${tableOf(["", "items", "batches", "first build", "nothing to do", "empty batches", "MiB at the peak"], rows)}

Empty batches: as many that do nothing at all, submitted by sbatch without exp. The driver's memory is meant.

The overhead is the first build without the time of one that finds nothing to do, fitted by least squares:

${overheads(measured)}

${processors === undefined ? "" : onSlurmTable(samples)}

${wordPart(part)}
`;
}

function overheads(measured: Elsewhere): string {
  const lines: readonly (readonly [name: string, constants: Constants | undefined])[] = [
    ["this machine", constantsOf(measured, "here", overheadOf)],
    ["Slurm", constantsOf(measured, "slurm", overheadOf)],
  ];
  const rows = lines.flatMap(([name, constants]) =>
    constants === undefined
      ? []
      : [[name, wordShortTime(constants.start), wordShortTime(constants.item), wordShortTime(constants.batch)]],
  );
  return tableOf(["", "in any case", "an item", "a batch"], [...rows, ...emptyRow(measured)]);
}

/** Empty batches know no items. */
function emptyRow({ samples }: Elsewhere): readonly (readonly string[])[] {
  const own = samples.flatMap(({ batches, slurm }) => (slurm === undefined ? [] : [{ batches, slurm }]));
  const fitted = leastSquares(
    own.map(({ batches }) => [1, batches]),
    own.map(({ slurm }) => median(slurm.bare)),
  );
  if (fitted === undefined || fitted.length === 0) return [];
  return [["of that, empty batches", wordShortTime(fitted[0]!), "", wordShortTime(fitted[1]!)]];
}

function onSlurmTable(samples: readonly Sample[]): string {
  const rows = samples.flatMap(({ items, batches, slurm }) =>
    slurm === undefined ? [] : [[wordCount(items), wordCount(batches), ...cellsOf(slurm)]],
  );
  const head = ["items", "batches", "submitted", "answered", "syncs", "sbatch", "squeue", "scontrol", "sacct"];
  return `What the driver writes to submit, what the batches write to answer, how often the driver waits for the disk, and how often
it calls Slurm's programs. One call of sbatch asks for its version, one of scontrol for the largest array.

${tableOf(head, rows)}`;
}

function cellsOf({ submitted, answered, syncs, calls }: OnSlurm): readonly string[] {
  return [
    ...[submitted, answered].map(({ files, bytes }) => `${wordCount(files)} files, ${wordBytes(bytes)}`),
    syncs === undefined ? "" : wordCount(syncs),
    ...["sbatch", "squeue", "scontrol", "sacct"].map((program) => wordCount(calls[program] ?? 0)),
  ];
}

export function crashSection(part: Part | undefined): string {
  const crashes: readonly Crash[] | undefined = part?.crashes;
  if (part === undefined || crashes === undefined) return "";
  const rows = crashes.map(({ place, items, begun, recorded, twice, again, seconds }) => [
    places[place],
    ...[items, begun, recorded, twice, again].map(wordCount),
    wordSeconds(seconds),
  ]);
  return `## A driver that is killed

SIGKILL when half of the items have been begun, then the same build again. Each item appends a line to a file, so it is
seen how often it was computed. On this machine workers end with their driver, and items that they were at are begun
again; batches of a cluster go on without it, and nothing is.

${tableOf(["", "items", "begun when it was killed", "recorded by then", "finished and computed twice", "under way and begun again", "second build"], rows)}

${wordPart(part)}
`;
}

export function teamSection(part: Part | undefined): string {
  const team: readonly Shared[] | undefined = part?.team;
  if (part === undefined || team === undefined) return "";
  const rows = team.map(({ place, first, second, alone, results, computed, fetchedBytes, placedBytes }) => [
    place,
    ...[alone, first, second].map((list) => wordSeconds(median(list))),
    ...[results, computed].map(wordCount),
    wordBytes(fetchedBytes),
    wordBytes(placedBytes),
  ]);
  return `## A second machine

Two clones of this project, one after the other, build \`analyse\` of the experiment on peptides with one shared cache. What the
second still does itself are the splits of fan-outs, and taking in what people hand over.

${tableOf(["cache in", "without one", "first machine", "second machine", "results found", "done itself", "content fetched", "of that put at places"], rows)}

${team.map(wordRequests).join("")}${wordPart(part)}
`;
}

function wordRequests({ requests, answeredBytes = 0, results }: Shared): string {
  if (requests === undefined) return "";
  const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
  const kinds = Object.entries(requests).map(([method, count]) => `${wordCount(count)} ${method}`);
  return `Over HTTP the second machine makes ${wordCount(total)} requests (${kinds.join(", ")}), ${(total / results).toPrecision(2)} a
result, and is sent ${wordBytes(answeredBytes)}.

`;
}

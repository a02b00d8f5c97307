// What the page says of fan-outs in Modal containers, from what was measured with the local Modal.

import type { Part } from "./figures.ts";
import { fitConstants, leastSquares, type Constants } from "./fit.ts";
import { median } from "./measure.ts";
import { overheadAt, type AtModal, type Limited, type ModalCrash, type ModalSample } from "./modal.ts";
import type { Requests } from "./modal-server.ts";
import { tableOf, wordBytes, wordCount, wordNumber, wordPart, wordSeconds, wordShortTime } from "./words.ts";

/** Asked for at each look, whatever the number of containers that end or items that are told. */
export const looking: ReadonlySet<string> = new Set(["SandboxListV2", "VolumeListFiles2"]);
/** Of what containers have told: one for each file that is read. */
export const reading: ReadonlySet<string> = new Set(["VolumeGetFile2"]);

/** Of the samples, of some quantity: in any case, for an item, for a container. */
export function modalConstants(
  { samples }: Pick<AtModal, "samples">,
  valueOf: (sample: ModalSample) => number | undefined,
): Constants | undefined {
  const observed = samples.flatMap((sample) => {
    const value = valueOf(sample);
    return value === undefined ? [] : [{ items: sample.items, batches: sample.batches, value }];
  });
  return observed.length === 0 ? undefined : fitConstants(observed);
}

export function requestsOf(requests: Requests, isMeant: (name: string) => boolean): number {
  return Object.entries(requests).reduce((sum, [name, count]) => sum + (isMeant(name) ? count : 0), 0);
}

export function modalSection(part: Part | undefined): string {
  const measured = part?.modal;
  if (part === undefined || measured === undefined) return "";
  const { missing, parallel, poll, gpu, samples, crash, limited } = measured;
  if (missing !== undefined)
    return `## In Modal containers

Containers of the local Modal are not to be had on this machine (${missing} is missing), so nothing was measured.
`;
  const rows = samples.map(({ items, batches, seconds, idle, bare, peakMib }) => [
    ...[items, batches].map(wordCount),
    ...[seconds, idle, bare].map((list) => wordSeconds(median(list))),
    wordCount(peakMib),
  ]);
  return `## In Modal containers

The same fan-outs with \`--executor modal\`, by Modal's own SDK, against the tests' server on this machine, whose containers are
processes that see little else. It shows what exp does and asks for, not what Modal takes: no network, no queue, no GPU. ${wordCount(parallel)}
containers at once, each with a GPU (${gpu}) as far as Modal is told; a look every ${poll} s.

${tableOf(["items", "containers", "first build", "nothing to do", "empty containers", "MiB at the peak"], rows)}

Empty containers: as many that do nothing at all, begun and awaited without exp. The driver's memory is meant.

${overheads(measured)}

${trafficTable(samples)}

${requestTable(samples)}

${crash === undefined ? "" : crashText(crash)}${limited === undefined ? "" : limitText(limited)}

${wordPart(part)}
`;
}

function overheads(measured: AtModal): string {
  const overhead = modalConstants(measured, overheadAt);
  const bare = leastSquares(
    measured.samples.map(({ batches }) => [1, batches]),
    measured.samples.map((sample) => median(sample.bare)),
  );
  const rows = [
    ...(overhead === undefined
      ? []
      : [["Modal", ...[overhead.start, overhead.item, overhead.batch].map(wordShortTime)]]),
    ...(bare === undefined
      ? []
      : [["of that, empty containers", wordShortTime(bare[0]!), "", wordShortTime(bare[1]!)]]),
  ];
  return `The overhead is the first build without the time of one that finds nothing to do, fitted by least squares:

${tableOf(["", "in any case", "an item", "a container"], rows)}`;
}

function trafficTable(samples: readonly ModalSample[]): string {
  const rows = samples.map(({ items, batches, traffic, onVolume, syncs }) => [
    ...[items, batches].map(wordCount),
    wordCount(requestsOf(traffic.requests, () => true)),
    `${wordCount(traffic.puts)}, ${wordBytes(traffic.bytesPut)}`,
    `${wordCount(traffic.gets)}, ${wordBytes(traffic.bytesGot)}`,
    wordCount(traffic.commits),
    `${wordCount(onVolume.files)}, ${wordBytes(onVolume.bytes)}`,
    syncs === undefined ? "" : wordCount(syncs),
  ]);
  const head = [
    "items",
    "containers",
    "requests",
    "blocks put",
    "blocks got",
    "commits",
    "files on the volume",
    "syncs",
  ];
  return `What one build asks of Modal's API, what goes to the storage and comes from it, how often containers commit what they have
written, and how often the driver waits for the disk:

${tableOf(head, rows)}`;
}

/** By name: in any case, an item, a container. Looks are as many as the build takes time for. */
function requestTable(samples: readonly ModalSample[]): string {
  const names = [...new Set(samples.flatMap(({ traffic }) => Object.keys(traffic.requests)))].sort();
  const rows = names.flatMap((name) => {
    const fitted = modalConstants({ samples }, ({ traffic }) => traffic.requests[name] ?? 0);
    return fitted === undefined ? [] : [[name, ...[fitted.start, fitted.item, fitted.batch].map(wordRounded)]];
  });
  return `Requests by their names, fitted in the same way. ${[...looking].join(" and ")} are those of looks, of which there are as many as
the build takes time for; ${[...reading].join(" and ")} reads what containers have told.

${tableOf(["", "in any case", "an item", "a container"], rows)}`;
}

/** Counts come out of the fit with a remainder that means nothing. */
function wordRounded(value: number): string {
  return Math.abs(value) < 5e-3 ? "0" : wordNumber(value);
}

function crashText({ items, containers, struck, begun, finished, twice, again, seconds, spend }: ModalCrash): string {
  const { paid, inResultsUsd } = spend;
  const rows = [
    ["items", wordCount(items)],
    ["containers, and those of them that were taken back or lost", `${wordCount(containers)}, ${wordCount(struck)}`],
    ["items that had begun when the driver was killed", wordCount(begun)],
    ["of those, told on the volume by then", wordCount(finished)],
    ["told and computed twice", wordCount(twice)],
    ["under way in a container that was taken back, and begun again", wordCount(again)],
    ["second build", wordSeconds(seconds)],
    ["container seconds, and their price", `${wordCount(paid.seconds)} s, $${paid.usd.toFixed(4)}`],
    ["of that, in results", `$${inResultsUsd.toFixed(4)}`],
  ];
  return `### A driver that is killed while containers are taken back

SIGKILL when half of the items have begun, then the same build again; every few containers one is taken back by the platform in
the middle of its work, with a warning or without. What an item came to is finished when it lies on the volume: it may not be
computed again, whoever dies.

${tableOf(["", ""], rows)}`;
}

function limitText({ items, finished, maxUsd, paid }: Limited): string {
  const rows = [
    ["items, and those that were finished", `${wordCount(items)}, ${wordCount(finished)}`],
    ["containers", wordCount(paid.containers)],
    ["paid for their seconds", `$${paid.usd.toFixed(4)}`],
    ["allowed (--max-usd)", `$${maxUsd.toFixed(4)}`],
  ];
  return `

### A build that may not spend what its items cost

It stops when what is left is less than a container's time, and keeps what is finished.

${tableOf(["", ""], rows)}`;
}

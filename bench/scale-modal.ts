// The part of docs/scale.md about Modal: a million items on 500 GPUs, simulated with what was measured and what is documented. Everything that the simulation
// goes by is printed.

import { listPrices, usdPerSecond } from "../src/backends/executors/modal/prices.ts";
import type { Part } from "./figures.ts";
import { valueAt, type Constants } from "./fit.ts";
import { overheadAt, type AtModal } from "./modal.ts";
import { looking, modalConstants, reading, requestsOf } from "./modal-section.ts";
import { simulate, type ModalModel, type Simulated } from "./modal-simulation.ts";
import { tableOf, wordBytes, wordCount, wordMinutes, wordNumber, wordShortTime } from "./words.ts";

const million = 1_000_000;
const gpus = 500;
const durations = [0.1, 1, 10, 60] as const;
const kinds = ["L4", "A100-80GB", "H100"] as const;

/** Of Modal's documentation, and where in it. */
const documented = {
  createsPerSecond: {
    value: 20,
    where: "guide/sandbox-v2: beyond it the newer backend is recommended, which has no GPUs",
  },
  containersAtOnce: { value: 10_000, where: "the same" },
  lifetimeSeconds: { value: 24 * 3600, where: "guide/sandboxes" },
  filesInFolder: { value: 262_144, where: "guide/volumes, of version 2; their number in all is not limited" },
  argvBytes: { value: 65_536, where: "of a command line, all of it together" },
} as const;

/** What nobody has measured. */
const taken = {
  startSeconds: [5, 60],
  requestSeconds: 0.05,
  commitSeconds: 1,
  preemptionsPerHour: 0.1,
  containersInPage: 20,
  filesOfItem: 0,
} as const;

/** What is in the code of exp (volume.ts, cloud.ts, sent-results.ts) and of the SDK. */
const coded = { callsAtOnce: 20, transfersAtOnce: 8, tellSeconds: 1, logSeconds: 55 } as const;
/** exp's own batches: of items whose length is known from earlier builds, and of others a hundredth. */
const secondsOfBatch = 60;
const itemsOfBatch = 10_000;
const foldersOfVolume = 256;
/** What Node allows itself of memory on a machine with more than 8 GiB, MiB. */
const nodeHeapMib = 4096;
const wantedSecondsOfBatch = 1800;
const wantedPoll = 10;

export interface Measured {
  readonly containerSeconds: number;
  readonly driverItemSeconds: number;
  readonly containerRequests: number;
  readonly listedFileSeconds: number;
  readonly mib: Constants;
  readonly longestArgv: number;
}

/** Undefined: too little was measured. */
export function measuredOf(modal: AtModal): Measured | undefined {
  const overhead = modalConstants(modal, overheadAt);
  const mib = modalConstants(modal, ({ peakMib }) => peakMib);
  const isOwn = (name: string) => !looking.has(name) && !reading.has(name);
  const requests = modalConstants(modal, ({ traffic }) => requestsOf(traffic.requests, isOwn));
  if (overhead === undefined || mib === undefined || requests === undefined || modal.list === undefined)
    return undefined;
  // Where a container has the least to do.
  const [least] = modal.samples.toSorted((a, b) => a.items / a.batches - b.items / b.batches);
  return {
    containerSeconds: least!.containerSeconds,
    driverItemSeconds: Math.max(0, overhead.item),
    containerRequests: Math.max(0, requests.batch),
    listedFileSeconds: modal.list.seconds / modal.list.files,
    ...{ mib, longestArgv: modal.longestArgv },
  };
}

export interface Choice {
  readonly itemSeconds: number;
  readonly batch: number;
  readonly poll: number;
}

export function modelOf(measured: Measured, choice: Choice, more: Partial<ModalModel> = {}): ModalModel {
  const { containerSeconds, driverItemSeconds, containerRequests, listedFileSeconds } = measured;
  return {
    ...{ items: million, gpus, parallel: gpus, ...choice },
    ...{ containerSeconds, driverItemSeconds, containerRequests, listedFileSeconds },
    createsPerSecond: documented.createsPerSecond.value,
    lifetimeSeconds: documented.lifetimeSeconds.value,
    ...coded,
    ...taken,
    ...more,
  };
}

/** Batches of half an hour, and at least two for each GPU. */
export function wantedBatch(items: number, itemSeconds: number): number {
  return Math.max(1, Math.min(Math.ceil(wantedSecondsOfBatch / itemSeconds), Math.ceil(items / (2 * gpus))));
}

const wanted = (itemSeconds: number): Choice => ({
  ...{ itemSeconds, batch: wantedBatch(million, itemSeconds), poll: wantedPoll },
});
const known = (itemSeconds: number): Choice => ({
  ...{ itemSeconds, batch: Math.min(itemsOfBatch, Math.ceil(secondsOfBatch / itemSeconds)), poll: wantedPoll },
});
const unknown = (itemSeconds: number): Choice => ({ itemSeconds, batch: itemsOfBatch, poll: wantedPoll });

export interface Limit {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  readonly word: (value: number) => string;
}

/** What a build comes to of each limit. At 1 it is met. */
export function limitsOf(measured: Measured, model: ModalModel, simulated: Simulated): readonly Limit[] {
  const { createsPerSecond, containersAtOnce, lifetimeSeconds, filesInFolder, argvBytes } = documented;
  const files = simulated.messages + model.items * model.filesOfItem;
  return [
    {
      ...{ what: "beginnings of containers a second, on average", word: wordNumber },
      ...{ value: simulated.containers / simulated.seconds, limit: createsPerSecond.value },
    },
    {
      ...{ what: "time of the driver that goes into looks", word: (value: number) => `${wordNumber(value * 100)} %` },
      ...{ value: simulated.busy, limit: 1 },
    },
    {
      ...{ what: "memory of the driver", word: (value: number) => wordBytes(value * 1024 ** 2) },
      ...{ value: valueAt(measured.mib, model.items, simulated.containers), limit: nodeHeapMib },
    },
    {
      ...{ what: "life of a container", word: wordMinutes, limit: lifetimeSeconds.value },
      value: Math.min(lifetimeSeconds.value, model.containerSeconds + model.batch * model.itemSeconds),
    },
    {
      ...{
        what: "containers at once",
        word: wordCount,
        value: simulated.mostContainers,
        limit: containersAtOnce.value,
      },
    },
    {
      ...{ what: "bytes of a command line", word: wordBytes, value: measured.longestArgv, limit: argvBytes.value },
    },
    {
      ...{ what: "files in a folder of the volume", word: wordCount, limit: filesInFolder.value },
      value: files / foldersOfVolume,
    },
  ];
}

/** The one of which there is the least left. */
export function firstOf(limits: readonly Limit[]): Limit {
  return limits.reduce((first, one) => (one.value / one.limit > first.value / first.limit ? one : first));
}

export function modalPlan(part: Part | undefined): string {
  const measured = part?.modal === undefined ? undefined : measuredOf(part.modal);
  const body =
    part === undefined || measured === undefined
      ? "What a fan-out takes in Modal containers has not been measured yet: `npm run bench -- --only modal`."
      : bodyOf(part, measured);
  return `## In Modal containers

A fan-out of ${wordCount(million)} items with \`--executor modal\` ([modal.md](modal.md)) on ${wordCount(gpus)} GPUs, one a container: which limit is
met first, how many requests that is, what it costs and how long it takes. Nobody has run it: it is simulated, event by event
(bench/modal-simulation.ts), with constants that were measured against the local Modal ([benchmarks.md](benchmarks.md)), the limits
that Modal documents, and what is taken for the rest.

${body}`;
}

function bodyOf(part: Part, measured: Measured): string {
  const runs = durations.map((itemSeconds) => runOf(measured, wanted(itemSeconds)));
  return `### What the simulation goes by

${inputTable(measured)}

Measured on ${part.machine}, ${part.date}, commit ${part.commit}.

A container waits for a GPU, starts, and tells what it has done at most once a second; that is committed, and the driver reads it in
its next look. A look lists what runs, page by page, and all messages on the volume; then it reads the new ones, ${wordCount(coded.callsAtOnce)} requests at
once and ${wordCount(coded.transfersAtOnce)} transfers. When it has seen that a container is over, it begins the next. A container that is taken back loses what
it had not told, and what is left goes into another. The events are drawn from one seed.

### What it comes to

With \`parallel: ${gpus}\`, \`poll: ${wantedPoll}\`, and batches of half an hour, or smaller ones where there would be fewer than two for each GPU:

${planTable(runs)}

A dollar is one of Modal's public list of ${listPrices.asOf} (${listPrices.source}), for a sandbox with a core and a GiB beside its GPU.

### Which limits are met first

How much of each is used; **the one that is met first** is in bold.

${limitTable(measured, runs)}

The first ${wordCount(gpus)} containers take ${wordCount(gpus / documented.createsPerSecond.value)} s to begin, ${documented.createsPerSecond.value} a second, and so do as many that end together. How many GPUs a workspace has at once is in its contract, not in the documentation; ${wordCount(gpus)} are taken for granted here. Volumes of version 2
take "hundreds" of containers that write at the same time; nobody says how many hundreds. A GPU that does not come within 21 minutes is asked
for again. The driver's memory is what it takes before V8 collects, and the limit is Node's own, which can be raised (below). Where the driver's looks take all of its time, results are told faster than it reads them, and it ends later than the containers do.

### What if

${whatIfTable(measured)}

### What to set

${choiceTable(measured)}

- \`modal: { parallel: ${gpus} }\`. Without it ${wordCount(20)} containers run at once.
- \`batch\` in the rule: min(⌈${wordCount(wantedSecondsOfBatch)} s / time of an item⌉, ⌈items / (2 × GPUs)⌉). exp's own choice is ${wordCount(secondsOfBatch)} s of work, where earlier
  builds tell how long items take, and ${wordCount(itemsOfBatch)} items where they do not: then there are no more than ${wordCount(million / itemsOfBatch)} containers.
- \`modal: { time }\`, minutes, above the time of a batch, or \`timeoutMs\` of the items, from which exp reckons it; without either a container lives an
  hour. What runs into it loses nothing that was told.
- \`poll: ${wantedPoll}\`: the seconds between looks are what a container's place stays empty, and what a result comes later.
- \`NODE_OPTIONS=--max-old-space-size=${Math.ceil((valueAt(measured.mib, million, 2 * gpus) * 1.25) / 1024) * 1024}\` for the driver.`;
}

interface Run {
  readonly model: ModalModel;
  readonly simulated: Simulated;
}

/** A page asks for the same one more than once. */
const runs = new Map<string, Run>();

function runOf(measured: Measured, choice: Choice, more: Partial<ModalModel> = {}): Run {
  const model = modelOf(measured, choice, more);
  const name = JSON.stringify(model);
  const run = runs.get(name) ?? { model, simulated: simulate(model) };
  runs.set(name, run);
  return run;
}

function inputTable(measured: Measured): string {
  const { mib, longestArgv } = measured;
  const [least, most] = taken.startSeconds;
  const rows: readonly (readonly [what: string, value: string, from: string])[] = [
    ["a container beside its items", wordShortTime(measured.containerSeconds), "measured"],
    ["an item, for the driver", wordShortTime(measured.driverItemSeconds), "measured"],
    ["requests of a container, beside looks and what it tells", wordNumber(measured.containerRequests), "measured"],
    ["a file in the list of the volume", wordShortTime(measured.listedFileSeconds), "measured"],
    ["memory of the driver, an item", wordBytes(mib.item * 1024 ** 2), "measured"],
    ["the longest command line", wordBytes(longestArgv), "measured"],
    ["containers begun a second", `at most ${documented.createsPerSecond.value}`, documented.createsPerSecond.where],
    [
      "containers at once",
      `at most ${wordCount(documented.containersAtOnce.value)}`,
      documented.containersAtOnce.where,
    ],
    [
      "life of a container",
      `at most ${wordMinutes(documented.lifetimeSeconds.value)}`,
      documented.lifetimeSeconds.where,
    ],
    ["files in a folder", `at most ${wordCount(documented.filesInFolder.value)}`, documented.filesInFolder.where],
    ["a command line", `less than ${wordBytes(documented.argvBytes.value)}`, documented.argvBytes.where],
    ["requests, and transfers, at once", `${coded.callsAtOnce}, ${coded.transfersAtOnce}`, "exp's code"],
    ["a container tells", `each ${coded.tellSeconds} s at most`, "exp's code"],
    ["what it prints is asked for anew", `each ${coded.logSeconds} s`, "the SDK's code"],
    ["from having a GPU to running", `${least} to ${most} s`, "taken"],
    ["a request, there and back", wordShortTime(taken.requestSeconds), "taken"],
    ["a commit", wordShortTime(taken.commitSeconds), "taken"],
    ["a container is taken back", `${taken.preemptionsPerHour} times an hour`, "taken"],
    ["containers in a page of their list", String(taken.containersInPage), "taken"],
    [
      "files of an item, beside the message that tells of it",
      String(taken.filesOfItem),
      "taken: small results travel in the message",
    ],
  ];
  return tableOf(["", "", "from"], rows);
}

function planTable(runs: readonly Run[]): string {
  const row = (what: string, of: (run: Run) => string) => [what, ...runs.map(of)];
  const totalOf = ({ simulated: { requests } }: Run) => requests.containers + requests.looks + requests.results;
  return tableOf(
    ["an item takes", ...runs.map(({ model }) => `${model.itemSeconds} s`)],
    [
      row("`batch`", ({ model }) => wordCount(model.batch)),
      row("a container runs", ({ model }) => wordMinutes(model.batch * model.itemSeconds + model.containerSeconds)),
      row("containers", ({ simulated }) => wordCount(simulated.containers)),
      row("taken back", ({ simulated }) => wordCount(simulated.preempted)),
      row("items done again for that", ({ simulated }) => wordCount(simulated.itemsAgain)),
      row("all of it takes", ({ simulated }) => wordMinutes(simulated.seconds)),
      row(`on ${gpus} GPUs without any loss`, ({ model }) => wordMinutes((million * model.itemSeconds) / gpus)),
      row("GPU hours, of which the items' own", ({ model, simulated }) => {
        const share = (million * model.itemSeconds) / simulated.containerSeconds;
        return `${wordCount(simulated.containerSeconds / 3600)}, ${Math.round(share * 100)} %`;
      }),
      ...kinds.map((kind) =>
        row(`dollars, ${kind}`, ({ simulated }) => wordCount(simulated.containerSeconds * priceOf(kind))),
      ),
      row("requests", (run) => wordCount(totalOf(run))),
      row("a second, on average", (run) => wordNumber(totalOf(run) / run.simulated.seconds)),
      row("a second, in the busiest ten seconds", ({ simulated }) => wordNumber(simulated.mostRequestsPerSecond)),
      row("messages on the volume, listed by each look", ({ simulated }) => wordCount(simulated.messages)),
      row("the longest look", ({ simulated }) => wordShortTime(simulated.longestLookSeconds)),
      row("the driver ends after the last message by", ({ simulated }) => wordShortTime(simulated.lagSeconds)),
    ],
  );
}

export function priceOf(kind: string): number {
  const usd = usdPerSecond({ cpu: 1, memoryMiB: 1024, gpu: { kind, count: 1 }, regions: [] }, listPrices);
  if (!usd.ok) throw new Error(`the table has no ${kind}`);
  return usd.value;
}

function limitTable(measured: Measured, runs: readonly Run[]): string {
  const all = runs.map(({ model, simulated }) => limitsOf(measured, model, simulated));
  const firsts = all.map(firstOf);
  const rows = all[0]!.map(({ what, limit, word }, n) => [
    what,
    word(limit),
    ...all.map((limits, run) => {
      const one = limits[n]!;
      const text = `${one.word(one.value)} (${wordShare(one)})`;
      return firsts[run] === one ? `**${text}**` : text;
    }),
  ]);
  return tableOf(["an item takes", "limit", ...runs.map(({ model }) => `${model.itemSeconds} s`)], rows);
}

function wordShare({ value, limit }: Limit): string {
  return value < limit / 100 ? "under 1 %" : `${Math.round((value / limit) * 100)} %`;
}

function whatIfTable(measured: Measured): string {
  const itemSeconds = 10;
  const changes: readonly (readonly [what: string, change: Partial<ModalModel>])[] = [
    ["as above", {}],
    ["each item makes one file that is fetched by itself", { filesOfItem: 1 }],
    ["a request takes 250 ms", { requestSeconds: 0.25 }],
    ["a GPU is ready after 5 to 20 minutes", { startSeconds: [300, 1200] }],
    ["containers are taken back once an hour", { preemptionsPerHour: 1 }],
    ["no more than 100 GPUs come", { gpus: 100 }],
  ];
  const rows = changes.map(([what, change]) => {
    const { simulated } = runOf(measured, wanted(itemSeconds), change);
    return [
      what,
      wordMinutes(simulated.seconds),
      wordCount(simulated.containerSeconds * priceOf("L4")),
      wordCount(simulated.itemsAgain),
      `${wordNumber(simulated.busy * 100)} %`,
    ];
  });
  return `Items of ${itemSeconds} s:

${tableOf(["", "all of it takes", "dollars, L4", "items done again", "driver at looks"], rows)}`;
}

/** What exp does by itself, beside what is wanted. */
function choiceTable(measured: Measured): string {
  const choices = [
    ["half an hour a batch", wanted],
    ["a minute a batch: exp's own, items known", known],
    [`${wordCount(itemsOfBatch)} items a batch: exp's own, items not known`, unknown],
  ] as const;
  const rows = choices.map(([what, choose]) => [
    what,
    ...durations.map((itemSeconds) => {
      const { simulated } = runOf(measured, choose(itemSeconds));
      return `${wordMinutes(simulated.seconds)}, $${wordCount(simulated.containerSeconds * priceOf("L4"))}`;
    }),
  ]);
  return `Time, and dollars with L4:

${tableOf(["an item takes", ...durations.map((seconds) => `${seconds} s`)], rows)}`;
}

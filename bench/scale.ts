// docs/scale.md: a plan of a million items on Slurm, from the constants that were measured, and one in Modal containers (scale-modal.ts). Text from numbers;
// measures nothing.

import { overheadOf, type Elsewhere, type Sample } from "./elsewhere.ts";
import { parts, type Part, type Results } from "./figures.ts";
import { valueAt, type Constants } from "./fit.ts";
import { modalPlan } from "./scale-modal.ts";
import { constantsOf } from "./sections.ts";
import { tableOf, wordBytes, wordCount, wordMinutes, wordNumber, wordPart, wordShortTime } from "./words.ts";

/** What a build takes of each, on Slurm: in any case, for an item, for a batch. */
export interface ScaleConstants {
  readonly seconds: Constants;
  readonly mib: Constants;
  readonly submittedFiles: Constants;
  readonly submittedBytes: Constants;
  readonly answeredFiles: Constants;
  readonly answeredBytes: Constants;
  readonly keptBytes: Constants;
  readonly keptFiles: Constants;
  readonly syncs: Constants | undefined;
}

export interface ScalePlan {
  readonly items: number;
  readonly batch: number;
  readonly batches: number;
  readonly arrays: number;
  readonly sbatchCalls: number;
  /** Beside the items' own work, were so many batches at once as when it was measured. */
  readonly seconds: number;
  readonly mib: number;
  readonly files: number;
  readonly bytes: number;
  readonly answeredFiles: number;
  readonly answeredBytes: number;
  readonly keptFiles: number;
  readonly keptBytes: number;
  readonly syncs: number | undefined;
}

const million = 1_000_000;
/** MaxArraySize, where a site has not set it. */
const largestArray = 1001;
/** exp's own batches, where the rule does not say: a hundredth of the items, at most so many. */
const mostInBatch = 10_000;
/** MaxSubmitJobs of some large sites, in batches. */
const usualSubmitLimit = 1000;
/** What Node allows itself of memory on a machine with more than 8 GiB, MiB. */
const nodeHeapMib = 4096;
const secondsOfBatch = 1800;
const pollSeconds = 5;

export function scaleConstantsOf(elsewhere: Elsewhere): ScaleConstants | undefined {
  const of = (valueOf: (sample: Sample) => number | undefined) => constantsOf(elsewhere, "slurm", valueOf);
  const seconds = of(overheadOf);
  const mib = of(({ peakMib }) => peakMib);
  const submittedFiles = of(({ slurm }) => slurm?.submitted.files);
  const submittedBytes = of(({ slurm }) => slurm?.submitted.bytes);
  const answeredFiles = of(({ slurm }) => slurm?.answered.files);
  const answeredBytes = of(({ slurm }) => slurm?.answered.bytes);
  const keptFiles = of(({ kept }) => kept.files);
  const keptBytes = of(({ kept }) => kept.bytes);
  const syncs = of(({ slurm }) => slurm?.syncs);
  if (seconds === undefined || mib === undefined || keptFiles === undefined || keptBytes === undefined)
    return undefined;
  if (submittedFiles === undefined || submittedBytes === undefined) return undefined;
  if (answeredFiles === undefined || answeredBytes === undefined) return undefined;
  const written = { submittedFiles, submittedBytes, answeredFiles, answeredBytes };
  return { seconds, mib, ...written, keptFiles, keptBytes, syncs };
}

export function planOf(constants: ScaleConstants, items: number, batch: number): ScalePlan {
  const batches = Math.ceil(items / batch);
  const arrays = Math.ceil(batches / largestArray);
  const at = (of: Constants) => valueAt(of, items, batches);
  // What is written once a submission is written for each array.
  const perArray = (of: Constants) => at(of) + Math.max(0, of.start) * (arrays - 1);
  return {
    ...{ items, batch, batches, arrays },
    // One asks for the version.
    sbatchCalls: arrays + 1,
    seconds: at(constants.seconds),
    mib: at(constants.mib),
    files: perArray(constants.submittedFiles),
    bytes: perArray(constants.submittedBytes),
    answeredFiles: at(constants.answeredFiles),
    answeredBytes: at(constants.answeredBytes),
    keptFiles: at(constants.keptFiles),
    keptBytes: at(constants.keptBytes),
    syncs: constants.syncs === undefined ? undefined : at(constants.syncs),
  };
}

/** About how many items the driver's memory holds. */
export function mostItems({ mib }: ScaleConstants): number {
  return Number(((nodeHeapMib - Math.max(0, mib.start)) / mib.item).toPrecision(2));
}

/** For items of so many seconds: batches of half an hour, unless there would be more of them than sites take. */
export function batchFor(items: number, secondsOfItem: number): number {
  return Math.max(Math.ceil(secondsOfBatch / secondsOfItem), Math.ceil(items / usualSubmitLimit));
}

export function scalePage(results: Results): string {
  const part = results.parts.find(({ name }) => name === parts.elsewhere);
  const constants = part?.elsewhere === undefined ? undefined : scaleConstantsOf(part.elsewhere);
  const body =
    part === undefined || constants === undefined
      ? "What a fan-out takes on Slurm has not been measured yet: `npm run bench -- --only elsewhere`."
      : bodyOf(part, constants);
  return `# A million items

<!-- Written by \`npm run bench\` from benchmarks.json. Do not edit; the words are those of bench/scale.ts and bench/scale-modal.ts. -->

## On Slurm

A plan of a fan-out of ${wordCount(million)} items with \`--executor slurm\` ([slurm.md](slurm.md)): what exp adds to the items' own
work, which limit is met first, and what to set. It is computed from what smaller fan-outs took
([benchmarks.md](benchmarks.md)); nobody has run it.

${body}

${modalPlan(results.parts.find(({ name }) => name === parts.modal))}
`;
}

function bodyOf(part: Part, constants: ScaleConstants): string {
  const processors = part.elsewhere!.processors!;
  return `### Constants

Each quantity is taken for _in any case_ + _an item_ × items + _a batch_ × batches, fitted by least squares.
What comes out negative is noise, and counts as nothing.

${constantsTable(constants)}

On ${part.machine}, where ${processors} batches run at once; its disk is memory, so a sync costs nothing there.
${wordPart(part)}

### The plan

${planTable(constants)}

- batches = ⌈items / batch⌉; array jobs = ⌈batches / ${wordCount(largestArray)}⌉, that being \`MaxArraySize\` where a site has not set it;
  calls to sbatch: one for each array job, one for its version.
- squeue is asked every ${pollSeconds} s, ${wordCount(3600 / pollSeconds)} times an hour, with a line for each batch that has begun; those that wait share
  one. sacct and scontrol are asked about batches that were lost only.
- "Beside the work" is with ${processors} batches at once. The time of a batch, ${wordShortTime(constants.seconds.batch * processors)} of a processor, is mostly the start of
  Node and Slurm's own, and is shared by as many as run at once; that of the items,
  ${wordShortTime(constants.seconds.item)} each, is the driver's, and is not.

### Which limits are met first

1. **The driver's memory**: at most ${wordNumber(constants.mib.item * 1024)} KiB an item; V8 takes room that it has before it collects. Node allows itself
   about ${wordCount(nodeHeapMib)} MiB, so up to ${wordCount(mostItems(constants))} items there is nothing to set. Beyond that
   \`NODE_OPTIONS=--max-old-space-size=${heapFor(constants)}\` is enough for a million.
2. **\`MaxSubmitJobs\`**: how many batches somebody may have waiting and running, each element of an array counted;
   ${wordCount(usualSubmitLimit)} at some large sites, fewer at others. An array that is larger is never taken; exp asks again and again, and says so. Choose \`batch\` so that
   there are fewer batches.
3. **\`MaxArraySize\`**: exp asks the cluster for it, and makes as many arrays as it takes.
4. **\`MaxJobCount\`**, ${wordCount(10_000)} where a site has not set it: of all users' batches together, those that ended some minutes ago
   included. exp waits until there is room; so does everybody else.
5. **The limit of time** of the partition, for the longest batch.

### What to set

\`batch\` in the rule, so that a batch takes half an hour and there are no more than ${wordCount(usualSubmitLimit)}: max(⌈${wordCount(secondsOfBatch)} s / time of an item⌉,
⌈items / ${wordCount(usualSubmitLimit)}⌉). Without it there are ${wordCount(Math.ceil(million / mostInBatch))} batches of ${wordCount(mostInBatch)}.

${settingsTable()}

\`parallel\` where others need the cluster, too. \`poll: 30\` from a thousand batches on: what squeue tells is needed only for
what was lost. \`slurm: { time }\` somewhat above the time of a batch, or \`timeoutMs\` of the items, from which exp reckons it;
a batch that runs into it loses nothing that has ended.`;
}

function heapFor(constants: ScaleConstants): number {
  return Math.ceil(valueAt(constants.mib, million, usualSubmitLimit) / 1024) * 1024;
}

function constantsTable(constants: ScaleConstants): string {
  const row = (what: string, of: Constants | undefined, word: (value: number) => string) =>
    of === undefined ? [] : [[what, word(of.start), word(of.item), word(of.batch)]];
  const mib = (value: number) => wordBytes(value * 1024 ** 2);
  return tableOf(
    ["", "in any case", "an item", "a batch"],
    [
      ...row("time beside the work", constants.seconds, wordShortTime),
      ...row("memory of the driver", constants.mib, mib),
      ...row("files that the driver writes to submit", constants.submittedFiles, wordRounded),
      ...row("their bytes", constants.submittedBytes, wordBytes),
      ...row("files that batches write to answer", constants.answeredFiles, wordRounded),
      ...row("their bytes", constants.answeredBytes, wordBytes),
      ...row("times that the driver waits for the disk", constants.syncs, wordRounded),
      ...row("files kept in runs/ and cache/", constants.keptFiles, wordRounded),
      ...row("their bytes", constants.keptBytes, wordBytes),
    ],
  );
}

/** Counts come out of the fit with a remainder that means nothing. */
function wordRounded(value: number): string {
  return Math.abs(value) < 1e-6 ? "0" : wordNumber(value);
}

function planTable(constants: ScaleConstants): string {
  const plans = [mostInBatch, 1000, 100].map((batch) => planOf(constants, million, batch));
  const row = (what: string, of: (plan: ScalePlan) => string) => [what, ...plans.map(of)];
  return tableOf(
    ["items a batch", ...plans.map(({ batch }) => wordCount(batch))],
    [
      row("batches", ({ batches }) => wordCount(batches)),
      row("array jobs", ({ arrays }) => wordCount(arrays)),
      row("calls to sbatch", ({ sbatchCalls }) => wordCount(sbatchCalls)),
      row("files written to submit", ({ files }) => wordCount(files)),
      row("their bytes", ({ bytes }) => wordBytes(bytes)),
      row("files written to answer", ({ answeredFiles }) => wordCount(answeredFiles)),
      row("their bytes", ({ answeredBytes }) => wordBytes(answeredBytes)),
      ...(constants.syncs === undefined
        ? []
        : [row("times that the driver waits for the disk", ({ syncs }) => wordCount(syncs!))]),
      row("kept in runs/ and cache/", ({ keptBytes }) => wordBytes(keptBytes)),
      row("memory of the driver", ({ mib }) => wordBytes(mib * 1024 ** 2)),
      row("beside the work", ({ seconds }) => wordMinutes(seconds)),
    ],
  );
}

function settingsTable(): string {
  const rows = [0.1, 1, 10, 60].map((seconds) => {
    const batch = batchFor(million, seconds);
    const batches = Math.ceil(million / batch);
    const work = (million * seconds) / 3600;
    return [
      `${seconds} s`,
      ...[batch, batches].map(wordCount),
      wordMinutes(batch * seconds),
      ...[100, 1000].map((parallel) => `${wordNumber(work / Math.min(parallel, batches))} h`),
    ];
  });
  return tableOf(
    ["an item takes", "`batch`", "batches", "a batch takes", "all, 100 at once", "all, 1,000 at once"],
    rows,
  );
}

// What a run's results were made with and the archive has lost: without it they cannot be made again. Unaware of how it is told, and of what
// is looked through.

import type { Trace } from "../backends/store/trace.ts";
import type { TreeListing } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { ActionRecord, InputRecord } from "../planning/fingerprint/action-key.ts";

/** What of a run cannot be run again, and why. */
export interface Missing {
  /** Targets that stand on results of lost code. */
  readonly code: readonly string[];
  /** Files of the project that present results were made with. */
  readonly sources: readonly string[];
  /** Targets that stand on what people handed over: nothing makes that again. */
  readonly handedOver: readonly string[];
  /** How many results of past builds lack something. */
  readonly past: number;
}

export interface Kept {
  readonly has: (digest: Digest) => boolean;
  /** Whether a bundle is there with all of its closure. */
  readonly hasCode: (code: Digest) => boolean;
  /** The files of a folder; undefined where its listing is lost. */
  readonly listingOf: (digest: Digest) => TreeListing | undefined;
}

/** Undefined: nothing is missing. */
export function whatIsMissing(trace: Trace, kept: Kept): Missing | undefined {
  const made = outputsOf(trace);
  const [code, sources, handedOver] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let past = 0;
  for (const target of trace.targets()) {
    const standing = trace.standingOf(target);
    const seen = new Set<Digest>();
    for (const one of [...standing].reverse()) {
      const isPresent = one === standing.at(-1);
      for (const key of [one.core, ...one.templates, ...(one.split === undefined ? [] : [one.split])]) {
        const record = trace.recordOf(key);
        if (record === undefined || seen.has(key)) continue;
        seen.add(key);
        const lacksCode = record.code.kind === "module" && !kept.hasCode(record.code.digest);
        const lost = lostSources(record, trace, kept, made);
        const isUnanswered = record.part === "handoff" && lostOutputs(trace, key, kept);
        if (!isPresent && (lacksCode || lost.length > 0 || isUnanswered)) past++;
        if (!isPresent) continue;
        if (lacksCode) code.add(target);
        if (isUnanswered) handedOver.add(target);
        for (const file of lost) sources.add(file);
      }
    }
  }
  const missing = { code: [...code].sort(), sources: [...sources].sort(), handedOver: [...handedOver].sort(), past };
  return code.size + sources.size + handedOver.size + past === 0 ? undefined : missing;
}

/** Content that an action of the run made is no source: it can be made again. */
function outputsOf(trace: Trace): ReadonlySet<Digest> {
  const made = new Set<Digest>();
  for (const [, { result }] of trace.results())
    for (const artifact of Object.values(result.outputs))
      if (artifact.kind !== "absent") made.add(artifact.blob.digest);
  return made;
}

function lostSources(
  { code, inputs }: ActionRecord,
  trace: Trace,
  { has, listingOf }: Kept,
  made: ReadonlySet<Digest>,
): readonly string[] {
  const lost = code.kind === "command" ? Object.keys(code.files).filter((name) => !has(code.files[name]!)) : [];
  const look = (slot: string, input: InputRecord) => {
    if (input.kind === "list") for (const member of input.members) look(slot, member);
    if (input.kind === "file" && !has(input.digest)) {
      const source = trace.sourceOf(input.digest);
      if (source !== undefined) lost.push(source[2]);
    }
    if (input.kind !== "tree" || made.has(input.digest)) return;
    const listing = listingOf(input.digest);
    if (listing === undefined) lost.push(`the folder that was the input ${slot}`);
    else for (const [path, file] of listing) if (!has(file)) lost.push(path);
  };
  for (const [slot, input] of Object.entries(inputs)) look(slot, input);
  return lost;
}

function lostOutputs(trace: Trace, key: Digest, { has }: Kept): boolean {
  return Object.values(trace.find(key)?.result.outputs ?? {}).some(
    (artifact) =>
      artifact.kind !== "absent" &&
      !(artifact.kind === "file" && artifact.text !== undefined) &&
      !has(artifact.blob.digest),
  );
}

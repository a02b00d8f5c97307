// A batch that was sent by content, taken up where it runs: what it needs is fetched and verified, and lies in a folder of its own then.

import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { digestOfBytes, type BlobRef, type Digest } from "../../../model/digest.ts";
import { callKey } from "../../../planning/fingerprint/call-key.ts";
import { sleepFor } from "../../../util/clock.ts";
import { writeAtomic } from "../../../util/fs.ts";
import type { BlobStore } from "../../store/store.ts";
import type { CallDesk, Order, Outcome } from "../executor.ts";
import {
  chunkWords,
  givenUpWords,
  messageFormat,
  type Chunk,
  type Manifest,
  type PaidCall,
  type SentLine,
  type SentOrder,
} from "./message.ts";
import { deskWith } from "./payments.ts";
import type { Place } from "./place.ts";
import { relocate } from "./relocate.ts";
import type { Seal } from "./seal.ts";
import { SentResults } from "./sent-results.ts";

export interface ErrandOptions {
  readonly place: Place;
  readonly seal: Seal;
  /** The manifest. */
  readonly root: BlobRef;
  readonly batch: number;
  readonly start: number;
  /** A folder of this batch alone. */
  readonly folder: string;
  readonly store: BlobStore;
  readonly warn: (text: string) => void;
}

/** `unreachable`: there is nothing to be heard of the place, so nobody can be told either. */
export type TakenUp =
  { readonly kind: "unreachable"; readonly message: string } | { readonly kind: "given-up" } | Errand;

export interface Errand {
  readonly kind: "errand";
  readonly setup: Manifest["setup"];
  readonly order: Order;
  readonly ended: ReadonlySet<number>;
  /** What earlier starts of the batch have paid for calls. */
  readonly spentUsd: number;
  /** Names what was read as its driver knows it. */
  readonly asSent: (outcome: Outcome) => Outcome;
  readonly log: SentResults;
  /** For people who look into how the batch fared. */
  readonly say: (text: string) => void;
  readonly workerFile: string;
  /** With the logs of calls that are remembered. */
  readonly callsFolder: string;
}

/** A server that is away for a moment, or a file that is on its way through a network's file system. */
const reachableWithinMs = 20_000;
const longestWaitMs = 30_000;

/** Throws `Lacking`, of which its driver has been told, when something of it is not there. */
export async function takeUp(options: ErrandOptions): Promise<TakenUp> {
  const { place, seal, root, batch, start, folder, store } = options;
  const found = await reach(options);
  if (found !== undefined) return { kind: "unreachable", message: found };
  const logFileOf = (action: number) => join(folder, "logs", `${action}.log`);
  const say = (text: string) => {
    options.warn(text);
    log.say(`${text}\n`);
  };
  const persist = (act: () => Promise<void>) => persistently(act, say);
  const log = new SentResults({ place, seal, batch, start, store, persist, logOf: logFileOf });
  const givenUp = seal.nameOf(...givenUpWords);
  let stopped: Buffer | undefined;
  await persist(async () => void (stopped = await place.read(givenUp)));
  if (stopped !== undefined && seal.read(givenUp, stopped) !== undefined) return { kind: "given-up" };

  const manifest = JSON.parse(store.read(root.digest)!.toString("utf8")) as Manifest;
  if (manifest.v !== messageFormat)
    throw new Error(`a manifest of version ${manifest.v}, which this program cannot read`);
  const fetch = async (blobs: readonly BlobRef[]) => {
    let lacking: readonly BlobRef[] = [];
    await persist(async () => void (lacking = await place.bring(blobs)));
    if (lacking.length === 0) return;
    log.append({ lacking: lacking.map(({ digest }) => digest).join(" ") });
    await log.commit();
    throw new Lacking(lacking);
  };

  const sent = manifest.orders[batch]!;
  await fetch([sent, ...manifest.calls, ...manifest.programs.map(([, blob]) => blob)]);
  const words = JSON.parse(store.read(sent.digest)!.toString("utf8")) as SentOrder;
  const files = new Map(words.files.map(([path, digest, size]) => [path, { digest, size }]));
  await fetch([...files.values()]);
  // Once for each path: each look at the store reads the whole file.
  const places = new Map([...files].map(([path, { digest }]) => [path, store.pathOf(digest)!]));
  const secrets = JSON.parse(seal.reveal(manifest.secrets)) as Readonly<Record<string, string>>;
  const order = relocate(
    { ...words.order, secrets, guarded: [] },
    { read: (path) => places.get(path)!, log: (_, action) => logFileOf(action) },
  );

  const programs = join(folder, "programs");
  for (const [name, { digest }] of manifest.programs) lay(store, digest, join(programs, name));
  const callsFolder = join(folder, "calls");
  for (const [n, { digest }] of manifest.calls.entries()) lay(store, digest, join(callsFolder, `sent-${n}.jsonl`));
  const earlier = await linesOfEarlierStarts(options, persist);
  const paid = earlier.flatMap((line) => ("call" in line ? [JSON.stringify(remembered(line.call))] : []));
  if (paid.length > 0) writeAtomic(join(callsFolder, "earlier.jsonl"), `${paid.join("\n")}\n`);
  return {
    kind: "errand",
    setup: manifest.setup,
    order,
    say,
    spentUsd: earlier.reduce((sum, line) => sum + ("call" in line ? line.call.costUsd : 0), 0),
    ended: new Set(earlier.flatMap((line) => ("result" in line && "i" in line.result ? [line.result.i] : []))),
    asSent: (outcome) => asSent(outcome, places),
    log,
    workerFile: join(programs, manifest.programs[0]![0]),
    callsFolder,
  };
}

export class Lacking extends Error {
  constructor(blobs: readonly BlobRef[]) {
    super(`not there, or not what it was: ${blobs.map(({ digest }) => digest).join(", ")}`);
  }
}

/** What is paid here is safe with the driver's side before the recipe goes on. */
export function sentCalls(desk: CallDesk, log: SentResults, now: () => number): CallDesk {
  return deskWith(desk, async (payment, call) => {
    try {
      await log.keepCall({ ...call, at: now() });
    } catch (error) {
      // It is spent, and its answer is lost: others need not wait for it.
      payment.writeOff();
      payment.abandon();
      throw error;
    }
    await payment.remember(call);
  });
}

/** Undefined: the manifest is here. Otherwise why not. */
async function reach({ place, root, store }: ErrandOptions): Promise<string | undefined> {
  let message = "";
  for (const until = Date.now() + reachableWithinMs; Date.now() < until; await sleepFor(500))
    try {
      if ((await place.bring([root])).length === 0) {
        const bytes = store.read(root.digest);
        if (bytes !== undefined && digestOfBytes(bytes) === root.digest) return undefined;
      }
      message = "what was sent is not there";
    } catch (error) {
      message = (error as Error).message;
    }
  return message;
}

/** What is made here costs more than waiting: nothing is given up before the cluster ends it. */
async function persistently(act: () => Promise<void>, warn: (text: string) => void): Promise<void> {
  for (let waitMs = 250; ; waitMs = Math.min(2 * waitMs, longestWaitMs))
    try {
      return await act();
    } catch (error) {
      warn(`${(error as Error).message}; it is asked again`);
      await sleepFor(waitMs);
    }
}

async function linesOfEarlierStarts(
  { place, seal, batch, start }: ErrandOptions,
  persist: (act: () => Promise<void>) => Promise<void>,
): Promise<readonly SentLine[]> {
  const lines: SentLine[] = [];
  for (let earlier = 0; earlier < start; earlier++)
    for (let number = 0; ; number++) {
      const name = seal.nameOf(...chunkWords(batch, earlier, number));
      let bytes: Buffer | undefined;
      await persist(async () => void (bytes = await place.read(name)));
      const text = bytes === undefined ? undefined : seal.read(name, bytes);
      if (text === undefined) {
        // One that ended before it had told anything: who listens for the next start comes past it.
        const silence: Chunk = { v: messageFormat, lines: [] };
        if (number === 0) await persist(() => place.write(name, seal.sign(name, JSON.stringify(silence))));
        break;
      }
      lines.push(...(JSON.parse(text) as Chunk).lines);
    }
  return lines;
}

/** As it lies in the memory of calls. */
function remembered({ request, draw, ...answer }: PaidCall) {
  return { k: callKey(request, draw), request, draw, ...answer };
}

function asSent(outcome: Outcome, places: ReadonlyMap<string, string>): Outcome {
  const rename = (text: string) =>
    [...places].reduce((named, [path, place]) => (named.includes(place) ? named.replaceAll(place, path) : named), text);
  if (outcome.kind === "vanished") return { ...outcome, path: rename(outcome.path) };
  if (outcome.kind !== "failed" || outcome.stack === undefined) return outcome;
  return { ...outcome, stack: rename(outcome.stack) };
}

function lay(store: BlobStore, digest: Digest, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(store.pathOf(digest)!, path);
}

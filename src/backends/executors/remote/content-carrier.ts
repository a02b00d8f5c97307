// A submission that travels by content, to batches that do not see the project's folder: the driver's side. Whoever reads the submission's folder need
// not know.

import { basename } from "node:path";
import { isDigest, type BlobRef, type Digest } from "../../../model/digest.ts";
import { isMissing } from "../../../util/fs.ts";
import { kept } from "../../../util/kept.ts";
import { isStill, statOf, statText, type StatText } from "../../../util/stat.ts";
import type { Order } from "../executor.ts";
import type { Carrier, Load, Sent } from "./carrier.ts";
import { Hearing, type HearingOptions } from "./hearing.ts";
import { givenUpWords, messageFormat, type Manifest, type SentOrder } from "./message.ts";
import type { Place } from "./place.ts";
import { filesOf } from "./relocate.ts";
import { Seal } from "./seal.ts";
import { withoutSecrets, type SubmissionFolder } from "./submission.ts";

export interface ContentCarrierOptions extends HearingOptions {
  /** Where submissions go from now on, in words that hold no password. */
  readonly at: string;
  /** Earlier ones may have gone elsewhere. Undefined: nobody can say where that is any more. */
  readonly open: (at: string) => Promise<Place | undefined>;
  /** What starts a batch, first the program. */
  readonly carried: () => readonly (readonly [name: string, text: string])[];
  /** Whoever starts a batch finds it there. */
  readonly leavesCarried?: boolean;
  /** What runs its actions. */
  readonly programs: readonly (readonly [name: string, file: string])[];
  /** Logs of paid calls. */
  readonly callFiles: () => readonly string[];
  /** What a batch has to know to reach the place. */
  readonly environment: (key: string) => Readonly<Record<string, string>>;
}

export class ContentCarrier implements Carrier {
  readonly #options: ContentCarrierOptions;
  readonly #places = new Map<string, Promise<Place | undefined>>();
  readonly #reached = new Set<Place>();
  readonly #hearing: Hearing;
  /** Files of the project that have been copied, as they were. */
  readonly #taken = new Map<string, { readonly seen: StatText; readonly blob: BlobRef }>();

  constructor(options: ContentCarrierOptions) {
    this.#options = options;
    this.#hearing = new Hearing(options);
  }

  async send(folder: SubmissionFolder, { setup, secrets, orders }: Load): Promise<Sent> {
    const { at, store, programs, callFiles, environment } = this.#options;
    const external = orders.flatMap(({ code }) => (code.kind === "module" ? (code.externals ?? []) : []))[0];
    if (external !== undefined) return { kind: "refused", message: wordExternal(external) };
    // Their values stay here: they travel hidden, and are not needed again.
    folder.prepare({ setup, secrets: {}, orders });
    const seal = Seal.make();
    folder.writePlace({ at, key: seal.key });
    const blobs = new Map<Digest, BlobRef>();
    const keep = (blob: BlobRef): BlobRef => {
      blobs.set(blob.digest, blob);
      return blob;
    };
    const sent: BlobRef[] = [];
    for (const order of orders) {
      const found = this.#filesOf(order);
      if ("kind" in found) return found;
      for (const [, blob] of found.files) keep(blob);
      const files = found.files.map(([path, { digest, size }]) => [path, digest, size] as const);
      const words: SentOrder = { order: withoutSecrets(order), files };
      sent.push(keep(store.putBytes(JSON.stringify(words))));
    }
    const carried = this.#options.carried();
    if (this.#options.leavesCarried === true) for (const [, text] of carried) keep(store.putBytes(text));
    const { callsNotBefore, mayPay, maxUsd, nodeMajor, what } = setup;
    const manifest: Manifest = {
      v: messageFormat,
      setup: { callsNotBefore, mayPay, nodeMajor, what, ...(maxUsd !== undefined && { maxUsd }) },
      programs: programs.map(([name, file]) => [name, keep(store.putFile(file))]),
      calls: callFiles().map((file) => keep(store.putFile(file))),
      secrets: seal.hide(JSON.stringify(secrets)),
      orders: sent,
    };
    const root = store.putBytes(JSON.stringify(manifest));
    try {
      const place = (await this.#open(at))!;
      await place.put([...blobs.values()]);
      await place.put([root]);
    } catch (error) {
      return { kind: "not-now", message: (error as Error).message };
    }
    return {
      kind: "sent",
      start: {
        program: { kind: "carried", files: carried },
        argument: `${root.digest}:${root.size}`,
        environment: environment(seal.key),
      },
    };
  }

  async collect(folder: SubmissionFolder, batches: readonly number[]): Promise<string | undefined> {
    const note = folder.place();
    if (note === undefined) return undefined;
    const place = await this.#open(note.at);
    if (place === undefined) return "the place through which they were sent is not known here";
    return this.#hearing.collect({ folder, place, seal: new Seal(note.key) }, batches);
  }

  refresh(): void {
    for (const place of this.#reached) place.refresh?.();
  }

  async giveUp(folder: SubmissionFolder): Promise<void> {
    const note = folder.place();
    const place = note === undefined ? undefined : await this.#open(note.at);
    if (place === undefined) return;
    const seal = new Seal(note!.key);
    const name = seal.nameOf(...givenUpWords);
    // Where it cannot be left, the cluster is told to end them all the same.
    await place.write(name, seal.sign(name, "")).catch(() => undefined);
  }

  close(): void {
    // A place ends with its last request.
  }

  async #open(at: string): Promise<Place | undefined> {
    const place = await kept(this.#places, at, () => this.#options.open(at));
    if (place !== undefined) this.#reached.add(place);
    return place;
  }

  /** All that an order reads, as it was when the order was made. */
  #filesOf(order: Order): Extract<Sent, { kind: "vanished" }> | { readonly files: (readonly [string, BlobRef])[] } {
    const guarded = new Map(order.guarded.map(({ path, digest }) => [path, digest]));
    const files: (readonly [string, BlobRef])[] = [];
    for (const path of filesOf(order)) {
      const blob = this.#take(path);
      const meant = guarded.get(path);
      const isEdited = blob !== undefined && meant !== undefined && blob.digest !== meant;
      if (blob === undefined || isEdited) return { kind: "vanished", path, isEdited };
      files.push([path, blob]);
    }
    return { files };
  }

  /** What lies in the project may be edited while it travels: a copy of it travels. */
  #take(path: string): BlobRef | undefined {
    const { store } = this.#options;
    const name = basename(path);
    if (isDigest(name) && store.pathOf(name) === path) return { digest: name, size: Number(statOf(path)!.size) };
    const taken = this.#taken.get(path);
    // A large input of a hundred batches is read once.
    if (taken !== undefined && isStill(path, taken.seen) && store.has(taken.blob.digest)) return taken.blob;
    try {
      const stat = statOf(path);
      if (stat === undefined) return undefined;
      const blob = store.putFile(path);
      this.#taken.set(path, { seen: statText(stat), blob });
      return blob;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

function wordExternal(name: string): string {
  return `its recipe needs the package "${name}" beside it, which does not travel: let it run here (executor: "local"), or on nodes that see the project`;
}

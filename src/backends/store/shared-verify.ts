// Looks through a shared cache, as far as this machine can name what lies there: whether results are signed and make sense, whether content is what its name
// says, and whether what results name is there. Changes nothing.

import { createHash } from "node:crypto";
import type { ActionResult } from "../../model/action.ts";
import type { BlobRef, Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { entriesOfPack } from "./pack.ts";
import { namedBy, readListing, type ReadEntry } from "./shared-entry.ts";
import { readResult, type SharedAccess } from "./shared-access.ts";
import type { SharedKind } from "./shared.ts";

export type Wrong = Exclude<ReadEntry["kind"], "result"> | "other bytes" | "missing";

export interface WrongEntry {
  readonly kind: SharedKind;
  readonly name: Digest;
  /** Where it is, or would be. */
  readonly at: string;
  readonly wrong: Wrong;
  /** Of content: the key of a result that names it. */
  readonly of?: Digest;
}

export interface Verified {
  results: number;
  /** Under which digest code is recorded, and results of items that lie together. */
  codes: number;
  packs: number;
  contents: number;
  bytes: number;
  /** Could not be looked at: the place did not answer. */
  unseen: number;
  readonly wrong: WrongEntry[];
}

export interface VerifyOptions {
  /** What this machine has by action key: which entries to look for, and what content there may be. */
  readonly own: ReadonlyMap<Digest, ActionResult>;
  /** What an entry of such a key is; of one that is not among them, a result. */
  readonly beside: ReadonlyMap<Digest, "codes" | "packs">;
  /** So many results at most, chosen at random, with their content. */
  readonly sample: number;
  /** As `Math.random`. */
  readonly random: () => number;
}

export async function verifyShared(access: SharedAccess, options: VerifyOptions): Promise<Verified> {
  const verifying = new Verifying(access, options);
  await verifying.run();
  return verifying.verified;
}

interface Named {
  readonly blob: BlobRef;
  readonly isTree: boolean;
  /** A result that lies there and needs it; undefined: there may be none. */
  readonly of: Digest | undefined;
}

class Verifying {
  readonly verified: Verified = { results: 0, codes: 0, packs: 0, contents: 0, bytes: 0, unseen: 0, wrong: [] };
  readonly #access: SharedAccess;
  readonly #options: VerifyOptions;
  readonly #lanes: Lanes;

  constructor(access: SharedAccess, options: VerifyOptions) {
    this.#access = access;
    this.#options = options;
    this.#lanes = new Lanes(access.width);
  }

  async run(): Promise<void> {
    const { own, beside, sample, random } = this.#options;
    // Of a sample people want to know how many of the results are right.
    const keys = shuffled(
      [...own.keys()].filter((key) => sample === Infinity || !beside.has(key)),
      random,
    );
    const named = new Map<Digest, Named>();
    while (keys.length > 0 && this.verified.results < sample && !this.#access.guard.isClosed) {
      const some = keys.splice(0, Math.min(keys.length, sample - this.verified.results));
      await this.#lanes.each(some, (key) => this.#lookAtResult(key, own.get(key)!, named));
    }
    const inside = new Map<Digest, Named>();
    await this.#lanes.each([...named.values()], (one) => this.#lookAtContent(one, inside));
    const rest = [...inside.values()].filter(({ blob }) => !named.has(blob.digest));
    await this.#lanes.each(rest, (one) => this.#lookAtContent(one, inside));
  }

  async #lookAtResult(key: Digest, own: ActionResult, named: Map<Digest, Named>): Promise<void> {
    const found = await readResult(this.#access, key);
    if (found === undefined) return void this.verified.unseen++;
    if (found.kind === "absent") return;
    this.verified[this.#options.beside.get(key) ?? "results"]++;
    if (found.kind !== "result") this.#note("ac", key, found.kind);
    else {
      for (const one of namedBy(found.result)) named.set(one.blob.digest, { ...one, of: key });
      // Of what lies in a pack each result stands for itself, too.
      const wrong = new Set<Wrong>();
      for (const [of, read] of entriesOfPack(found.result, this.#access.secret) ?? [])
        if (read.kind !== "result") wrong.add(read.kind);
        else for (const one of namedBy(read.result)) named.set(one.blob.digest, { ...one, of });
      for (const kind of wrong) this.#note("ac", key, kind);
    }
    for (const one of namedBy(own))
      if (!named.has(one.blob.digest)) named.set(one.blob.digest, { ...one, of: undefined });
  }

  async #lookAtContent({ blob, isTree, of }: Named, inside: Map<Digest, Named>): Promise<void> {
    const { remote, guard, patienceMs } = this.#access;
    const { digest, size } = blob;
    const found = await guard.ask<"absent" | "other" | Buffer>({
      ...{ way: "reading", what: "looked through", patienceMs },
      act: async (signal, alive) => {
        const entry = await remote.get("cas", digest, { signal });
        if (entry === undefined) return "absent";
        const hash = createHash("sha256");
        const pieces: Uint8Array[] = [];
        let length = 0;
        for await (const piece of entry.bytes) {
          signal.throwIfAborted();
          alive();
          length += piece.length;
          if (length > size) return "other";
          hash.update(piece);
          if (isTree) pieces.push(piece);
        }
        return hash.digest("hex") === digest ? Buffer.concat(pieces) : "other";
      },
    });
    if (found === undefined) return void this.verified.unseen++;
    if (found === "absent") {
      if (of !== undefined) this.#note("cas", digest, "missing", of);
      return;
    }
    this.verified.contents++;
    this.verified.bytes += size;
    if (found === "other") return this.#note("cas", digest, "other bytes", of);
    if (!isTree) return;
    const listing = readListing(found.toString("utf8"));
    if (listing === undefined) return this.#note("cas", digest, "damaged", of);
    for (const [, one, bytes] of listing)
      if (inside.get(one)?.of === undefined) inside.set(one, { blob: { digest: one, size: bytes }, isTree: false, of });
  }

  #note(kind: SharedKind, name: Digest, wrong: Wrong, of?: Digest): void {
    const at = this.#access.remote.placeOf(kind, name);
    this.verified.wrong.push({ kind, name, at, wrong, ...(of !== undefined && { of }) });
  }
}

function shuffled<T>(all: T[], random: () => number): T[] {
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

// Outputs at their places in the run's folder: whether they lie there as they should, put there, taken back, set aside where somebody has edited them.

import { mkdirSync, readdirSync, renameSync, rmSync, type BigIntStats } from "node:fs";
import { dirname, join } from "node:path";
import { fileNameOf } from "../api/slot.ts";
import type { BlobStore, FileDigests } from "../backends/store/store.ts";
import type { Trace } from "../backends/store/trace.ts";
import { digestOfArtifact, type Artifact, type Artifacts, type TreeListing } from "../model/action.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../model/digest.ts";
import { copyNew, copyWhole, hasCode, isMissing, listTree, temporaryName, writeAtomic } from "../util/fs.ts";
import { isSameStat, statOf, statText, type FileClock, type FileStat, type StatText } from "../util/stat.ts";
import { ContentLost, textInside, type Contents, type OtherContents, type SlotShape } from "./contents.ts";

/** The folder of a run in which outputs are put together before they appear. */
export const stagingName = ".staging";

/** How long files are copied before others get their turn. */
const restAfterMs = 20;

export interface PlacesOptions {
  readonly runFolder: string;
  readonly contents: Contents;
  /** Content that is only at its place is taken back into it. */
  readonly store: BlobStore;
  readonly digests: FileDigests & {
    readonly clock: Pick<FileClock, "past">;
    note(path: string, digest: Digest, seen: StatText, stat?: BigIntStats, past?: number): void;
  };
  readonly trace: Trace;
  /** With whom content may be left. */
  readonly others?: Pick<OtherContents, "placeOf"> | undefined;
  /** Told when an edited output is set aside. */
  readonly onSetAside: (target: string, file: string, to: string) => void;
}

/** What lies at a place. */
interface Found {
  readonly isFolder: boolean;
  /** Undefined: of what is neither a file nor a folder. */
  readonly digest: Digest | undefined;
}

type Slots = Readonly<Record<string, SlotShape>>;
type DigestOf = (path: string) => Pick<BlobRef, "digest"> | undefined;

export class Places {
  readonly #options: PlacesOptions;
  /** Files that were put at their places, by path. */
  readonly #put = new Map<string, { readonly digest: Digest; readonly stat: FileStat }>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** Where slot `slot` of a target lies in the run's folder. */
  placeOf(target: string, slot: string, shape: SlotShape): string {
    // Names of targets and files hold no dots and slashes to be resolved: `join` would take longer than the look at the file.
    return `${this.#options.runFolder}/${target}/${fileNameOf(slot, shape)}`;
  }

  /** A place as the trace names it. */
  #nameOf(place: string): string {
    return place.slice(this.#options.runFolder.length + 1);
  }

  /** The outputs of a target that were left with others, with nothing at their places: by slot, where they are. */
  leftOf(target: string, slots: Slots, artifacts: Artifacts): ReadonlyMap<string, string> {
    const left = new Map<string, string>();
    for (const slot in slots) {
      const place = this.placeOf(target, slot, slots[slot]!);
      const at = this.#leftAt(place, artifacts[slot]);
      if (at !== undefined && statOf(place) === undefined) left.set(slot, at);
    }
    return left;
  }

  /** Whether the output was left with others, whatever lies at its place now. */
  wasLeft(target: string, slot: string, shape: SlotShape, artifact: Artifact | undefined): boolean {
    return this.#leftAt(this.placeOf(target, slot, shape), artifact) !== undefined;
  }

  #leftAt(place: string, artifact: Artifact | undefined): string | undefined {
    const left = this.#options.trace.leftAt(this.#nameOf(place));
    return artifact !== undefined && left?.digest === digestOfArtifact(artifact) ? left.at : undefined;
  }

  /**
   * Whether the target's outputs lie at their places with the right content: by stat where that proves it. `digestOf`: for who has looked at the files
   * already.
   */
  isPlaced(target: string, slots: Slots, artifacts: Artifacts, digestOf?: DigestOf): boolean {
    for (const slot in slots) {
      const place = this.placeOf(target, slot, slots[slot]!);
      if (!this.#isAt(place, artifacts[slot] ?? { kind: "absent" }, digestOf)) return false;
    }
    return true;
  }

  /** The same, where what this build has put there counts by its stat: within the clock's tick that proves nothing, but it was right a moment ago. */
  isAsPut(target: string, slots: Slots, artifacts: Artifacts): boolean {
    for (const slot in slots) {
      const place = this.placeOf(target, slot, slots[slot]!);
      const artifact = artifacts[slot] ?? { kind: "absent" };
      const put = this.#put.get(place);
      const stat = put === undefined || put.digest !== digestOfArtifact(artifact) ? undefined : statOf(place);
      const isOwn = stat !== undefined && isSameStat(stat, put!.stat);
      if (!isOwn && !this.#isAt(place, artifact)) return false;
    }
    return true;
  }

  /** The stat that a file had when it was put there by this build, if it was: it shows every change since. */
  statAsPut(place: string): FileStat | undefined {
    return this.#put.get(place)?.stat;
  }

  /**
   * Puts every output that is not at its place there, whole or not at all. One whose content is lost is left out: whoever assesses the target again,
   * as a build does, finds it missing and has it made anew. Unless it `mayBeLeft` with others: then that is written down, and nothing lies at its place.
   */
  async place(
    target: string,
    slots: Slots,
    artifacts: Artifacts,
    mayBeLeft: (slot: string) => boolean = () => false,
  ): Promise<void> {
    for (const [slot, shape] of Object.entries(slots)) {
      const artifact = artifacts[slot] ?? { kind: "absent" };
      const place = this.placeOf(target, slot, shape);
      const found = this.#lookAt(place);
      if (found === undefined ? artifact.kind === "absent" : isWhatWasFound(artifact, found)) continue;
      const isStored = this.#options.contents.isStored(artifact);
      if (!isStored && (artifact.kind === "absent" || !mayBeLeft(slot))) continue;
      if (found !== undefined) this.#setAsideIfEdited(target, place, found);
      if (isStored) await this.#putAt(slot, place, artifact, found);
      else this.#leave(place, artifact);
    }
  }

  /**
   * Puts outputs back of which nothing lay at their places `lacking` when somebody looked. False: something has come to lie there meanwhile. Throws
   * `ContentLost`.
   */
  async putBack(target: string, slots: Slots, artifacts: Artifacts, lacking: readonly string[]): Promise<boolean> {
    for (const slot in slots) {
      const place = this.placeOf(target, slot, slots[slot]!);
      if (!lacking.includes(place)) continue;
      // In a folder that was not there lies nothing.
      if (!isFolderMade(dirname(place)) && statOf(place) !== undefined) return false;
      await this.#putAt(slot, place, artifacts[slot] ?? { kind: "absent" }, undefined, true);
    }
    return true;
  }

  /** What an earlier result left at the place would be taken for the output. */
  #leave(place: string, artifact: Artifact): void {
    const { trace, others } = this.#options;
    rmSync(place, { recursive: true, force: true });
    const digest = digestOfArtifact(artifact);
    const out = this.#nameOf(place);
    if (digest === "absent" || trace.leftAt(out)?.digest === digest) return;
    trace.append({ out, d: "absent", left: digest, at: others?.placeOf(digest) ?? "" });
  }

  /** What somebody has edited at the target's places is set aside, before they are emptied. */
  saveEdits(target: string, slots: Slots): void {
    for (const [slot, shape] of Object.entries(slots)) {
      const place = this.placeOf(target, slot, shape);
      const found = this.#lookAt(place);
      if (found !== undefined) this.#setAsideIfEdited(target, place, found);
    }
  }

  /** Takes content that is only at its place in the run back into the store. Returns false when it is not there either. */
  recover(target: string, slot: string, shape: SlotShape, artifact: Artifact): boolean {
    if (this.#options.contents.isStored(artifact)) return true;
    const place = this.placeOf(target, slot, shape);
    if (!this.#isAt(place, artifact)) return false;
    const { store } = this.#options;
    if (artifact.kind === "file") store.putFile(place);
    if (artifact.kind === "tree") {
      const listing = listTree(place).map((name) => {
        const blob = store.putFile(join(place, name));
        return [name, blob.digest, blob.size] as const;
      });
      store.putBytes(JSON.stringify(listing));
    }
    return this.#options.contents.isStored(artifact);
  }

  #lookAt(place: string): Found | undefined {
    const stat = statOf(place);
    if (stat === undefined) return undefined;
    const isFolder = stat.isDirectory();
    return {
      isFolder,
      digest: isFolder ? this.#digestOfTree(place) : this.#options.digests.digestOf(place, stat)?.digest,
    };
  }

  #isAt(place: string, artifact: Artifact, digestOf?: DigestOf): boolean {
    switch (artifact.kind) {
      case "absent":
        return statOf(place) === undefined;
      case "file": {
        const found = digestOf === undefined ? this.#options.digests.digestOf(place) : digestOf(place);
        return found?.digest === artifact.blob.digest;
      }
      case "tree":
        return this.#digestOfTree(place) === artifact.blob.digest;
    }
  }

  /** The listing of the tree at `place`, if it is the artifact's: for when the store has lost it. */
  listingAt(place: string, artifact: Extract<Artifact, { kind: "tree" }>): TreeListing | undefined {
    const text = this.#listingTextAt(place);
    return text !== undefined && digestOfBytes(text) === artifact.blob.digest
      ? (JSON.parse(text) as TreeListing)
      : undefined;
  }

  /** The digest that the tree at `place` would have as an artifact. */
  #digestOfTree(place: string): Digest | undefined {
    const text = this.#listingTextAt(place);
    return text === undefined ? undefined : digestOfBytes(text);
  }

  #listingTextAt(place: string): string | undefined {
    let names: string[];
    try {
      names = listTree(place);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const listing = names.map((name) => {
      const blob = this.#options.digests.digestOf(join(place, name));
      return blob === undefined ? [name, "", 0] : [name, blob.digest, blob.size];
    });
    return JSON.stringify(listing);
  }

  /** Throws `ContentLost` when the content goes away in the middle of it. */
  async #putAt(
    slot: string,
    place: string,
    artifact: Artifact,
    found: Found | undefined,
    hasFolder = found !== undefined,
  ): Promise<void> {
    const { contents, digests, trace, runFolder } = this.#options;
    const past = digests.clock.past();
    // Half-written files are only ever in here; the next build empties it.
    const staging = join(runFolder, stagingName);
    switch (artifact.kind) {
      case "absent":
        rmSync(place, { recursive: true, force: true });
        return;
      case "file": {
        if (found?.isFolder === true) rmSync(place, { recursive: true, force: true });
        const text = textInside(artifact);
        // Where nothing lies, mostly the folder is missing too; a name that cannot be given is dearer than this.
        if (text !== undefined && !hasFolder) mkdirSync(dirname(place), { recursive: true });
        if (text !== undefined) writeAtomic(place, text, { staging, changed: past });
        else {
          mkdirSync(staging, { recursive: true });
          copyWhole(contents.pathOf(slot, artifact.blob.digest), place, staging, past);
        }
        const stat = statOf(place)!;
        const { size, mtimeNs, ctimeNs, ino, dev } = stat;
        this.#put.set(place, { digest: artifact.blob.digest, stat: { size, mtimeNs, ctimeNs, ino, dev } });
        digests.note(place, artifact.blob.digest, statText(stat), stat, past);
        break;
      }
      case "tree": {
        // A folder cannot be replaced in one step: the old one goes away first, so that no mixture of both is ever seen.
        mkdirSync(staging, { recursive: true });
        mkdirSync(dirname(place), { recursive: true });
        const temporary = temporaryName(place, staging);
        const listing = contents.listingOf(artifact);
        if (listing === undefined) throw new ContentLost(slot);
        const seen = await this.#stage(slot, temporary, listing, past);
        if (statOf(place) !== undefined) {
          const old = temporaryName(place, staging);
          renameSync(place, old);
          renameSync(temporary, place);
          rmSync(old, { recursive: true, force: true });
        } else renameSync(temporary, place);
        for (const [i, [name, digest]] of listing.entries())
          digests.note(join(place, name), digest, seen[i]!, undefined, past);
        break;
      }
    }
    const name = this.#nameOf(place);
    // Once is enough: outputs that are deleted and put back would make the trace longer each time.
    if (trace.placedAt(name) !== artifact.blob.digest) trace.append({ out: name, d: artifact.blob.digest });
  }

  /** Copies a tree's files below `folder`; gives their stats, in order. */
  async #stage(slot: string, folder: string, listing: TreeListing, past: number): Promise<StatText[]> {
    mkdirSync(folder);
    const made = new Set([folder]);
    const seen: StatText[] = [];
    let restedAt = performance.now();
    for (const [name, digest] of listing) {
      const to = join(folder, name);
      if (!made.has(dirname(to))) mkdirSync(dirname(to), { recursive: true });
      made.add(dirname(to));
      // Nobody looks in here, so no file needs a temporary name (a name may be as long as names can be).
      copyNew(this.#options.contents.pathOf(`${slot}/${name}`, digest), to, past);
      seen.push(statText(statOf(to)!));
      // A hundred thousand files take a while, in which the lease must stay alive and other targets go on.
      if (performance.now() - restedAt < restAfterMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      restedAt = performance.now();
    }
    return seen;
  }

  /** A build that was killed may have put an output at its place and not have said so in the trace. */
  #isOwnResult(target: string, found: Digest): boolean {
    for (const [, known] of this.#options.trace.results()) {
      if (known.target !== target) continue;
      for (const artifact of Object.values(known.result.outputs)) if (digestOfArtifact(artifact) === found) return true;
    }
    return false;
  }

  /** What lies at a place and was not put there by exp is somebody's work: it is set aside under a name that is told. */
  #setAsideIfEdited(target: string, place: string, { digest }: Found): void {
    const { runFolder, trace } = this.#options;
    const name = this.#nameOf(place);
    if (digest !== undefined && (trace.placedAt(name) === digest || this.#isOwnResult(target, digest))) return;
    const folder = join(runFolder, "set-aside");
    mkdirSync(folder, { recursive: true });
    const base = name.replaceAll("/", "_");
    const taken = new Set(readdirSync(folder));
    let to = base;
    for (let n = 2; taken.has(to); n++) to = `${n}_${base}`;
    renameSync(place, join(folder, to));
    this.#options.onSetAside(target, name, join("set-aside", to));
  }
}

/** False: it was there. */
function isFolderMade(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!isMissing(error)) throw error;
    return mkdirSync(folder, { recursive: true }) !== undefined;
  }
}

/** A file that holds the listing of a folder is not that folder. */
function isWhatWasFound(artifact: Artifact, { isFolder, digest }: Found): boolean {
  return artifact.kind !== "absent" && isFolder === (artifact.kind === "tree") && digest === artifact.blob.digest;
}

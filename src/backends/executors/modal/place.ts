// A volume of Modal as the place through which a driver and its batches reach one another: the driver's side. Batches see the same files in a folder, laid
// out as a shared cache in a folder is: `cas/ab/abcdef…` and `ac/ab/abcdef…`.

import { join } from "node:path";
import type { BlobRef, Digest } from "../../../model/digest.ts";
import { temporaryName } from "../../../util/fs.ts";
import type { Result } from "../../../util/result.ts";
import type { BlobStore } from "../../store/store.ts";
import type { Place } from "../remote/place.ts";
import { mayPass, type CloudProblem } from "./problems.ts";
import type { VolumeFiles } from "./volume.ts";

/** Where containers see the volume. */
export const mountPath = "/exp";

export interface VolumePlaceOptions {
  /** Of the volume. */
  readonly volume: string;
  readonly files: () => Promise<Result<VolumeFiles, CloudProblem>>;
  readonly local: BlobStore;
  /** Where content lies while it comes in. */
  readonly staging: string;
  /** How old a list of the messages may be, for who does not say as of when he asks. */
  readonly freshMs: number;
  /** Monotonic. */
  readonly now: () => number;
}

export class VolumePlace implements Place {
  readonly #options: VolumePlaceOptions;
  /** Content that lies there, as far as this process knows. */
  #there: Promise<Set<string>> | undefined;
  /** Messages that lie there. One list answers for all batches that are asked after. */
  #messages: { readonly at: number; readonly names: Promise<ReadonlySet<string>> } | undefined;

  constructor(options: VolumePlaceOptions) {
    this.#options = options;
  }

  get name(): string {
    return `the volume ${this.#options.volume} of Modal`;
  }

  async put(blobs: readonly BlobRef[]): Promise<void> {
    const { local } = this.#options;
    const files = await this.#files();
    this.#there ??= this.#list(files, "cas").catch((error: unknown) => {
      this.#there = undefined;
      throw error;
    });
    const there = await this.#there;
    const missing = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()].filter(
      ({ digest }) => !there.has(pathOf("cas", digest)),
    );
    const outgoing = missing.map(({ digest, size }) => {
      const file = local.pathOf(digest);
      if (file === undefined) throw new Error(`content that is to be sent is not in the store any more: ${digest}`);
      return { path: pathOf("cas", digest), size, digest, content: { file } };
    });
    this.#must(await files.put(outgoing));
    for (const { path } of outgoing) there.add(path);
  }

  async bring(blobs: readonly BlobRef[]): Promise<readonly BlobRef[]> {
    const { local, staging } = this.#options;
    const files = await this.#files();
    const wanted = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()].filter(
      ({ digest }) => !local.has(digest),
    );
    const lacking: BlobRef[] = [];
    const problems: CloudProblem[] = [];
    const bringOne = async (blob: BlobRef) => {
      const { digest } = blob;
      const to = temporaryName(join(staging, digest));
      const got = await files.get({ path: pathOf("cas", digest), digest, to });
      if (got.ok) return void local.putFile(to, { move: true, known: blob });
      if (mayPass(got.error) || got.error.kind === "credentials") problems.push(got.error);
      else lacking.push(blob);
    };
    await Promise.all(wanted.map(bringOne));
    if (problems.length > 0) throw this.#error(problems[0]!);
    // What is not what its name says is put out of the way of the right one.
    for (const { digest } of lacking) await files.remove(pathOf("cas", digest));
    return lacking;
  }

  async write(name: Digest, bytes: Buffer): Promise<void> {
    const files = await this.#files();
    this.#must(await files.put([{ path: pathOf("ac", name), size: bytes.length, content: { bytes } }]));
  }

  /** A batch that was seen to be over has written all that it will: a list from before that may lack the last of it. */
  async read(name: Digest, asOf?: number): Promise<Buffer | undefined> {
    const files = await this.#files();
    const { freshMs, now } = this.#options;
    const path = pathOf("ac", name);
    if (this.#messages === undefined || this.#messages.at < (asOf ?? now() - freshMs))
      this.#messages = { at: now(), names: this.#list(files, "ac") };
    const asked = this.#messages;
    try {
      if (!(await asked.names).has(path)) return undefined;
    } catch (error) {
      if (this.#messages === asked) this.#messages = undefined;
      throw error;
    }
    return this.#must(await files.read(path));
  }

  async #list(files: VolumeFiles, kind: string): Promise<Set<string>> {
    return new Set(this.#must(await files.list(kind)).map(({ path }) => path.replace(/^\//, "")));
  }

  async #files(): Promise<VolumeFiles> {
    return this.#must(await this.#options.files());
  }

  #must<T>(result: Result<T, CloudProblem>): T {
    if (result.ok) return result.value;
    throw this.#error(result.error);
  }

  #error({ message }: CloudProblem): Error {
    return new Error(`${this.name}: ${message}`);
  }
}

function pathOf(kind: "cas" | "ac", name: Digest): string {
  return `${kind}/${name.slice(0, 2)}/${name}`;
}

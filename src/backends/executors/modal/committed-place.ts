// A volume of Modal as a batch sees it: a folder, of which others see what is written when it is committed.

import type { BlobRef, Digest } from "../../../model/digest.ts";
import type { Place } from "../remote/place.ts";

export class CommittedPlace implements Place {
  readonly #place: Place;
  readonly #commit: () => Promise<void>;

  constructor(place: Place, commit: () => Promise<void>) {
    this.#place = place;
    this.#commit = commit;
  }

  get name(): string {
    return this.#place.name;
  }

  put(blobs: readonly BlobRef[]): Promise<void> {
    return this.#place.put(blobs);
  }

  bring(blobs: readonly BlobRef[]): Promise<readonly BlobRef[]> {
    return this.#place.bring(blobs);
  }

  /** A message is the last of what belongs together: with it all that it names is committed. */
  async write(name: Digest, bytes: Buffer): Promise<void> {
    await this.#place.write(name, bytes);
    await this.#commit();
  }

  read(name: Digest): Promise<Buffer | undefined> {
    return this.#place.read(name);
  }
}

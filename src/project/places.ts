// The places through which submissions travel by content, opened by driver and batch alike. Another of the files that name concrete stores.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CommittedPlace } from "../backends/executors/modal/committed-place.ts";
import type { Place } from "../backends/executors/remote/place.ts";
import { SharedPlace } from "../backends/store/shared-place.ts";
import type { BlobStore } from "../backends/store/store.ts";
import { storeAt } from "./shared-store.ts";

/** What a batch finds in its environment, as JSON. */
export const batchVariable = "EXP_BATCH_PLACE";

export interface PlaceGiven {
  /** A folder (absolute), or an address; may hold a password. */
  readonly at: string;
  readonly token?: string;
  /** Of the submission. */
  readonly key: string;
  /** Milliseconds. */
  readonly patienceMs: number;
  /** The program lies in a folder of its own, which nobody needs once it has been loaded. */
  readonly unpacked: boolean;
  /** A folder of which others see what is written only after `sync FOLDER`. */
  readonly commits?: boolean;
}

const width = 16;

/** Undefined: nothing that could be opened. */
export async function openPlace(
  { at, token, patienceMs, commits = false }: Pick<PlaceGiven, "at" | "token" | "patienceMs" | "commits">,
  local: BlobStore,
  partials: string,
): Promise<Place | undefined> {
  const remote = await storeAt(at, "/", token);
  if (remote === undefined || remote === "needs a package") return undefined;
  const place = new SharedPlace({ remote, local, partials, width, patienceMs });
  return commits ? new CommittedPlace(place, async () => void (await promisify(execFile)("sync", [at]))) : place;
}

// The entry of a local worker process: which store it puts into is decided here.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkFile, InputCheck } from "../backends/executors/worker/input-check.ts";
import { startWorker } from "../backends/executors/worker/worker.ts";
import { freshDigests, LocalStore } from "../backends/store/local.ts";
import { maskWith } from "../planning/config/mask.ts";

startWorker(({ blobsFolder, scratch }) => {
  // A worker hashes what it writes; whether a blob that it reads is what its name says was checked by the driver before it ordered.
  const store = new LocalStore(blobsFolder, freshDigests);
  store.heedMark();
  return {
    store,
    scratch,
    check: existsSync(join(scratch, checkFile))
      ? new InputCheck(scratch, dirname(fileURLToPath(import.meta.url)))
      : undefined,
    maskFor: (secrets) => maskWith(Object.entries(secrets)),
  };
});

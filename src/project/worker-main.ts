// The entry of a local worker process: which store it puts into is decided here.

import { startWorker } from "../backends/executors/worker/worker.ts";
import { freshDigests, LocalStore } from "../backends/store/local.ts";
import { maskWith } from "../planning/config/mask.ts";

const [blobsFolder, scratch] = process.argv.slice(2) as [string, string];
// A worker hashes what it writes; whether a blob that it reads is what its name says was checked by the driver before it ordered.
const store = new LocalStore(blobsFolder, freshDigests);
// Its driver holds a lease by now.
store.heedMark();
startWorker({
  store,
  scratch,
  maskFor: (secrets) => maskWith(Object.entries(secrets)),
});

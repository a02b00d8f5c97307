// The entry of a local worker process: which store it puts into is decided here.

import { startWorker } from "../backends/executors/worker/worker.ts";
import { digestOfFile, LocalStore } from "../backends/store/local.ts";

const [blobsFolder, scratch] = process.argv.slice(2) as [string, string];
// A worker hashes what it writes; whether a blob that it reads is what its name says was checked by the driver before it ordered.
startWorker(new LocalStore(blobsFolder, { digestOf: digestOfFile }), scratch);

// How a submission comes to where its batches run, and what they come to comes back: in the folder that both sides see, or by content through a place
// that both reach. The one interface between a driver and its batches. Knows no cluster.

import type { Order } from "../executor.ts";
import type { BatchSetup, SubmissionFolder } from "./submission.ts";

export interface Load {
  readonly setup: BatchSetup;
  readonly secrets: Readonly<Record<string, string>>;
  /** Of each batch. */
  readonly orders: readonly Order[];
}

/** How a batch is started: Node with a program, and as its arguments `argument`, the number of the batch, how often it was started before. */
export interface Start {
  readonly program:
    | { readonly kind: "there"; readonly file: string }
    /** Whoever starts it brings these files along, in one folder; the first is the program. */
    | { readonly kind: "carried"; readonly files: readonly (readonly [name: string, text: string])[] };
  readonly argument: string;
  /** Of the batch, by value. Secret: to be handed over, and written nowhere. */
  readonly environment: Readonly<Record<string, string>>;
}

export type Sent =
  | { readonly kind: "sent"; readonly start: Start }
  /** What an order names was edited or deleted since. */
  | { readonly kind: "vanished"; readonly path: string; readonly isEdited: boolean }
  /** It cannot travel, today or ever. */
  | { readonly kind: "refused"; readonly message: string }
  /** The place does not answer. */
  | { readonly kind: "not-now"; readonly message: string };

export interface Carrier {
  /** Brings everything there that its batches need. Before the intent is written, so that nobody takes a half for a whole. */
  send(folder: SubmissionFolder, load: Load): Promise<Sent>;
  /** Brings into the folder what batches of these numbers have written since, and all that it names. Undefined; or why that cannot be told now. */
  collect(folder: SubmissionFolder, batches: readonly number[]): Promise<string | undefined>;
  /** A batch has ended: what it wrote before that is not to be missed by the next `collect`. */
  refresh(): void;
  /** Whoever starts now ends at once. */
  giveUp(folder: SubmissionFolder): Promise<void>;
  close(): void;
}

/** In the project's own folder, which the nodes see under the same path. */
export class FolderCarrier implements Carrier {
  readonly #batchFile: string;

  /** The program that runs a batch. */
  constructor(batchFile: string) {
    this.#batchFile = batchFile;
  }

  send(folder: SubmissionFolder, load: Load): Promise<Sent> {
    folder.prepare(load);
    const program = { kind: "there", file: this.#batchFile } as const;
    return Promise.resolve({ kind: "sent", start: { program, argument: folder.path, environment: {} } });
  }

  collect(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  refresh(): void {
    // The folder is read each time.
  }

  giveUp(): Promise<void> {
    // The mark in the folder is seen by all.
    return Promise.resolve();
  }

  close(): void {
    // Nothing is open.
  }
}

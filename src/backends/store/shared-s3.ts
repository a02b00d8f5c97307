// A shared cache in an S3 bucket, Amazon's or another's: objects `ac/<sha256>` and `cas/<sha256>` below a prefix. Credentials are found as every tool of AWS finds them.
// An object was last used when it was last written: to note a use it is copied onto itself.

import { createReadStream } from "node:fs";
import type * as sdk from "@aws-sdk/client-s3";
import { isDigest, type Digest } from "../../model/digest.ts";
import { Heeding } from "./shared-once.ts";
import {
  usesNotedEveryMs,
  type Listed,
  type SharedContent,
  type SharedEntry,
  type SharedKeeper,
  type SharedKind,
  type SharedStore,
} from "./shared.ts";

export interface SharedS3Options {
  /** `s3://BUCKET/PREFIX?endpoint=https://…&region=…&path-style` */
  readonly url: string;
  readonly width: number;
}

type Library = typeof sdk;

/** Undefined: the package of the SDK is not installed. */
export async function openSharedS3({ url, width }: SharedS3Options): Promise<SharedS3 | undefined> {
  let library: Library;
  try {
    library = await import("@aws-sdk/client-s3");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
  // Of a Node that exp supports nobody has to be warned at each build.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const { hostname: bucket, pathname, searchParams } = new URL(url);
  const region = searchParams.get("region");
  const endpoint = searchParams.get("endpoint");
  const client = new library.S3Client({
    ...(region !== null && { region }),
    ...(endpoint !== null && { endpoint }),
    forcePathStyle: searchParams.has("path-style") || endpoint !== null,
    // With checksums of its own choosing the SDK sends a stream in signed chunks, which other servers refuse, or store chunk headers and all.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Deadlines and further attempts are the business of who asks.
    maxAttempts: 1,
    // What it has to say of an upload that failed it would write to the console; who asks hears of it by the error.
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    requestHandler: { httpsAgent: { maxSockets: width }, httpAgent: { maxSockets: width } },
  });
  const prefix = pathname.replace(/^\/+/, "").replace(/\/*$/, "/").replace(/^\/$/, "");
  return new SharedS3(library, client, bucket, prefix);
}

export class SharedS3 implements SharedStore, SharedKeeper {
  readonly place: string;
  readonly #library: Library;
  readonly #client: sdk.S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Whether the server knows how to put only where nothing is; not every one does. */
  #putsOnce = true;
  readonly #heeding = new Heeding((name, bytes, signal) => this.#statusOfPut(name, bytes, signal));

  constructor(library: Library, client: sdk.S3Client, bucket: string, prefix: string) {
    this.place = `s3://${bucket}/${prefix}`.replace(/\/$/, "");
    this.#library = library;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  get keeper(): SharedKeeper {
    return this;
  }

  async touch(kind: SharedKind, name: Digest, signal: AbortSignal): Promise<boolean> {
    const noted = await this.#copyOntoItself(kind, name, signal);
    if (noted !== "as it was") return noted === "touched";
    const { GetObjectCommand } = this.#library;
    const asking = this.#client.send(new GetObjectCommand(this.#at(kind, name)), { abortSignal: signal });
    const { Body, ContentLength = 0 } = await answerTo("GET", asking);
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array(ContentLength);
    await this.#put(kind, name, { bytes }, { once: false, signal });
    return true;
  }

  async *list(kind: SharedKind, signal: AbortSignal): AsyncGenerator<readonly Listed[]> {
    const Prefix = `${this.#prefix}${kind}/`;
    let from: string | undefined;
    do {
      const asked = { Bucket: this.#bucket, Prefix, ...(from !== undefined && { ContinuationToken: from }) };
      const asking = this.#client.send(new this.#library.ListObjectsV2Command(asked), { abortSignal: signal });
      const page: sdk.ListObjectsV2CommandOutput = await answerTo("GET", asking);
      yield (page.Contents ?? []).flatMap(({ Key = "", Size: size = 0, LastModified }) => {
        const name = Key.slice(Prefix.length);
        return isDigest(name) && LastModified !== undefined ? [{ name, size, usedAt: LastModified.getTime() }] : [];
      });
      from = page.NextContinuationToken;
    } while (from !== undefined);
  }

  async remove(kind: SharedKind, name: Digest, unusedSince: number, signal: AbortSignal): Promise<boolean> {
    const usedAt = await this.#usedAt(kind, name, signal);
    if (usedAt === undefined) return true;
    if (usedAt >= unusedSince) return false;
    const asking = this.#client.send(new this.#library.DeleteObjectCommand(this.#at(kind, name)), {
      abortSignal: signal,
    });
    await answerTo("DELETE", asking);
    return true;
  }

  /** An object appears whole or not at all. */
  removeLeftovers(): Promise<void> {
    return Promise.resolve();
  }

  placeOf(kind: SharedKind, name: Digest): string {
    return `${this.place}/${kind}/${name}`;
  }

  async get(
    kind: SharedKind,
    name: Digest,
    { from = 0, signal }: { readonly from?: number; readonly signal: AbortSignal },
  ): Promise<SharedEntry | undefined> {
    const { GetObjectCommand } = this.#library;
    const range = from > 0 ? { Range: `bytes=${from}-` } : {};
    let answer: sdk.GetObjectCommandOutput;
    try {
      const command = new GetObjectCommand({ ...this.#at(kind, name), ...range });
      answer = await answerTo("GET", this.#client.send(command, { abortSignal: signal }));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    // In Node it is a stream.
    const bytes = answer.Body as AsyncIterable<Uint8Array> | undefined;
    const usedAt = answer.LastModified === undefined ? {} : { usedAt: answer.LastModified.getTime() };
    return { from: answer.ContentRange === undefined ? 0 : from, ...usedAt, bytes: bytes ?? nothing() };
  }

  async has(kind: SharedKind, name: Digest, signal: AbortSignal): Promise<boolean> {
    return (await this.#usedAt(kind, name, signal)) !== undefined;
  }

  async put(kind: SharedKind, name: Digest, content: SharedContent, signal: AbortSignal): Promise<"put" | "there"> {
    if (await this.#heeding.maySend(kind, content, signal)) {
      const done = await this.#putOnce(kind, name, content, signal);
      // Content that is there counts as used, and its answer does not say when it was last.
      if (done === "put" || kind === "ac") return this.#heeding.note(kind, done);
    }
    return this.#heeding.note(kind, await this.#putAfterLook(kind, name, content, signal));
  }

  async #putAfterLook(
    kind: SharedKind,
    name: Digest,
    content: SharedContent,
    signal: AbortSignal,
  ): Promise<"put" | "there"> {
    const there = await this.#usedAt(kind, name, signal);
    if (there !== undefined) {
      if (kind === "ac" || isOfToday(there)) return "there";
      const noted = await this.#copyOntoItself(kind, name, signal);
      if (noted === "as it was") await this.#put(kind, name, content, { once: false, signal });
      if (noted !== "absent") return "there";
    }
    return this.#putOnce(kind, name, content, signal);
  }

  /** Where the server does not know how, it was looked before. */
  async #putOnce(
    kind: SharedKind,
    name: Digest,
    content: SharedContent,
    signal: AbortSignal,
  ): Promise<"put" | "there"> {
    const once = this.#putsOnce;
    try {
      await this.#put(kind, name, content, { once, signal });
      return "put";
    } catch (error) {
      const status = statusOf(error);
      if (status === 412 || status === 409) return "there";
      // Of several that are under way at first, each is told so.
      if (status !== 501 || !once) throw error;
      this.#putsOnce = false;
      await this.#put(kind, name, content, { once: false, signal });
      return "put";
    }
  }

  async #statusOfPut(name: Digest, bytes: Buffer, signal: AbortSignal): Promise<number> {
    if (!this.#putsOnce) return 501;
    try {
      await this.#put("cas", name, { bytes }, { once: true, signal });
      return 200;
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined) throw error;
      return status;
    }
  }

  async #put(
    kind: SharedKind,
    name: Digest,
    content: SharedContent,
    { once, signal }: { readonly once: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const body =
      "bytes" in content
        ? { Body: content.bytes, ContentLength: content.bytes.length }
        : content.size === 0
          ? { Body: new Uint8Array(), ContentLength: 0 }
          : { Body: createReadStream(content.file, { end: content.size - 1 }), ContentLength: content.size };
    const how = once ? { IfNoneMatch: "*" } : {};
    const command = new this.#library.PutObjectCommand({ ...this.#at(kind, name), ...body, ...how });
    await answerTo("PUT", this.#client.send(command, { abortSignal: signal }));
  }

  /** Not every server takes that for a change. */
  async #copyOntoItself(
    kind: SharedKind,
    name: Digest,
    signal: AbortSignal,
  ): Promise<"touched" | "absent" | "as it was"> {
    const at = this.#at(kind, name);
    const CopySource = `${at.Bucket}/${at.Key.split("/").map(encodeURIComponent).join("/")}`;
    const copy = new this.#library.CopyObjectCommand({ ...at, CopySource, MetadataDirective: "REPLACE" });
    try {
      const { CopyObjectResult } = await answerTo("PUT", this.#client.send(copy, { abortSignal: signal }));
      const changedAt = CopyObjectResult?.LastModified?.getTime();
      return changedAt !== undefined && isOfToday(changedAt) ? "touched" : "as it was";
    } catch (error) {
      if (isMissing(error)) return "absent";
      throw error;
    }
  }

  async #usedAt(kind: SharedKind, name: Digest, signal: AbortSignal): Promise<number | undefined> {
    try {
      const head = new this.#library.HeadObjectCommand(this.#at(kind, name));
      const { LastModified } = await answerTo("HEAD", this.#client.send(head, { abortSignal: signal }));
      return LastModified?.getTime() ?? Date.now();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #at(kind: SharedKind, name: Digest): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${kind}/${name}` };
  }
}

/** Of an answer without words the SDK says "UnknownError", whatever its status. */
async function answerTo<T>(method: string, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && error instanceof Error) {
      const words = error.message === "UnknownError" || error.message === error.name ? "" : `: ${error.message}`;
      error.message = `${method} was answered with ${status}${words}`;
    }
    throw error;
  }
}

function isOfToday(time: number): boolean {
  return Date.now() - time < usesNotedEveryMs;
}

function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && (error as Error).name !== "NoSuchBucket";
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function ignore(): void {
  // Nobody is to read it.
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // No bytes.
}

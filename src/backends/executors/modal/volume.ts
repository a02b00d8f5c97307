// Files on a volume of Modal, in and out by content. A file goes in by blocks of 8 MiB, of which Modal says what it lacks; what comes out is held to its
// digest. Modal's SDK has no such calls: its own raw client has, as its Python client uses them.

import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { ModalClient } from "modal";
import type { Digest } from "../../../model/digest.ts";
import { temporaryName } from "../../../util/fs.ts";
import { Lanes } from "../../../util/lanes.ts";
import { fail, ok, type Result } from "../../../util/result.ts";
import type { CloudProblem } from "./problems.ts";

export const blockBytes = 8 * 1024 * 1024;

/** Content that is to be on the volume. */
export interface OutgoingFile {
  /** On the volume. */
  readonly path: string;
  readonly size: number;
  /** Where it is known, most files need not be read to find out whether they are there. */
  readonly digest?: Digest;
  readonly content: { readonly file: string } | { readonly bytes: Uint8Array };
}

/** Content that is to come from it. */
export interface IncomingFile {
  readonly path: string;
  readonly digest: Digest;
  /** Where to. It appears whole, or not at all. */
  readonly to: string;
}

export interface ListedFile {
  readonly path: string;
  readonly size: number;
}

export interface Traffic {
  filesPut: number;
  blocksPut: number;
  bytesPut: number;
  filesGot: number;
  bytesGot: number;
}

export interface VolumeFilesOptions {
  readonly client: Pick<ModalClient, "cpClient">;
  readonly volumeId: string;
  /** Makes a call that may be repeated; `moreMs`: what it may take beside the time of others. */
  readonly call: <T>(what: string, act: () => Promise<T>, moreMs?: number) => Promise<Result<T, CloudProblem>>;
}

/** One call names so many files, or so many blocks, at most. */
const filesAtOnce = 500;
const blocksAtOnce = 2_000;
const transfersAtOnce = 8;
const transferDeadlineMs = 120_000;
/** Blocks that are missing again right after they were put. */
const mostRounds = 4;
/** Content that is not what it has to be is fetched once more: it may have been damaged on the way. */
const mostFetches = 2;

export class VolumeFiles {
  readonly traffic: Traffic = { filesPut: 0, blocksPut: 0, bytesPut: 0, filesGot: 0, bytesGot: 0 };
  readonly #options: VolumeFilesOptions;
  readonly #transfers = new Lanes(transfersAtOnce);

  constructor(options: VolumeFilesOptions) {
    this.#options = options;
  }

  /** When it returns, all of them are there for containers that begin now. Of what is there already nothing is sent. */
  async put(files: readonly OutgoingFile[]): Promise<Result<void, CloudProblem>> {
    for (const some of inParts(files)) {
      const put = await this.#putSome(some.map((file) => ({ file, blocks: blocksOf(file) })));
      if (!put.ok) return put;
    }
    return ok(undefined);
  }

  /** Held to its digest before it appears. */
  async get(file: IncomingFile): Promise<Result<void, CloudProblem>> {
    for (let tried = 1; ; tried++) {
      const got = await this.#getOnce(file);
      if (!got.ok) return got;
      if (got.value === file.digest) return ok(undefined);
      if (tried === mostFetches)
        return fail({
          kind: "refused",
          message: `${file.path} on the volume has other content than its name says (SHA-256 ${got.value})`,
          isUnclear: false,
        });
    }
  }

  async getAll(files: readonly IncomingFile[]): Promise<Result<void, CloudProblem>> {
    let problem: Result<void, CloudProblem> = ok(undefined);
    await new Lanes(transfersAtOnce).each(files, async (file) => {
      if (!problem.ok) return;
      const got = await this.get(file);
      if (!got.ok) problem = got;
    });
    return problem;
  }

  /** Undefined: it is not there. For what is small, and whose digest nobody knows. */
  async read(path: string): Promise<Result<Buffer | undefined, CloudProblem>> {
    const pieces: Buffer[] = [];
    const size = await this.#fetch(path, (piece) => void pieces.push(Buffer.from(piece)));
    if (size.ok) return ok(Buffer.concat(pieces));
    return size.error.kind === "not-found" ? ok(undefined) : size;
  }

  /** All files below a folder; none if it is not there. */
  async list(folder: string): Promise<Result<readonly ListedFile[], CloudProblem>> {
    const { client, volumeId, call } = this.#options;
    const listed = await call(`listing ${folder} of the volume`, async () => {
      const files: ListedFile[] = [];
      for await (const { entries } of client.cpClient.volumeListFiles2({ volumeId, path: folder, recursive: true }))
        for (const { path, size, type } of entries) if (Number(type) === fileType) files.push({ path, size });
      return files;
    });
    return listed.ok || listed.error.kind !== "not-found" ? listed : ok([]);
  }

  /** A file, or a folder with all that is in it. What is not there is as good as removed. */
  async remove(path: string): Promise<Result<void, CloudProblem>> {
    const { client, volumeId, call } = this.#options;
    const removed = await call(`removing ${path} from the volume`, () =>
      client.cpClient.volumeRemoveFile2({ volumeId, path, recursive: true }),
    );
    return removed.ok || removed.error.kind === "not-found" ? ok(undefined) : removed;
  }

  async #putSome(files: readonly Blocked[]): Promise<Result<void, CloudProblem>> {
    const { client, volumeId, call } = this.#options;
    /** By block: what the storage answered, which is shown when the file is asked for again. */
    const receipts = new Map<string, Uint8Array>();
    for (let round = 0; round < mostRounds; round++) {
      const request = {
        volumeId,
        files: files.map(({ file, blocks }) => ({
          ...{ path: file.path, size: file.size, mode: 0o644 },
          blocks: blocks.map(({ sha256 }) => ({
            contentsSha256: sha256,
            putResponse: receipts.get(hexOf(sha256)),
          })),
        })),
      };
      const asked = await call("putting files on the volume", () => client.cpClient.volumePutFiles2(request));
      if (!asked.ok) return asked;
      const missing = new Map<string, { readonly url: string; readonly at: Block; readonly file: OutgoingFile }>();
      for (const { fileIndex, blockIndex, putUrl } of asked.value.missingBlocks) {
        const { file, blocks } = files[fileIndex]!;
        const at = blocks[blockIndex]!;
        missing.set(hexOf(at.sha256), { url: putUrl, at, file });
      }
      if (missing.size === 0) {
        this.traffic.filesPut += files.length;
        return ok(undefined);
      }
      let problem: CloudProblem | undefined;
      await this.#transfers.each([...missing], async ([name, { url, at, file }]) => {
        if (problem !== undefined) return;
        const bytes = readPart(file, at);
        // What lies here was replaced meanwhile: of other content there is nothing to be sent.
        if (hexOf(sha256Of(bytes)) !== name)
          return void (problem = {
            ...{ kind: "refused", isUnclear: false },
            message: `${nameOf(file)} changed while it was sent`,
          });
        const put = await call(
          `sending ${file.path}`,
          () => transfer(url, { method: "PUT", body: bytes }),
          transferDeadlineMs,
        );
        if (!put.ok) return void (problem = put.error);
        receipts.set(name, put.value);
        this.traffic.blocksPut += 1;
        this.traffic.bytesPut += bytes.length;
      });
      if (problem !== undefined) return fail(problem);
    }
    return fail({ kind: "unreachable", message: "the volume does not keep what is put on it", isUnclear: true });
  }

  async #getOnce({ path, digest, to }: IncomingFile): Promise<Result<string, CloudProblem>> {
    mkdirSync(dirname(to), { recursive: true });
    const temporary = temporaryName(to);
    const hash = createHash("sha256");
    const fd = openSync(temporary, "wx", 0o644);
    try {
      const got = await this.#fetch(path, (piece) => {
        hash.update(piece);
        for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
      });
      if (!got.ok) return got;
      const found = hash.digest("hex");
      if (found === digest) renameSync(temporary, to);
      this.traffic.filesGot += 1;
      return ok(found);
    } finally {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
  }

  /** In order. Resolves to its size. */
  async #fetch(path: string, take: (piece: Uint8Array) => void): Promise<Result<number, CloudProblem>> {
    const { client, volumeId, call } = this.#options;
    const found = await call(`fetching ${path}`, () =>
      client.cpClient.volumeGetFile2({ volumeId, path, start: 0, len: 0, clientPadsBlocks: true }),
    );
    if (!found.ok) return found;
    const { getUrls, size } = found.value;
    for (const [n, url] of getUrls.entries()) {
      const length = Math.min(blockBytes, size - n * blockBytes);
      const got = await this.#transfers.run(() =>
        call(`fetching ${path}`, () => transfer(url, { method: "GET" }), transferDeadlineMs),
      );
      if (!got.ok) return got;
      this.traffic.bytesGot += got.value.length;
      take(got.value);
      // Zero bytes at a block's end are not sent.
      if (got.value.length < length) take(new Uint8Array(length - got.value.length));
    }
    return ok(size);
  }
}

/** Of `FileEntry`. */
const fileType = 1;

interface Block {
  readonly start: number;
  /** Without the zero bytes at its end. */
  readonly length: number;
  readonly sha256: Uint8Array;
}

interface Blocked {
  readonly file: OutgoingFile;
  readonly blocks: readonly Block[];
}

function blocksOf(file: OutgoingFile): readonly Block[] {
  const { size, digest } = file;
  // One block, and nothing cut off: its SHA-256 is that of the file.
  if (digest !== undefined && size > 0 && size <= blockBytes && readPart(file, { start: size - 1, length: 1 })[0] !== 0)
    return [{ start: 0, length: size, sha256: Buffer.from(digest, "hex") }];
  const blocks: Block[] = [];
  for (let start = 0; start < file.size; start += blockBytes) {
    const bytes = readPart(file, { start, length: Math.min(blockBytes, file.size - start) });
    let length = bytes.length;
    while (length > 0 && bytes[length - 1] === 0) length -= 1;
    blocks.push({ start, length, sha256: sha256Of(bytes.subarray(0, length)) });
  }
  return blocks;
}

function readPart(
  { content }: OutgoingFile,
  { start, length }: { start: number; length: number },
): Uint8Array<ArrayBuffer> {
  if ("bytes" in content) return new Uint8Array(content.bytes.subarray(start, start + length));
  const bytes = new Uint8Array(length);
  const fd = openSync(content.file, "r");
  try {
    let at = 0;
    while (at < length) {
      const read = readSync(fd, bytes, at, length - at, start + at);
      if (read === 0) break;
      at += read;
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

/** Of Modal's storage, not of its API: told by its status. */
async function transfer(
  url: string,
  { method, body }: { method: string; body?: Uint8Array<ArrayBuffer> },
): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(transferDeadlineMs);
  const answer = await fetch(url, { method, signal, ...(body !== undefined && { body }) });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (answer.ok) return bytes;
  // As gRPC names it: unavailable, or failed for good.
  const code = answer.status >= 500 || answer.status === 429 || answer.status === 408 ? 14 : 9;
  throw Object.assign(new Error(`Modal's storage answers ${answer.status} ${answer.statusText}`), { code });
}

function* inParts(files: readonly OutgoingFile[]): Generator<readonly OutgoingFile[]> {
  let part: OutgoingFile[] = [];
  let blocks = 0;
  for (const file of files) {
    const own = Math.ceil(file.size / blockBytes);
    if (part.length === filesAtOnce || (part.length > 0 && blocks + own > blocksAtOnce)) {
      yield part;
      [part, blocks] = [[], 0];
    }
    part.push(file);
    blocks += own;
  }
  if (part.length > 0) yield part;
}

function sha256Of(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function nameOf({ path, content }: OutgoingFile): string {
  return "file" in content ? content.file : path;
}

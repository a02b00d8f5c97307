// The blocks of volumes: at most 8 MiB each, known by the SHA-256 of their content without the zero bytes at its end. Served over HTTP, as Modal's storage
// serves them: whoever has a URL may put or get one block.

import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export const blockBytes = 8 * 1024 * 1024;

export interface BlockCounts {
  puts: number;
  gets: number;
  bytesPut: number;
  bytesGot: number;
}

type Grant = { readonly kind: "put"; readonly block: string } | { readonly kind: "get"; readonly bytes: () => Buffer };

export class Blocks {
  readonly #folder: string;
  readonly #server: Server;
  readonly #grants = new Map<string, Grant>();
  /** Puts that are answered with an error, and gets whose content is false: so many of the next ones. */
  readonly faults = { failingPuts: 0, failingGets: 0, falseGets: 0 };
  /** Asked of every request that none of these is for. */
  chance: (kind: Grant["kind"]) => "failing" | "false" | undefined = () => undefined;
  readonly counts: BlockCounts = { puts: 0, gets: 0, bytesPut: 0, bytesGot: 0 };

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** As if nobody had put any. */
  forget(): void {
    rmSync(this.#folder, { recursive: true });
    mkdirSync(this.#folder);
  }

  has(block: string): boolean {
    return existsSync(join(this.#folder, block));
  }

  /** With the zero bytes that were cut off. */
  read(block: string, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readFileSync(join(this.#folder, block)).copy(bytes);
    return bytes;
  }

  keep(content: Buffer): string {
    const bytes = withoutZeros(content);
    const block = createHash("sha256").update(bytes).digest("hex");
    if (!this.has(block)) writeFileSync(join(this.#folder, block), bytes);
    return block;
  }

  putUrl(block: string): string {
    return this.#grant({ kind: "put", block });
  }

  getUrl(bytes: () => Buffer): string {
    return this.#grant({ kind: "get", bytes });
  }

  #grant(grant: Grant): string {
    const name = randomUUID();
    this.#grants.set(name, grant);
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const grant = this.#grants.get(request.url?.slice(1) ?? "");
    const body = await bodyOf(request);
    const answer = (status: number, content: Buffer | string) => void response.writeHead(status).end(content);
    if (grant === undefined || request.method?.toLowerCase() !== grant.kind) return answer(403, "no such grant");
    const mishap = this.#mishapOf(grant.kind);
    if (mishap === "failing") return answer(503, "slow down");
    if (grant.kind === "put") {
      this.counts.puts += 1;
      this.counts.bytesPut += body.length;
      if (body.length > blockBytes) return answer(400, "a block of more than 8 MiB");
      // Content of another hash is not this block: it stays missing.
      return answer(200, this.keep(body));
    }
    this.counts.gets += 1;
    const bytes = grant.bytes();
    this.counts.bytesGot += bytes.length;
    if (mishap === "false" && bytes.length > 0) bytes[0]! ^= 1;
    answer(200, bytes);
  }

  #mishapOf(kind: Grant["kind"]): "failing" | "false" | undefined {
    const { faults } = this;
    if (kind === "put") return faults.failingPuts > 0 && faults.failingPuts-- > 0 ? "failing" : this.chance(kind);
    if (faults.failingGets > 0 && faults.failingGets-- > 0) return "failing";
    return faults.falseGets > 0 && faults.falseGets-- > 0 ? "false" : this.chance(kind);
  }
}

export function withoutZeros(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

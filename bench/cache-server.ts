// A cache behind HTTP as docs/shared-cache.md asks for, over a folder, in this process: it counts what it is asked for and what it hands out.

import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

export interface Traffic {
  /** By method: "GET", "HEAD", "PUT". */
  readonly requests: Readonly<Record<string, number>>;
  /** Bodies of answers. */
  readonly bytesOut: number;
}

export class CacheServer {
  readonly #root: string;
  readonly #server: http.Server;
  #requests: Record<string, number> = {};
  #bytesOut = 0;
  #uploads = 0;

  private constructor(root: string) {
    this.#root = root;
    this.#server = http.createServer((request, response) => {
      // A client that goes away in the middle is its own affair.
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(root: string): Promise<CacheServer> {
    const server = new CacheServer(root);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Since the last time that this was asked. */
  takeTraffic(): Traffic {
    const traffic = { requests: this.#requests, bytesOut: this.#bytesOut };
    this.#requests = {};
    this.#bytesOut = 0;
    return traffic;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "" } = request;
    this.#requests[method] = (this.#requests[method] ?? 0) + 1;
    const [, kind = "", name = ""] = /^\/(ac|cas)\/([0-9a-f]{64})$/.exec(request.url ?? "") ?? [];
    if (name === "") return void response.writeHead(404).end();
    const path = join(this.#root, kind, name.slice(0, 2), name);
    if (method === "PUT") return this.#take(path, request, response);
    if (!existsSync(path)) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": statSync(path).size - from });
    if (method === "HEAD") return void response.end();
    const bytes = createReadStream(path, { start: from });
    bytes.on("data", (piece) => (this.#bytesOut += piece.length));
    await pipeline(bytes, response);
  }

  async #take(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (existsSync(path)) {
      request.resume();
      return void response.writeHead(412).end();
    }
    mkdirSync(dirname(path), { recursive: true });
    const partial = `${path}.${this.#uploads++}`;
    await pipeline(request, createWriteStream(partial));
    renameSync(partial, path);
    response.writeHead(201).end();
  }
}

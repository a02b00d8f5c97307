// A shared cache behind HTTP, as Bazel's remote caches have it: GET, HEAD and PUT of `/ac/<sha256>` and `/cas/<sha256>`. Any WebDAV server will do.

import { createReadStream } from "node:fs";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { pipeline } from "node:stream/promises";
import type { Digest } from "../../model/digest.ts";
import { Heeding } from "./shared-once.ts";
import { sizeOf, type SharedContent, type SharedEntry, type SharedKind, type SharedStore } from "./shared.ts";

export interface SharedHttpOptions {
  /** With user and password, if the server wants them. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token: string | undefined;
  /** How many requests may be under way at once. */
  readonly width: number;
}

export class SharedHttp implements SharedStore {
  /** Servers for WebDAV list each in its own way, and caches of Bazel not at all. */
  readonly keeper = undefined;
  readonly place: string;
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;
  readonly #heeding = new Heeding((name, bytes, signal) => this.#put("cas", name, { bytes }, signal).then(statusOf));

  constructor({ url, token, width }: SharedHttpOptions) {
    this.#base = new URL(url.endsWith("/") ? url : `${url}/`);
    const { username, password } = this.#base;
    const basic = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
    this.#headers =
      token !== undefined
        ? { authorization: `Bearer ${token}` }
        : username === ""
          ? {}
          : { authorization: `Basic ${basic}` };
    this.#base.username = this.#base.password = "";
    this.place = this.#base.href.replace(/\/$/, "");
    const library = this.#base.protocol === "https:" ? https : http;
    this.#agent = new library.Agent({ keepAlive: true, maxSockets: width });
    this.#request = library.request;
  }

  placeOf(kind: SharedKind, name: Digest): string {
    return `${this.place}/${kind}/${name}`;
  }

  async get(
    kind: SharedKind,
    name: Digest,
    { from = 0, signal }: { readonly from?: number; readonly signal: AbortSignal },
  ): Promise<SharedEntry | undefined> {
    const range = from > 0 ? { range: `bytes=${from}-` } : {};
    const answer = await this.#ask("GET", kind, name, { headers: range, signal });
    switch (answer.statusCode) {
      case 200:
        return { from: 0, bytes: answer };
      case 206:
        return { from, bytes: answer };
      case 404:
        answer.resume();
        return undefined;
      default:
        throw refused("GET", answer);
    }
  }

  async has(kind: SharedKind, name: Digest, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#ask("HEAD", kind, name, { signal });
    answer.resume();
    if (answer.statusCode === 404) return false;
    if (answer.statusCode !== 200) throw refused("HEAD", answer);
    return true;
  }

  async put(kind: SharedKind, name: Digest, content: SharedContent, signal: AbortSignal): Promise<"put" | "there"> {
    const isSent = await this.#heeding.maySend(kind, content, signal);
    if (!isSent && (await this.has(kind, name, signal))) return this.#heeding.note(kind, "there");
    const answer = await this.#put(kind, name, content, signal);
    const status = statusOf(answer);
    if (status >= 300 && status !== 412) throw refused("PUT", answer);
    return this.#heeding.note(kind, status === 412 ? "there" : "put");
  }

  async #put(kind: SharedKind, name: Digest, content: SharedContent, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = { "content-length": sizeOf(content), "if-none-match": "*" };
    const answer = await this.#ask("PUT", kind, name, { headers, signal }, content);
    answer.resume();
    return answer;
  }

  /** Requests under way are not waited for. */
  close(): void {
    this.#agent.destroy();
  }

  #ask(
    method: string,
    kind: SharedKind,
    name: Digest,
    options: RequestOptions & { readonly signal: AbortSignal },
    content?: SharedContent,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = this.#request(new URL(`${kind}/${name}`, this.#base), {
        ...options,
        method,
        agent: this.#agent,
        headers: { ...this.#headers, ...(options.headers as Record<string, string> | undefined) },
      });
      request.once("response", resolve).once("error", reject);
      if (content === undefined || ("size" in content && content.size === 0)) request.end();
      else if ("bytes" in content) request.end(content.bytes);
      else pipeline(createReadStream(content.file, { end: content.size - 1 }), request).catch(reject);
    });
  }
}

/** A percent sign that begins no escape is meant as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function statusOf({ statusCode = 500 }: IncomingMessage): number {
  return statusCode;
}

function refused(method: string, answer: IncomingMessage): Error {
  answer.resume();
  return new Error(`${method} was answered with ${answer.statusCode} ${answer.statusMessage ?? ""}`.trimEnd());
}

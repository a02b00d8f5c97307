// Places where a shared cache can lie, each the real thing: a folder, nginx with WebDAV from Debian. And a proxy that stands before a server and does it wrong.

import { execFileSync, spawn } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { repository } from "../rig.ts";

const nginxProgram = "/usr/sbin/nginx";
export const hasNginx = existsSync(nginxProgram);

/** Told what is to be done when the test, or whatever else it is, has ended. */
export type AtEnd = (undo: () => void) => void;

export function temporaryFolder(atEnd: AtEnd = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "exp-shared-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Server {
  readonly url: string;
  /** Where its entries lie as files: `ac/…`, `cas/…`. */
  readonly root: string;
  stop(): void;
}

/** As in docs/shared-cache.md: PUT makes folders, and never overwrites what is there. */
export async function startNginx(more = ""): Promise<Server> {
  const folder = temporaryFolder();
  const root = join(folder, "www");
  for (const name of ["www", "www/ac", "www/cas", "body"]) mkdirSync(join(folder, name), { mode: 0o777 });
  const port = await freePort();
  writeFileSync(
    join(folder, "nginx.conf"),
    `user root;
daemon off;
pid ${folder}/pid;
error_log ${folder}/error.log;
worker_processes 1;
events {}
http {
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/body; fastcgi_temp_path ${folder}/body; uwsgi_temp_path ${folder}/body; scgi_temp_path ${folder}/body;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    root ${root};
    location / {
      dav_methods PUT DELETE;
      create_full_put_path on;
      set $once "$request_method $http_if_none_match";
      if (-f $request_filename) { set $once "$once there"; }
      if ($once = "PUT * there") { return 412; }
      ${more}
    }
  }
}
`,
  );
  const child = spawn(nginxProgram, ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  const stop = () => void child.kill("SIGTERM");
  onTestFinished(stop);
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(url)).status > 0);
  return { url, root, stop };
}

export const bucketCredentials = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" } as const;

/** A server of S3 in JavaScript. It takes any password, and overwrites whatever it is told. */
export async function startBucket(): Promise<Server> {
  const folder = temporaryFolder();
  const port = await freePort();
  const program = join(repository, "node_modules", "s3rver", "bin", "s3rver.js");
  const words = ["-d", folder, "-a", "127.0.0.1", "-p", String(port), "-s", "--configure-bucket", "team"];
  const child = spawn(process.execPath, [program, ...words], { stdio: "ignore" });
  const stop = () => void child.kill("SIGTERM");
  onTestFinished(stop);
  const endpoint = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(endpoint)).status > 0);
  return { url: `s3://team/exp?endpoint=${endpoint}&region=us-east-1`, root: join(folder, "team", "exp"), stop };
}

/**
 * Serves what a cache in a folder holds, by the names that HTTP has for it; in this process, for machines without nginx. One that `overwrites` heeds
 * no condition.
 */
export async function startFolderServer(root: string, { overwrites = false } = {}): Promise<{ readonly url: string }> {
  const server = http.createServer((request, response) => {
    const [, kind = "", name = ""] = request.url!.split("/");
    const path = join(root, kind, name.slice(0, 2), name);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (request.method === "PUT") {
      if (!overwrites && existsSync(path)) return void response.writeHead(412).end();
      mkdirSync(dirname(path), { recursive: true });
      return void request.pipe(createWriteStream(path)).on("close", () => response.writeHead(201).end());
    }
    if (!existsSync(path)) return void response.writeHead(404).end();
    const bytes = readFileSync(path).subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length });
    response.end(request.method === "HEAD" ? undefined : bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!;
}

/** So many different ones: each is held until all are known. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isSo().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("it does not start");
}

/** What the proxy does to one request; undefined: it hands it on. */
export type Fault =
  /** Says nothing, and keeps the line open. */
  | { readonly kind: "silent" }
  | { readonly kind: "reset" }
  | { readonly kind: "status"; readonly status: number }
  /** So many bytes of the answer, then the line is cut. */
  | { readonly kind: "cut"; readonly after: number }
  | { readonly kind: "other bytes" }
  /** Bytes without end. */
  | { readonly kind: "endless" }
  | { readonly kind: "late"; readonly ms: number };

export interface Asked {
  readonly method: string;
  /** `/ac/…` or `/cas/…`. */
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface Proxy {
  readonly url: string;
  /** All that it was asked, in order. */
  readonly asked: readonly Asked[];
  stop(): void;
}

export async function startProxy(
  upstream: string,
  faultOf: (asked: Asked, number: number) => Fault | undefined,
): Promise<Proxy> {
  const asked: Asked[] = [];
  const server = http.createServer((request, response) => {
    const { range, authorization } = request.headers;
    const one = { method: request.method!, path: request.url!, range, authorization };
    asked.push(one);
    handle(upstream, request, response, faultOf(one, asked.length));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(stop);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, stop };
}

function handle(upstream: string, request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
  switch (fault?.kind) {
    case "silent":
      return;
    case "reset":
      return void request.socket.resetAndDestroy();
    case "status":
      request.resume();
      return void response.writeHead(fault.status).end();
    case "endless":
      request.resume();
      if (request.method !== "GET") return void response.writeHead(200).end();
      return sendForever(response.writeHead(200));
    case "late":
      return void setTimeout(() => handle(upstream, request, response, undefined), fault.ms);
    default:
      forward(upstream, request, response, fault);
  }
}

function sendForever(response: ServerResponse): void {
  const piece = Buffer.alloc(1 << 16);
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", more);
  more();
}

function forward(upstream: string, request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
  const { method, headers } = request;
  const asking = http.request(new URL(request.url!, upstream), { method, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    let left = fault?.kind === "cut" ? fault.after : Infinity;
    answer.on("data", (bytes: Buffer) => {
      if (left <= 0) return;
      const piece = fault?.kind === "other bytes" ? Buffer.alloc(bytes.length, "x") : bytes.subarray(0, left);
      left -= bytes.length;
      // What has been written has arrived when the line is cut.
      response.write(piece, () => {
        if (left <= 0) setTimeout(() => response.socket?.destroy(), 20);
      });
    });
    answer.on("end", () => {
      if (left > 0) response.end();
    });
    answer.on("error", () => response.socket?.destroy());
  });
  asking.on("error", () => response.socket?.destroy());
  request.pipe(asking);
}

/** The files of all results that a place holds. */
export function entriesIn(root: string, kind: "ac" | "cas" = "ac"): readonly string[] {
  if (!existsSync(join(root, kind))) return [];
  return readdirSync(join(root, kind), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Under which digest a recipe's results are recorded lies beside them, as the result of a bundler. */
export function isOfCode(file: string): boolean {
  return readFileSync(file, "utf8").includes('"executor":"esbuild ');
}

/** The texts of all results of actions that a place holds as files. */
export function resultsIn(root: string): readonly string[] {
  return entriesIn(root)
    .filter((path) => !isOfCode(path))
    .map((path) => readFileSync(path, "utf8"));
}

/** How many entries of a kind a place holds. */
export function countEntries(root: string, kind: "ac" | "cas"): number {
  return Number(execFileSync("sh", ["-c", `find "${root}/${kind}" -type f 2>/dev/null | wc -l`], { encoding: "utf8" }));
}

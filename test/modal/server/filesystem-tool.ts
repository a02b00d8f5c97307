// The program that the SDK's `filesystem` runs in a container, `modal-sandbox-fs-tools`: one request in JSON, contents by stdin and stdout, errors in JSON.

import { createReadStream } from "node:fs";
import { lstat, mkdir, open, readdir, readlink, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Container } from "./container.ts";
import type { Output } from "./output.ts";

export const filesystemTool = "/__modal/.bin/modal-sandbox-fs-tools";

type Request =
  | { readonly ReadFile: { readonly path: string } }
  | { readonly WriteFile: { readonly path: string } }
  | { readonly ListFiles: { readonly path: string } }
  | { readonly Stat: { readonly path: string } }
  | { readonly MakeDirectory: { readonly path: string; readonly parents: boolean } }
  | { readonly Remove: { readonly path: string; readonly recursive: boolean } };

export interface Streams {
  readonly input: AsyncIterable<Buffer>;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** The exit code. */
export async function runFilesystemTool(text: string, container: Container, streams: Streams): Promise<number> {
  const request = JSON.parse(text) as Request;
  try {
    await answer(request, container, streams);
    return 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    streams.stderr.append(Buffer.from(JSON.stringify({ error_kind: kindOf(code), message, detail: "" })));
    return 1;
  }
}

async function answer(request: Request, container: Container, { input, stdout }: Streams): Promise<void> {
  const hostPath = ({ path }: { readonly path: string }) => container.hostPath(path);
  if ("ReadFile" in request) {
    const path = hostPath(request.ReadFile);
    if ((await stat(path)).isDirectory()) throw problem("EISDIR", "is a directory");
    for await (const piece of createReadStream(path)) stdout.append(piece as Buffer);
  } else if ("WriteFile" in request) {
    const path = hostPath(request.WriteFile);
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}.partial`;
    const file = await open(temporary, "w");
    try {
      for await (const piece of input) await file.write(piece);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } else if ("ListFiles" in request) {
    const { path } = request.ListFiles;
    const names = (await readdir(container.hostPath(path))).sort();
    const entries = await Promise.all(names.map((name) => entryOf(container, join(path, name))));
    stdout.append(Buffer.from(JSON.stringify(entries)));
  } else if ("Stat" in request) {
    stdout.append(Buffer.from(JSON.stringify(await entryOf(container, request.Stat.path))));
  } else if ("MakeDirectory" in request) {
    await mkdir(hostPath(request.MakeDirectory), { recursive: request.MakeDirectory.parents });
  } else if ("Remove" in request) {
    const { recursive } = request.Remove;
    const path = hostPath(request.Remove);
    if (!recursive && (await lstat(path)).isDirectory() && (await readdir(path)).length > 0)
      throw problem("ENOTEMPTY", "is not empty");
    await rm(path, { recursive: true });
  } else throw problem("ENOTSUP", `unknown request ${JSON.stringify(request)}`);
}

async function entryOf(container: Container, path: string): Promise<object> {
  const local = container.hostPath(path);
  const { size, mode, mtimeMs, isDirectory, isSymbolicLink, ...rest } = await lstat(local).then((found) => ({
    ...{ size: found.size, mode: found.mode & 0o7777, mtimeMs: found.mtimeMs },
    ...{ isDirectory: found.isDirectory(), isSymbolicLink: found.isSymbolicLink(), owner: String(found.uid) },
  }));
  return {
    ...{ name: basename(path), path, size, mode, permissions: mode.toString(8), modified_time: mtimeMs / 1000 },
    ...{ owner: rest.owner, group: rest.owner },
    type: isDirectory ? "directory" : isSymbolicLink ? "symlink" : "file",
    symlink_target: isSymbolicLink ? await readlink(local) : null,
  };
}

function problem(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function kindOf(code: string | undefined): string {
  const kinds: Readonly<Record<string, string>> = {
    ENOENT: "NotFound",
    EISDIR: "IsDirectory",
    ENOTDIR: "NotDirectory",
    EACCES: "PermissionDenied",
    EEXIST: "PathAlreadyExists",
    ENOTEMPTY: "DirectoryNotEmpty",
    ENOTSUP: "NotSupported",
  };
  return kinds[code ?? ""] ?? "Unknown";
}

// The RPCs of volumes: files go in by blocks, come out by blocks, and are there for everybody at once.

import { ServerError, Status } from "nice-grpc";
import { blockBytes, type Blocks } from "./blocks.ts";
import type { World } from "./control.ts";
import { newId } from "./registry.ts";
import { lengthOfBlock, Volume } from "./volumes.ts";

interface PutMessage {
  readonly volumeId: string;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly mode?: number;
    readonly blocks: readonly { readonly contentsSha256: Uint8Array; readonly putResponse?: Uint8Array }[];
  }[];
  readonly disallowOverwriteExistingFiles: boolean;
}

const ephemeral = 5;
const fileKind = 1;
const folderKind = 2;
const listedAtOnce = 100;

export function volumeOf({ volumes }: World, { volumeId }: { readonly volumeId: string }): Volume {
  const volume = [...volumes.values()].find(({ id }) => id === volumeId);
  if (volume === undefined) throw new ServerError(Status.NOT_FOUND, `no volume ${volumeId}`);
  return volume;
}

export function volumeCalls(world: World): Readonly<Record<string, (request: never) => unknown>> {
  const { volumes, blocks } = world;
  return {
    volumeGetOrCreate: (message: { deploymentName: string; objectCreationType: number; version: number }) => {
      const name = message.objectCreationType === ephemeral ? newId("ephemeral") : message.deploymentName;
      let volume = volumes.get(name);
      if (volume === undefined) {
        if (message.objectCreationType === 0) throw new ServerError(Status.NOT_FOUND, `no volume ${name}`);
        volumes.set(name, (volume = new Volume(newId("vo"), name, message.version === 2 ? 2 : 1, blocks)));
      }
      return { volumeId: volume.id, metadata: { name, version: volume.version } };
    },
    volumeHeartbeat: () => ({}),
    volumeDelete: (request: { volumeId: string }) => (volumes.delete(volumeOf(world, request).name), {}),
    volumePutFiles2: (message: PutMessage) => putFiles(volumeOf(world, message), message, blocks),
    volumeGetFile2: (request: {
      volumeId: string;
      path: string;
      start: number;
      len: number;
      clientPadsBlocks: boolean;
    }) => getFile(volumeOf(world, request), request, blocks),
    volumeListFiles2: async function* (request: { volumeId: string; path: string; recursive: boolean }) {
      yield* listFiles(volumeOf(world, request), request);
    },
    volumeRemoveFile2: ({ path, recursive, ...request }: { volumeId: string; path: string; recursive: boolean }) => {
      const volume = volumeOf(world, request);
      const own = cleanPath(path);
      const below = [...volume.files.keys()].filter((each) => each.startsWith(`${own}/`));
      if (!volume.files.has(own) && below.length === 0) throw new ServerError(Status.NOT_FOUND, `no file ${path}`);
      if (below.length > 0 && !recursive) throw new ServerError(Status.INVALID_ARGUMENT, `${path} is a folder`);
      for (const each of [own, ...below]) volume.files.delete(each);
      return {};
    },
  };
}

function putFiles(volume: Volume, { files, disallowOverwriteExistingFiles }: PutMessage, blocks: Blocks): object {
  if (volume.version !== 2) throw new ServerError(Status.FAILED_PRECONDITION, "only for volumes of version 2");
  const named = (sha256: Uint8Array) => Buffer.from(sha256).toString("hex");
  for (const { path, size, blocks: parts } of files) {
    if (cleanPath(path) === "") throw new ServerError(Status.INVALID_ARGUMENT, "a file has to have a path");
    if (parts.length !== Math.ceil(size / blockBytes))
      throw new ServerError(Status.INVALID_ARGUMENT, `${size} bytes are not ${parts.length} blocks`);
    if (disallowOverwriteExistingFiles && volume.files.has(cleanPath(path)))
      throw new ServerError(Status.ALREADY_EXISTS, `${path} is there`);
  }
  const missingBlocks = files.flatMap(({ blocks: parts }, fileIndex) =>
    parts.flatMap(({ contentsSha256 }, blockIndex) => {
      const block = named(contentsSha256);
      return blocks.has(block) ? [] : [{ fileIndex, blockIndex, putUrl: blocks.putUrl(block) }];
    }),
  );
  if (missingBlocks.length > 0) return { missingBlocks };
  for (const { path, size, mode = 0o644, blocks: parts } of files)
    volume.files.set(cleanPath(path), {
      ...{ size, mode, mtime: Date.now() / 1000 },
      blocks: parts.map(({ contentsSha256 }) => named(contentsSha256)),
    });
  return { missingBlocks: [] };
}

function getFile(
  volume: Volume,
  { path, start, len, clientPadsBlocks }: { path: string; start: number; len: number; clientPadsBlocks: boolean },
  blocks: Blocks,
): object {
  const file = volume.files.get(cleanPath(path));
  if (file === undefined) throw new ServerError(Status.NOT_FOUND, `no file ${path}`);
  const end = len === 0 ? file.size : Math.min(file.size, start + len);
  const urls: string[] = [];
  for (const [n, block] of file.blocks.entries()) {
    const from = Math.max(start, n * blockBytes);
    const to = Math.min(end, (n + 1) * blockBytes);
    if (from >= to) continue;
    urls.push(
      blocks.getUrl(() => {
        const bytes = blocks
          .read(block, lengthOfBlock(file.size, n))
          .subarray(from - n * blockBytes, to - n * blockBytes);
        let kept = bytes.length;
        if (clientPadsBlocks) while (kept > 0 && bytes[kept - 1] === 0) kept -= 1;
        return bytes.subarray(0, kept);
      }),
    );
  }
  return { getUrls: urls, size: file.size, start, len: Math.max(0, end - start) };
}

/** In pieces, as a large volume's list comes. */
function* listFiles(
  volume: Volume,
  { path, recursive }: { readonly path: string; readonly recursive: boolean },
): Generator<object> {
  const entries = entriesOf(volume, path, recursive);
  for (let at = 0; at < entries.length; at += listedAtOnce) yield { entries: entries.slice(at, at + listedAtOnce) };
}

function entriesOf(volume: Volume, path: string, recursive: boolean): readonly object[] {
  const own = cleanPath(path);
  const file = volume.files.get(own);
  const entryOf = (name: string, { size, mtime }: { size: number; mtime: number }, type: number) => ({
    ...{ path: name, size, type, mtime: Math.floor(mtime) },
  });
  if (file !== undefined) return [entryOf(own, file, fileKind)];
  const prefix = own === "" ? "" : `${own}/`;
  const folders = new Map<string, object>();
  const files: object[] = [];
  for (const [name, each] of volume.files) {
    if (!name.startsWith(prefix)) continue;
    const parts = name.slice(prefix.length).split("/");
    for (let depth = 1; depth < (recursive ? parts.length : Math.min(parts.length, 2)); depth++) {
      const folder = prefix + parts.slice(0, depth).join("/");
      folders.set(folder, entryOf(folder, { size: 0, mtime: each.mtime }, folderKind));
    }
    if (recursive || parts.length === 1) files.push(entryOf(name, each, fileKind));
  }
  if (own !== "" && files.length + folders.size === 0) throw new ServerError(Status.NOT_FOUND, `no folder ${path}`);
  return [...folders.values(), ...files];
}

function cleanPath(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

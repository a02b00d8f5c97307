// Which files were looked at, the absent ones too: a later build asks whether any of them changed or appeared.

import { digestOfBytes, type Digest } from "../../model/digest.ts";

/** The bytes of the file, or undefined where there is none. Paths are absolute. */
export type ReadFile = (path: string) => Uint8Array | undefined;

export interface FileRead {
  readonly path: string;
  readonly present: boolean;
  /** Of what was read, if it was there. */
  readonly digest?: Digest;
}

/** Remembers what goes through it. Wrap your own `readFile` with it to know the reads of a load that failed, too. */
export function recordReads(readFile: ReadFile): {
  readonly readFile: ReadFile;
  readonly reads: () => readonly FileRead[];
} {
  const reads = new Map<string, FileRead>();
  return {
    reads: () => [...reads.values()],
    readFile: (path) => {
      const bytes = readFile(path);
      reads.set(
        path,
        bytes === undefined ? { path, present: false } : { path, present: true, digest: digestOfBytes(bytes) },
      );
      return bytes;
    },
  };
}

// Which remembered paid calls the results of runs rest on, as their traces say it: of all their builds, cleaned results too.

import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TraceLine } from "../backends/store/trace-lines.ts";
import { startDigest, type Digest } from "../model/digest.ts";
import { forEachLine } from "../util/append-log.ts";
import { callFiles, type CallLine } from "./calls.ts";

export interface UsedCalls {
  readonly keys: ReadonlySet<Digest>;
  /** Results that may have asked and do not say what: an exp made them that did not write it down. */
  readonly silent: number;
}

export function usedCalls(runFolder: string): UsedCalls {
  const keys = new Set<Digest>();
  /** Core keys of programs, and of what was given: they have nothing to ask with. */
  const cannotAsk = new Set<Digest>();
  let silent = 0;
  forEachLine<TraceLine>(join(runFolder, "trace", "trace.jsonl"), (line) => {
    if ("rec" in line && line.rec.code.kind !== "module") cannotAsk.add(line.c);
    if (!("r" in line)) return;
    for (const key of line.r.calls ?? []) keys.add(key);
    if (line.r.calls === undefined && !cannotAsk.has(line.m ?? line.c)) silent += 1;
  });
  return { keys, silent };
}

export interface CopiedCalls {
  /** Of the file. */
  readonly digest: Digest;
  readonly size: number;
  readonly answers: number;
  /** Keys that are among the answers. */
  readonly found: ReadonlySet<Digest>;
}

const pieceLength = 1 << 20;

/** Writes the answers to these calls, to all of the project where it is undefined, into one log. */
export function copyCalls(callsFolder: string, keys: ReadonlySet<Digest> | undefined, file: string): CopiedCalls {
  const running = startDigest();
  const found = new Set<Digest>();
  let [size, answers, piece] = [0, 0, ""];
  const fd = openSync(file, "wx");
  const flush = () => {
    const bytes = Buffer.from(piece);
    running.update(bytes);
    writeFileSync(fd, bytes);
    size += bytes.length;
    piece = "";
  };
  try {
    for (const name of callFiles(callsFolder))
      forEachLine<CallLine>(join(callsFolder, name), (line) => {
        if (keys?.has(line.k) === false) return;
        found.add(line.k);
        answers += 1;
        piece += `${JSON.stringify(line)}\n`;
        if (piece.length > pieceLength) flush();
      });
    flush();
  } finally {
    closeSync(fd);
  }
  return { digest: running.end(), size, answers, found };
}

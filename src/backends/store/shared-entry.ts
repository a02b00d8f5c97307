// A result as it lies in a shared cache: a line of JSON and, where the team has a key, a line that signs it. What comes from there is not trusted in its form.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { ActionResult, Artifact, TreeListing } from "../../model/action.ts";
import { isDigest, type BlobRef, type Digest } from "../../model/digest.ts";

const entryFormat = 1;

/** Longer ones are not read: a result has its content by digest. */
export const longestEntryBytes = 8 << 20;

/** What people handed over stays with who asked them. Early exps did not write down what had been asked for. */
export function isForOthers({ executor, requested }: ActionResult): boolean {
  return requested === undefined && executor !== "people";
}

export function writeEntry(key: Digest, result: ActionResult, secret: string | undefined): Buffer {
  const line = JSON.stringify({ v: entryFormat, k: key, r: result });
  return Buffer.from(secret === undefined ? `${line}\n` : `${line}\nhmac-sha256 ${signature(line, secret)}\n`, "utf8");
}

export type ReadEntry =
  | { readonly kind: "result"; readonly result: ActionResult }
  /** By another exp, whose results mean something else. */
  | { readonly kind: "newer" }
  | { readonly kind: "unsigned" | "wrongly signed" | "damaged" };

/** With a secret, only what was signed with it is taken. */
export function readEntry(key: Digest, bytes: Buffer, secret: string | undefined): ReadEntry {
  const [line = "", signed = "", ...rest] = bytes.toString("utf8").split("\n");
  if (secret !== undefined) {
    const said = /^hmac-sha256 ([0-9a-f]{64})$/.exec(signed)?.[1];
    if (said === undefined) return { kind: "unsigned" };
    const own = Buffer.from(signature(line, secret), "hex");
    if (!timingSafeEqual(own, Buffer.from(said, "hex"))) return { kind: "wrongly signed" };
  }
  if (rest.length > 1) return { kind: "damaged" };
  let entry: { readonly v?: unknown; readonly k?: unknown; readonly r?: unknown } | null;
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch {
    return { kind: "damaged" };
  }
  if (typeof entry?.v === "number" && entry.v > entryFormat) return { kind: "newer" };
  // An entry under another key than its own would give one action the result of another.
  if (entry?.v !== entryFormat || entry.k !== key || !isResult(entry.r)) return { kind: "damaged" };
  return { kind: "result", result: entry.r };
}

function signature(line: string, secret: string): string {
  return createHmac("sha256", secret).update(line).digest("hex");
}

function isResult(value: unknown): value is ActionResult {
  if (!isObject(value) || !isObject(value.outputs)) return false;
  const { outputs, at, tookMs, costUsd, by, executor, attempts, calls, requested } = value;
  return (
    Object.entries(outputs).every(([slot, artifact]) => /^[\w$-]+$/.test(slot) && isArtifact(artifact)) &&
    [at, tookMs, costUsd, attempts].every((number) => typeof number === "number") &&
    typeof by === "string" &&
    typeof executor === "string" &&
    (calls === undefined || (Array.isArray(calls) && calls.every(isDigest))) &&
    requested === undefined
  );
}

function isArtifact(value: unknown): value is Artifact {
  if (!isObject(value)) return false;
  if (value.kind === "absent") return true;
  const { kind, blob, text, files, size } = value;
  if (!isObject(blob) || !isDigest(blob.digest) || !isCount(blob.size)) return false;
  if (kind === "file") return text === undefined || typeof text === "string";
  return kind === "tree" && isCount(files) && isCount(size);
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The content that a result names and that is not written in it; of a tree its listing, which names more. */
export function namedBy({ outputs }: ActionResult): readonly { readonly blob: BlobRef; readonly isTree: boolean }[] {
  return Object.values(outputs).flatMap((artifact) =>
    artifact.kind === "tree" || (artifact.kind === "file" && artifact.text === undefined)
      ? [{ blob: artifact.blob, isTree: artifact.kind === "tree" }]
      : [],
  );
}

/** The listing of a tree, if it is one, and leads nowhere but below the tree. */
export function readListing(text: string): TreeListing | undefined {
  let listing: unknown;
  try {
    listing = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(listing)) return undefined;
  const isEntry = (entry: unknown): boolean =>
    Array.isArray(entry) && entry.length === 3 && isInside(entry[0]) && isDigest(entry[1]) && isCount(entry[2]);
  return listing.every(isEntry) ? (listing as TreeListing) : undefined;
}

function isInside(path: unknown): boolean {
  return (
    typeof path === "string" &&
    !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}

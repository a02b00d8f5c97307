// Putting back an output of which nothing lay at its place when somebody looked: what has come to lie there since is nobody's to overwrite.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Contents } from "../src/engine/contents.ts";
import { Places } from "../src/engine/places.ts";
import type { Artifact } from "../src/model/action.ts";
import { digestOfBytes } from "../src/model/digest.ts";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "exp-places-"));
});
afterEach(() => rmSync(run, { recursive: true }));

const shape = { format: "text", ext: ".txt" } as const;
const slots = { one: shape, other: shape };
const made = (text: string): Artifact => ({
  kind: "file",
  blob: { digest: digestOfBytes(text), size: text.length },
  text,
});
const artifacts = { one: made("one"), other: made("other") };

function putBack(lacking: readonly string[]): Promise<boolean> {
  const places = new Places({
    runFolder: run,
    contents: new Contents([], undefined),
    digests: { digestOf: () => undefined, clock: { past: () => 1 }, note: () => undefined },
    // Of both: what the last build put there.
    trace: { placedAt: (path: string) => digestOfBytes(path.includes("one") ? "one" : "other") } as never,
    store: undefined as never,
    onSetAside: () => undefined,
  });
  return places.putBack(
    "target",
    slots,
    artifacts,
    lacking.map((name) => join(run, "target", name)),
  );
}
const textOf = (name: string) => readFileSync(join(run, "target", name), "utf8");

test("all of them where the target's folder is gone", async () => {
  expect(await putBack(["one.txt", "other.txt"])).toBe(true);
  expect([textOf("one.txt"), textOf("other.txt")]).toEqual(["one", "other"]);
  expect(readdirSync(join(run, ".staging"))).toEqual([]);
});

test("only those that are lacking", async () => {
  mkdirSync(join(run, "target"));
  writeFileSync(join(run, "target", "one.txt"), "as it was left");
  expect(await putBack(["other.txt"])).toBe(true);
  expect([textOf("one.txt"), textOf("other.txt")]).toEqual(["as it was left", "other"]);
});

test("none over what lies there by now", async () => {
  mkdirSync(join(run, "target"));
  writeFileSync(join(run, "target", "one.txt"), "somebody's");
  expect(await putBack(["one.txt", "other.txt"])).toBe(false);
  expect(textOf("one.txt")).toBe("somebody's");
  expect(existsSync(join(run, "target", "other.txt"))).toBe(false);
});

// Where lines lie in a log, as it is kept in a file: of a log of any length, and whatever is in the way of where its numbers begin.

import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LineIndex, LineIndexBuilder } from "../src/util/line-index.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "exp-line-index-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, "log.index");
const log = () => join(folder, "log");

function indexOf(lines: readonly (readonly [key: string, offset: number])[]): LineIndex {
  const builder = new LineIndexBuilder();
  for (const [key, offset] of lines) builder.add(key, offset);
  builder.save(file(), log());
  return LineIndex.open(file(), log())!;
}

test.each([1, 2, 3, 10, 100, 1000])("of %i lines, each by its key, and those of one key in their order", (count) => {
  const lines = Array.from({ length: count }, (_, i) => `line ${i}\n`);
  writeFileSync(log(), lines.join(""));
  const offsets = lines.map((_, i) => lines.slice(0, i).join("").length);
  const index = indexOf(
    offsets.flatMap(
      (offset, i) =>
        [
          [`key ${i}`, offset],
          ["every", offset],
        ] as const,
    ),
  );
  expect(index.size).toBe(2 * count);
  for (const [i, offset] of offsets.entries()) {
    expect(index.offsetsOf(`key ${i}`)).toEqual([offset]);
    expect(index.lineAt(offset)).toBe(`line ${i}`);
  }
  expect(index.offsetsOf("every")).toEqual(offsets);
  expect(index.offsetsOf("none")).toEqual([]);
  index.close();
});

test("of a log that is longer than 4 GiB", () => {
  // Most of it is nothing at all: it takes no room.
  const before = 5 * 2 ** 30;
  const fd = openSync(log(), "w");
  writeSync(fd, "first\n");
  ftruncateSync(fd, before);
  writeSync(fd, "\nlast\n", before - 1);
  closeSync(fd);
  const index = indexOf([
    ["first", 0],
    ["last", before],
  ]);
  expect(index.end).toBe(before + 5);
  expect([index.offsetsOf("first"), index.offsetsOf("last")]).toEqual([[0], [before]]);
  expect(index.lineAt(index.offsetsOf("last")[0]!)).toBe("last");
  index.close();
});

test("a byte that was turned anywhere makes it none", () => {
  writeFileSync(log(), "one\ntwo\n");
  indexOf([
    ["one", 0],
    ["two", 4],
  ]).close();
  const whole = readFileSync(file());
  for (let at = 0; at < whole.length; at++) {
    const turned = Buffer.from(whole);
    turned[at]! ^= 1;
    writeFileSync(file(), turned);
    expect(LineIndex.open(file(), log())).toBeUndefined();
  }
});

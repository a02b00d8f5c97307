// Where a content was seen among the sources, also of files that came after somebody had asked.

import { expect, test } from "vitest";
import { SourcesRead, type SourceFile } from "../src/engine/sources.ts";
import { digestOfBytes } from "../src/model/digest.ts";

const file = (path: string, text: string) =>
  ({ path, digest: digestOfBytes(text), seen: "1" }) as unknown as SourceFile;

test("paths are found by their content, whenever they came", () => {
  const sources = new SourcesRead();
  sources.addFile(file("/a", "one"));
  sources.addFile(file("/b", "one"));
  expect(sources.pathsWith(digestOfBytes("one"))).toEqual(["/a", "/b"]);
  expect(sources.pathsWith(digestOfBytes("two"))).toEqual([]);
  sources.addFile(file("/c", "one"));
  sources.addFile(file("/d", "two"));
  expect(sources.pathsWith(digestOfBytes("one"))).toEqual(["/a", "/b", "/c"]);
  expect(sources.pathsWith(digestOfBytes("two"))).toEqual(["/d"]);
});

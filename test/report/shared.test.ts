import { expect, test } from "vitest";
import { wordLeft, wordTraffic } from "../../src/report/shared.ts";

const nothing = {
  place: "/mnt/team",
  ...{ taken: 0, fetchedBytes: 0, given: 0, published: 0, publishedBytes: 0, left: 0 },
};

test.each([
  [{ taken: 1 }, "took 1 result"],
  [{ taken: 1200, fetchedBytes: 2048 }, "took 1,200 results, 2.0 KiB"],
  [{ fetchedBytes: 2048 }, "took 2.0 KiB"],
  [{ given: 3, published: 1, publishedBytes: 9 }, "gives 3 results"],
  [{ taken: 2, given: 3 }, "took 2 results; gives 3"],
  [{ taken: 2, left: 1 }, "took 2 results; 1 output stays there (exp fetch brings it)"],
  [{ left: 2 }, "2 outputs stay there (exp fetch brings them)"],
])("what passed is one line: %o", (traffic, said) => {
  expect(wordTraffic({ ...nothing, ...traffic })).toBe(`shared cache /mnt/team: ${said}`);
});

test("names of outputs command no terminal", () => {
  expect(wordLeft(["a\u001b[2J", "b"])).toMatch(/^a.*, b: in the shared cache \(exp fetch\)$/);
  expect(wordLeft(["a\u001b[2J"])).not.toContain("\u001b");
});

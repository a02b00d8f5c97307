import { expect, test } from "vitest";
import { clip, clipLine, fold, linesOfLog, span, widthOf } from "../../src/report/text.ts";

test("width counts cells, not characters", () => {
  expect(["abc", "→ ·", "分析", "é", "🧪", ""].map(widthOf)).toEqual([3, 3, 4, 1, 2, 0]);
});

test("clipping marks what is lost and never splits a wide character", () => {
  expect(clip("analyse", 7)).toBe("analyse");
  expect(clip("analyse", 5)).toBe("anal…");
  expect(clip("分析結果", 4)).toBe("分…");
  expect(clip("analyse", 0)).toBe("");
});

test("a clipped line keeps the styles of its parts", () => {
  const line = [span("judge", "bold"), span("  "), span("computed", "green")];
  expect(clipLine(line, 15)).toEqual(line);
  expect(clipLine(line, 10)).toEqual([span("judge", "bold"), span("  "), span("co…", "green")]);
  expect(clipLine(line, 5)).toEqual([span("judg…", "bold")]);
});

test("folding breaks at spaces and leaves a path whole", () => {
  expect(fold("fill in runs/default/rate/ratings.csv and build again", 20, "  ")).toEqual([
    "fill in",
    "  runs/default/rate/ratings.csv",
    "  and build again",
  ]);
  expect(fold("  how    Fill the column", 16, "         ")).toEqual([
    "  how    Fill",
    "         the",
    "         column",
  ]);
});

test("a log loses its colours, its rewritten lines and its last line feed", () => {
  expect(linesOfLog("\u001b[31mred\u001b[0m\n10 %\r90 %\r\n\tdone\n")).toEqual(["red", "90 %", "  done"]);
});

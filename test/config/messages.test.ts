import { describe, expect, test } from "vitest";
import { actionFailure, inputFailure } from "../../src/model/failure.ts";
import { failureLine, renderFailure } from "../../src/report/messages.ts";

const unknownKey = inputFailure('unknown key "temprature" in judge', {
  where: { file: "configs/judge.yaml", line: 7, column: 3, length: 10, text: "  temprature: 0.7" },
  neededBy: 'target "pairwise"',
  fix: 'Did you mean "temperature"?',
});
const plain = (...failure: Parameters<typeof inputFailure>) =>
  renderFailure(inputFailure(...failure), { color: false }).join("\n");
const at = (text: string, column: number, length: number) => ({ file: "f.yaml", line: 12, column, length, text });

describe("a failure on the screen", () => {
  test("says where and what, underlines the place, says who needed it and what to do", () => {
    expect(renderFailure(unknownKey, { color: false }).join("\n")).toMatchInlineSnapshot(`
      "configs/judge.yaml:7:3 unknown key "temprature" in judge
        7 │   temprature: 0.7
          │   ^^^^^^^^^^
        needed by target "pairwise"
        Did you mean "temperature"?"
    `);
  });

  test("in one line it is a sentence", () => {
    expect(failureLine(unknownKey)).toBe(
      'configs/judge.yaml:7:3 unknown key "temprature" in judge, needed by target "pairwise". Did you mean "temperature"?',
    );
  });

  test("has colours only when asked for", () => {
    const escape = "\u001b[";
    expect(renderFailure(unknownKey, { color: true }).join("\n")).toContain(`${escape}31m^^^^^^^^^^${escape}39m`);
    expect(renderFailure(unknownKey, { color: false }).join("\n")).not.toContain(escape);
  });

  test("without a place it is what went wrong; details are indented", () => {
    const failure = actionFailure("the judge gave no answer", { details: ["last line", "of the log"] });
    expect(renderFailure(failure, { color: false }).join("\n")).toMatchInlineSnapshot(`
      "the judge gave no answer
          last line
          of the log"
    `);
  });

  test("the underline stands under wide characters, after tabs, and in long lines", () => {
    expect(plain("wide", { where: at("模型: 名前 x", 8, 1) })).toMatchInlineSnapshot(`
      "f.yaml:12:8 wide
        12 │ 模型: 名前 x
           │            ^"
    `);
    expect(plain("tab", { where: at("\ta: x", 5, 1) })).toMatchInlineSnapshot(`
      "f.yaml:12:5 tab
        12 │ →a: x
           │     ^"
    `);
    expect(plain("long", { where: at(`${"a".repeat(300)}HERE${"b".repeat(300)}`, 301, 4) })).toMatchInlineSnapshot(`
      "f.yaml:12:301 long
        12 │ …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaHEREbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
           │                                          ^^^^"
    `);
  });

  test("a place beyond its line, an empty line and a place without text are no trouble", () => {
    expect(plain("x", { where: at("ab", 9, 4) })).toMatchInlineSnapshot(`
      "f.yaml:12:9 x
        12 │ ab
           │   ^"
    `);
    expect(plain("x", { where: at("", 1, 1) })).toBe("f.yaml:12:1 x");
    expect(plain("x", { where: { file: "f.yaml" } })).toBe("f.yaml: x");
  });

  test("nothing in it can command the terminal", () => {
    expect(plain("a\u001b[2Jb", { where: at("\u001b[2J", 1, 4), fix: "\u0007", details: ["\u009b1m"] })).not.toMatch(
      /[\u001b\u0007\u009b]/,
    );
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { load, loaded, screen } from "./rig.ts";

const messages = (text: string) => screen(load({ files: text }));

describe("what a file may hold", () => {
  test("an empty file, or one of comments, asks for all defaults", () => {
    for (const text of ["", "# nothing\n", "---\n", "null\n"]) expect(loaded(text).value).toEqual({});
  });

  test("a byte order mark and Windows line ends change nothing", () => {
    expect(loaded("\ufeffseed: 3\r\ngenerate:\r\n  a: x\r\n").value).toEqual({ seed: 3, generate: { a: "x" } });
  });

  test("yes, no, on, dates and times are text; numbers are YAML 1.2", () => {
    const text =
      "generate: { a: yes, b: no, c: on, d: 2024-01-01, e: 12:30, f: 1e3, g: 0x10, h: 0o17, i: -0.0, j: +5, k: 1_000 }\n";
    expect(loaded(text).value["generate"]).toEqual({
      ...{ a: "yes", b: "no", c: "on", d: "2024-01-01", e: "12:30", f: 1000, g: 16, h: 15, i: 0, j: 5, k: "1_000" },
    });
    expect(Object.is((loaded("generate: { i: -0.0 }\n").value["generate"] as { i: number }).i, 0)).toBe(true);
  });

  test("keys are text, also those that look like numbers or truth values", () => {
    expect(loaded("generate: { 1: a, on: b, null: c, 2.50: d }\n").value["generate"]).toEqual({
      "1": "a",
      on: "b",
      null: "c",
      "2.50": "d",
    });
  });

  test("anchors, aliases and merge keys are followed; own keys win, then earlier maps", () => {
    const text = [
      "judge: &judge { model: m, size: 1 }",
      "generate:",
      "  other: &other { size: 2, extra: 3 }",
      "  <<: [*judge, *other]",
      "  model: own",
      "  same: *other",
    ].join("\n");
    expect(loaded(text).value["generate"]).toEqual({
      ...{ model: "own", size: 1, extra: 3, other: { size: 2, extra: 3 }, same: { size: 2, extra: 3 } },
    });
  });
});

describe("problems are reported together", () => {
  test("duplicate keys, tabs, numbers that JSON cannot hold, unknown anchors", () => {
    const text = [
      "seed: 1",
      "judge:",
      "\tmodel: m",
      "judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }",
      "notes: *.csv",
      "seed: 2",
    ].join("\n");
    expect(messages(text)).toMatchInlineSnapshot(`
      "configs/default.yaml:3:1 a tab is used as indentation
        3 │ →model: m
          │ ^
        YAML indents by spaces: replace the tab by two of them.

      configs/default.yaml:4:1 the key "judge" is there twice, first in line 2
        4 │ judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }
          │ ^^^^^
        Keep one of them.

      configs/default.yaml:4:13 .nan is not a number that a config can hold
        4 │ judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }
          │             ^^^^
        Leave the key out, use null, or say it by a word.

      configs/default.yaml:4:22 the number 12345678901234567890 has more digits than can be kept (whole numbers are exact up to 9007199254740991)
        4 │ judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }
          │                      ^^^^^^^^^^^^^^^^^^^^
        Put it in quotes if it is a name; write it with an exponent (1e20) if it may be rounded.

      configs/default.yaml:4:47 the number 007 starts with zeros, which would be lost
        4 │ judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }
          │                                               ^^^
        Write "007" in quotes if it is text, 7 if it is a number.

      configs/default.yaml:4:55 -.inf is not a number that a config can hold
        4 │ judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }
          │                                                       ^^^^^
        Leave the key out, use null, or say it by a word.

      configs/default.yaml:4:65 the number 1e999 is too large
        4 │ judge: { a: .nan, b: 12345678901234567890, c: 007, d: -.inf, e: 1e999 }
          │                                                                 ^^^^^
        The largest is about 1.8e308.

      configs/default.yaml:5:8 the alias *.csv refers to an anchor &.csv that is not above it
        5 │ notes: *.csv
          │        ^^^^^
        Put it in quotes if it is text: "*.csv".

      configs/default.yaml:6:1 the key "seed" is there twice, first in line 1
        6 │ seed: 2
          │ ^^^^
        Keep one of them."
    `);
  });

  test("unknown keys at the top, with the nearest known one", () => {
    expect(messages("sed: 1\ngenerte: {}\nfrobnicate: 1\n")).toMatchInlineSnapshot(`
      "configs/default.yaml:1:1 unknown key "sed" at the top of the config
        1 │ sed: 1
          │ ^^^
        Did you mean "seed"?

      configs/default.yaml:2:1 unknown key "generte" at the top of the config
        2 │ generte: {}
          │ ^^^^^^^
        Did you mean "generate"?

      configs/default.yaml:3:1 unknown key "frobnicate" at the top of the config
        3 │ frobnicate: 1
          │ ^^^^^^^^^^
        Targets read the sections generate, judge."
    `);
  });

  test("seed, notes, control and experiment of the wrong kind", () => {
    expect(messages("seed: 1.5\nnotes: { what: 3, wy: x }\ncontrol: [a]\nexperiment: 7\n")).toMatchInlineSnapshot(`
      "configs/default.yaml:1:7 seed must be a whole number; it is 1.5
        1 │ seed: 1.5
          │       ^^^

      configs/default.yaml:2:16 notes.what must be text; it is 3
        2 │ notes: { what: 3, wy: x }
          │                ^

      configs/default.yaml:2:19 unknown key "wy" in notes
        2 │ notes: { what: 3, wy: x }
          │                   ^^
        Did you mean "why"?

      configs/default.yaml:3:10 control must be text; it is a list
        3 │ control: [a]
          │          ^^^

      configs/default.yaml:4:13 experiment must be text; it is 7
        4 │ experiment: 7
          │             ^"
    `);
  });
});

describe("syntax errors say what to do", () => {
  test.each([
    ["a text is not closed", 'notes: "a\nseed: 1\n'],
    ["a list is not closed", "judge: [1, 2\nseed: 1\n"],
    ["uneven indentation", "judge:\n   a: 1\n  b: 2\n"],
    ["two colons in a line", "notes: why: because\n"],
    ["no value", "seed: 1\nfoo\njudge: {}\n"],
    ["no space after the colon", "seed: 1\njudge:2\n"],
    ["a reserved first character", "notes: %x\njudge: @y\n"],
    ["an unknown escape", 'notes: "\\d+"\n'],
    ["a key that is a list", "[a, b]: 1\n"],
    ["a tag", "judge: !python/object { a: 1 }\n"],
    ["YAML 1.1 and two documents", "%YAML 1.1\n---\nseed: 1\n---\nseed: 2\n"],
    ["a list instead of a map", "- a\n- b\n"],
    ["no space anywhere", "seed:1\njudge:2\n"],
    ["forbidden key, half a character", 'judge: { __proto__: 1, a: "\\ud800" }\n'],
    ["a merge of no map", "judge:\n  <<: 3\n"],
    ["an alias inside its anchor", "judge: &a { x: *a }\n"],
  ])("%s", (_name, text) => {
    expect(messages(text)).toMatchSnapshot();
  });
});

describe("fences from a chat", () => {
  test("the message tells which lines to delete, and the rest is checked too", () => {
    expect(messages("Here is your config:\n\n```yaml\nseed: 1.5\n```\n\nEnjoy!\n")).toMatchInlineSnapshot(`
      "configs/default.yaml:3:1 the file is wrapped in \`\`\` fences, as copied from a chat
        3 │ \`\`\`yaml
          │ ^^^^^^^
        Delete lines 1–3 and 5–7."
    `);
  });

  test("a fence that never closes", () => {
    expect(messages("```yaml\nseed: 1\n")).toMatchInlineSnapshot(`
      "configs/default.yaml:1:1 the file is wrapped in \`\`\` fences, as copied from a chat
        1 │ \`\`\`yaml
          │ ^^^^^^^
        Delete line 1."
    `);
  });

  test("a fence inside a text is text", () => {
    expect(loaded("notes: |\n  ```\n  x\n  ```\n").header.notes).toEqual({ what: "```\nx\n```\n" });
  });
});

describe("hostile files", () => {
  test("an alias bomb is refused", () => {
    const lines = Array.from(
      "bcdefghij",
      (name, i) => `  ${name}: &${name} [${Array(10).fill(`*${"abcdefghij"[i]}`).join(", ")}]`,
    );
    expect(messages(["judge:", "  a: &a [1]", ...lines].join("\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:7:22 aliases expand to more than 100000 values
        7 │   f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
          │                      ^^
        Write the values out, or keep them in a data file."
    `);
  });

  test("nesting has a limit, however deep the parser can go", () => {
    expect(messages(`judge: ${"[".repeat(101)}${"]".repeat(101)}\n`)).toContain(
      "maps and lists are nested more than 100 deep",
    );
    expect(messages(`judge: ${"[".repeat(20_000)}\n`)).toContain("maps and lists are nested too deeply");
  });

  test("files that are too large or not UTF-8 are refused", () => {
    const file = (content: Uint8Array) => screen(load({ files: { "configs/default.yaml": content } }));
    expect(file(new Uint8Array(8 * 1024 * 1024 + 1))).toMatchInlineSnapshot(`
      "configs/default.yaml: the file has 8.0 MiB; a config may have 8
        Keep data in files of their own and wire them as sources."
    `);
    expect(file(Uint8Array.from([...Buffer.from("seed: 1\nnotes: caf"), 0xe9, 10]))).toMatchInlineSnapshot(`
      "configs/default.yaml:2 the file is not UTF-8
        Save the file as UTF-8."
    `);
    expect(file(Uint8Array.from([0xff, 0xfe, 97, 0]))).toMatchInlineSnapshot(`
      "configs/default.yaml:1 the file is UTF-16, not UTF-8
        Save the file as UTF-8."
    `);
  });

  test("no text makes it throw, and every failure has a place", () => {
    const pieces = fc.constantFrom(
      ...[
        "a",
        "b: ",
        ": ",
        "- ",
        "\n",
        "  ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        '"',
        "'",
        "&a ",
        "*a",
        "<<: ",
        "!t ",
        "? ",
        "|",
        ">",
        "#",
        "---\n",
      ],
      ...[
        "%YAML 1.1\n",
        "judge:",
        "seed: ",
        "0x1",
        ".nan",
        "1e9",
        "@",
        "```",
        "\\",
        "\r\n",
        "...\n",
        "null",
        "extends: ",
        "matrix: ",
        "arms: ",
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const result = load({ files: parts.join("") });
        if (!result.ok) for (const failure of result.error) expect(failure.where?.file).toBeDefined();
      }),
      { numRuns: 1000 },
    );
  });

  test("terminal escapes in a config do not reach the terminal", () => {
    expect(messages('"\\u001b[2J": 1\n"\u001b[2Jx": 2\n')).not.toContain("\u001b");
  });
});

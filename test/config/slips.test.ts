// The slips of people who write YAML now and then: each message says where, what and what to do. Read the snapshots as a user would.

import { z } from "zod";
import { describe, expect, test } from "vitest";
import { validateSection } from "../../src/planning/config/section.ts";
import type { Failure } from "../../src/model/failure.ts";
import { renderFailures } from "../../src/report/messages.ts";
import { judgeSchema, load, loaded, screen } from "./rig.ts";

const schema = judgeSchema.extend({
  model: z.string().default("m"),
  range: z.strictObject({ min: z.number().default(1), max: z.number().default(2) }).prefault({}),
});

function failuresOf(files: string | Readonly<Record<string, string | Uint8Array>>): readonly Failure[] {
  const document = load({ files });
  if (!document.ok) return document.error;
  const section = validateSection(document.value, "judge", schema, 'target "judge"');
  return section.ok ? [] : section.error;
}

describe("slips in a config", () => {
  test.each([
    ["a line too deep, below a text", "judge:\n  model: m\n    samples: 5\n"],
    ["too deep, in a map in a map", "judge:\n  range:\n    min: 1\n      max: 2\n"],
    ["too deep, below a map in braces", "judge:\n  range: { min: 1 }\n    samples: 5\n"],
    ["an element too deep", "judge:\n  tags:\n    - a\n      - b\n"],
    ["two lines too deep", "judge:\n  model: m\n    samples: 5\n    thinking: true\nseed: 1\n"],
    ["too deep, below an empty line and a comment", "judge:\n  model: m\n\n  # c\n    samples: 5\n"],
    ["too shallow, beside nothing", "judge:\n    model: m\n  samples: 5\n"],
    ["not indented at all", "judge:\nmodel: m\nsamples: 5\n"],
    ["only the first line is indented", "  seed: 1\njudge: {}\n"],
    ["an element too shallow", "judge:\n  tags:\n    - a\n   - b\n"],
    ["a text on two lines with a colon in the second", "notes: a long text\n  that goes on: here\n"],
    ["no space after the only colon", "judge:\n  samples:5\n"],
    ["no space after one colon", "judge:\n  samples:5\n  model: m\n"],
    ["a text that begins with #", "judge:\n  model: #abc\n"],
    ["an element that begins with #", "judge:\n  tags: [a, #b, c]\n"],
    ["all dashes forgotten", "judge:\n  tags:\n    a\n    b\n"],
    ["one dash forgotten", "judge:\n  tags:\n    - a\n    b\n    - c\n"],
    ["no space after any dash", "judge:\n  tags:\n    -a\n    -b\n"],
    ["no space after one dash", "judge:\n  tags:\n    - a\n    -b\n"],
    ["an element among keys", "judge:\n  model: m\n  - a\n"],
    ["1 for true", "judge:\n  thinking: 1\n"],
    ["true in quotes", 'judge:\n  thinking: "true"\n'],
    ["half a sample", "judge:\n  samples: 1.5\n"],
    ["a decimal comma", "judge:\n  temperature: 0,5\n"],
    ["a lone star", "judge:\n  model: *\n"],
    ["bold as in Markdown", "notes: **bold** text\n"],
    ["text right after |", "notes: | hello\n"],
    ["a text that begins with ?", "notes: ? why\n"],
    ["a text that begins with a brace", "notes: {name} is\n"],
    ["a template", "judge:\n  model: {{ model }}\n"],
    ["text after the closing quote", 'notes: "a" and b\n'],
    ["an apostrophe in single quotes", "notes: 'it's'\n"],
    ["indented by no-break spaces", "judge:\n\u00a0\u00a0samples: 5\n"],
    ["an invisible character before a key", "judge:\n  \u200bsamples: 5\n"],
    ["a full-width colon", "judge:\n  samples： 5\n"],
    ["cut off in braces", "judge: { samples: 5,\n"],
    ["no comma in braces", "judge: { samples: 5 model: m }\n"],
    ["no comma in brackets", "judge:\n  tags: [a b, 'c' 'd']\n"],
    ["a bracket too many", "judge:\n  tags: [a, b]]\n"],
    ["a brace for a bracket", "judge:\n  tags: [a, b}\n"],
    ["a list for a map", "judge:\n  - samples: 5\n"],
    ["a map for a list", "judge:\n  tags:\n    a: 1\n"],
    ["braces for brackets", "judge:\n  tags: {a, b}\n"],
    ["a word for a map", "judge: yes\n"],
    ["commas for a list", "judge:\n  tags: a, b\n"],
    ["a list for a number", "judge:\n  samples: [5]\n"],
    ["nothing after the colon", "judge:\n  samples:\n"],
    ["None, as in Python", "judge:\n  samples: None\n"],
    ["equals signs", "seed = 1\njudge = 2\n"],
    ["TOML", "[judge]\nsamples = 5\n"],
    ["a conflict of git", "seed: 1\n<<<<<<< HEAD\njudge: {}\n=======\njudge: {samples: 1}\n>>>>>>> other\n"],
    ["a comment of another language", "// a comment\nseed: 1\n"],
    ["a text that is not indented", "notes: |\ntext\nseed: 1\n"],
    ["line ends of old Macs", "seed: 1\rjudge:\r  samples: x\r"],
    ["line ends of Windows", "seed: 1\r\njudge:\r\n  samples: x\r\n    a: 1\r\n"],
  ])("%s", (_name, text) => {
    const failures = failuresOf(text);
    for (const failure of failures) {
      expect(failure.where?.line).toBeGreaterThan(0);
      expect(failure.where?.text?.trim()).toBeTruthy();
    }
    expect(renderFailures(failures, { color: false }).join("\n")).toMatchSnapshot();
  });
});

describe("bytes that are no config", () => {
  const file = (content: Uint8Array) => screen(load({ files: { "configs/default.yaml": content } }));

  test("UTF-16 is recognised without its mark, and zero bytes are not taken for text", () => {
    expect(file(Buffer.from("seed: 1\n", "utf16le"))).toMatchInlineSnapshot(`
      "configs/default.yaml:1 the file is UTF-16, not UTF-8
        Save the file as UTF-8."
    `);
    expect(file(Buffer.from("seed: 1\nnotes: a\0b\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:2 the file holds zero bytes, which no text has
        It is damaged, or no text at all: take it from git or from a backup."
    `);
    expect(file(new Uint8Array(64))).toMatchInlineSnapshot(`
      "configs/default.yaml:1 the file holds zero bytes, which no text has
        It is damaged, or no text at all: take it from git or from a backup."
    `);
  });

  test("a line that ends with a carriage return alone is a line", () => {
    expect(loaded("seed: 3\rgenerate:\r  a: x\r").value).toEqual({ seed: 3, generate: { a: "x" } });
  });
});

test("what is wrong between fences is told at its own line", () => {
  expect(screen(load({ files: "Here it is:\n```yaml\njudge:\n  model: m\n    samples: 5\n```\n" })))
    .toMatchInlineSnapshot(`
    "configs/default.yaml:2:1 the file is wrapped in \`\`\` fences, as copied from a chat
      2 │ \`\`\`yaml
        │ ^^^^^^^
      Delete lines 1–2 and 6.

    configs/default.yaml:5:5 this line is indented deeper than line 4, which has a value already
      5 │     samples: 5
        │     ^^^^^^^^^^
      Indent it by 2 spaces, as line 4. If it goes on with the text of line 4, put that text in quotes."
  `);
});

test("texts that go on below are still texts", () => {
  const text = "notes: a long\n  text - with a dash\njudge:\n  tags:\n    - one\n      more\n";
  expect(loaded(text).value).toEqual({
    notes: "a long text - with a dash",
    judge: { tags: ["one more"] },
  });
});

test("keys may hold the characters of any script", () => {
  expect(loaded('generate: { "\u00a0": 1, 条件\u3000一: 2, 👩\u200d🔬: 3 }\n').value["generate"]).toEqual({
    "\u00a0": 1,
    "条件\u3000一": 2,
    "👩\u200d🔬": 3,
  });
});

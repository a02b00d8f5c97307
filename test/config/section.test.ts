import { describe, expect, test } from "vitest";
import { z } from "zod";
import { validateSection } from "../../src/planning/config/section.ts";
import { judgeSchema, load, loaded, screen, valueOf } from "./rig.ts";

const neededBy = 'target "pairwise"';
const check = (files: string, schema: z.ZodType = judgeSchema, overrides: string[] = []) =>
  validateSection(loaded({ files, overrides }), "judge", schema, neededBy);

describe("a section that is right", () => {
  test("gets its defaults, and its keys sorted", () => {
    const value = valueOf(check("judge: { temperature: 0, model: m }\n"));
    expect(JSON.stringify(value)).toBe(
      '{"model":"m","samples":10,"style":"pairwise","tags":[],"temperature":0,"thinking":false}',
    );
  });

  test("may be absent or empty where everything has a default", () => {
    const schema = z.strictObject({ samples: z.number().default(3), model: z.string().optional() });
    expect(valueOf(check("seed: 1\n", schema))).toEqual({ samples: 3 });
    expect(valueOf(check("judge:\n", schema))).toEqual({ samples: 3 });
  });
});

describe("a section that is wrong", () => {
  test("every problem is at its place, with what was expected, what was found, and the nearest word", () => {
    const text = [
      "judge:",
      "  model: claude",
      "  temprature: 0.2",
      "  temperature: 3",
      '  samples: "50"',
      "  thinking: yes",
      "  style: parwise",
      "  tags: [1, x]",
    ].join("\n");
    expect(screen(check(text))).toMatchInlineSnapshot(`
      "configs/default.yaml:3:3 unknown key "temprature" in judge
        3 │   temprature: 0.2
          │   ^^^^^^^^^^
        needed by target "pairwise"
        Did you mean "temperature"?

      configs/default.yaml:4:16 judge.temperature must be at most 2; it is 3
        4 │   temperature: 3
          │                ^
        needed by target "pairwise"

      configs/default.yaml:5:12 judge.samples must be a number; it is the text "50"
        5 │   samples: "50"
          │            ^^^^
        needed by target "pairwise"
        Write 50, without quotes.

      configs/default.yaml:6:13 judge.thinking must be true or false; it is the text "yes"
        6 │   thinking: yes
          │             ^^^
        needed by target "pairwise"
        Write true, without quotes: in YAML 1.2 yes is text.

      configs/default.yaml:7:10 judge.style must be "pairwise" or "likert"; it is the text "parwise"
        7 │   style: parwise
          │          ^^^^^^^
        needed by target "pairwise"
        Did you mean "pairwise"?

      configs/default.yaml:8:10 judge.tags[0] must be text; it is 1
        8 │   tags: [1, x]
          │          ^
        needed by target "pairwise"
        Put it in quotes: "1"."
    `);
  });

  test("missing keys point at the section", () => {
    expect(screen(check("seed: 1\njudge:\n  temperature: 0.2\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:2:1 missing key "model" in judge
        2 │ judge:
          │ ^^^^^
        needed by target "pairwise"
        Add model: … (text)."
    `);
  });

  test("an absent section is shown as it has to be written", () => {
    const schema = z.strictObject({
      model: z.string(),
      samples: z.int(),
      style: z.enum(["a", "b"]),
      on: z.boolean().default(true),
    });
    expect(screen(check("seed: 1\n", schema))).toMatchInlineSnapshot(`
      "configs/default.yaml: the config has no section judge, which must say model, samples, style
        needed by target "pairwise"
        Add to the config:
          judge:
            model: …  # text
            samples: …  # a whole number
            style: …  # "a" or "b""
    `);
  });

  test("a value from the command line is blamed there", () => {
    expect(screen(check("judge: { model: m }\n", judgeSchema, ["judge.samples=0", "judge.modle=x"])))
      .toMatchInlineSnapshot(`
      "command line: --set judge.modle=x: unknown key "modle" in judge
        needed by target "pairwise"
        Did you mean "model"?

      command line: --set judge.samples=0: judge.samples must be at least 1; it is 0
        needed by target "pairwise""
    `);
  });

  test("unknown keys are found where the author forgot to be strict, at any depth", () => {
    const schema = z.object({
      outer: z.object({ inner: z.object({ key: z.number().optional() }).optional() }),
      empty: z.object({}).optional(),
      free: z.looseObject({ a: z.number() }).optional(),
      table: z.record(z.string(), z.object({ width: z.number() })).optional(),
    });
    const text =
      "judge: { outer: { inner: { kee: 1 } }, empty: { a: 1 }, free: { a: 1, b: 2 }, table: { x: { width: 1, hight: 2 } } }\n";
    expect(screen(check(text, schema))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:28 unknown key "kee" in judge.outer.inner
        1 │ judge: { outer: { inner: { kee: 1 } }, empty: { a: 1 }, free: { a: 1, b: 2 }, table: { x: { width: 1…
          │                            ^^^
        needed by target "pairwise"
        Did you mean "key"?

      configs/default.yaml:1:49 unknown key "a" in judge.empty
        1 │ judge: { outer: { inner: { kee: 1 } }, empty: { a: 1 }, free: { a: 1, b: 2 }, table: { x: { width: 1…
          │                                                 ^
        needed by target "pairwise"

      configs/default.yaml:1:103 unknown key "hight" in judge.table.x
        1 │ …{ a: 1, b: 2 }, table: { x: { width: 1, hight: 2 } } }
          │                                          ^^^^^
        needed by target "pairwise"
        It may have width."
    `);
  });

  test("unions say what may be there, or what is wrong with the form that was meant", () => {
    const schema = z.strictObject({
      kind: z.discriminatedUnion("type", [
        z.strictObject({ type: z.literal("markov"), order: z.number() }),
        z.strictObject({ type: z.literal("uniform") }),
      ]),
      none: z.union([z.string(), z.boolean()]),
      near: z.union([z.number(), z.strictObject({ from: z.number(), to: z.number() })]),
      several: z.union([z.strictObject({ a: z.number() }), z.strictObject({ b: z.number() })]),
    });
    const text = [
      "judge:",
      "  kind: { type: markow }",
      "  none: 3",
      "  near: { from: 1, too: 2 }",
      "  several: { c: 1 }",
    ].join("\n");
    expect(screen(check(text, schema))).toMatchInlineSnapshot(`
      "configs/default.yaml:2:17 judge.kind.type must be "markov" or "uniform"; it is the text "markow"
        2 │   kind: { type: markow }
          │                 ^^^^^^
        needed by target "pairwise"
        Did you mean "markov"?

      configs/default.yaml:3:9 judge.none must be text or true or false; it is 3
        3 │   none: 3
          │         ^
        needed by target "pairwise"

      configs/default.yaml:4:3 missing key "to" in judge.near
        4 │   near: { from: 1, too: 2 }
          │   ^^^^
        needed by target "pairwise"
        Add to: … (a number).

      configs/default.yaml:4:20 unknown key "too" in judge.near
        4 │   near: { from: 1, too: 2 }
          │                    ^^^
        needed by target "pairwise"
        Did you mean "to"?

      configs/default.yaml:5:12 judge.several fits none of the forms it may have
        5 │   several: { c: 1 }
          │            ^^^^^^^^
        needed by target "pairwise"
          form 1: a must be a number; no key "c"
          form 2: b must be a number; no key "c"

      configs/default.yaml:5:14 unknown key "c" in judge.several
        5 │   several: { c: 1 }
          │              ^
        needed by target "pairwise"
        Did you mean "a"?"
    `);
    const chosen = [
      "judge:",
      "  kind: { type: uniform, order: 1 }",
      "  none: x",
      "  near: 1",
      "  several: { a: 1 }",
    ].join("\n");
    expect(screen(check(chosen, schema))).toMatchInlineSnapshot(`
      "configs/default.yaml:2:26 unknown key "order" in judge.kind
        2 │   kind: { type: uniform, order: 1 }
          │                          ^^^^^
        needed by target "pairwise"
        It may have type."
    `);
  });

  test("formats, lengths, records and the author's own words", () => {
    const schema = z
      .strictObject({
        url: z.url(),
        id: z.string().regex(/^[a-z]+$/),
        even: z.number().multipleOf(2),
        above: z.number().gt(2),
        pair: z.tuple([z.number(), z.string()]),
        many: z.array(z.number()).min(2),
        byName: z.record(z.string().max(2), z.number()),
        own: z.number().refine((x) => x > 9, "must be more than nine"),
        silent: z.number().refine((x) => x > 9),
        whole: z.int(),
        nothing: z.null(),
      })
      .refine((value) => value.above > value.even, { message: "above has to exceed even", path: ["above"] });
    const text = [
      "judge:",
      "  url: here",
      "  id: A1",
      "  even: 3",
      "  above: 2",
      "  pair: [1, a, b]",
      "  many: [1]",
      "  byName: { abc: 1, x: y }",
      "  own: 1",
      "  silent: 1",
      "  whole: 1.5",
      "  nothing: 0",
    ].join("\n");
    expect(screen(check(text, schema))).toMatchInlineSnapshot(`
      "configs/default.yaml:2:8 judge.url must be a URL; it is the text "here"
        2 │   url: here
          │        ^^^^
        needed by target "pairwise"

      configs/default.yaml:3:7 judge.id must match /^[a-z]+$/; it is the text "A1"
        3 │   id: A1
          │       ^^
        needed by target "pairwise"

      configs/default.yaml:4:9 judge.even must be a multiple of 2; it is 3
        4 │   even: 3
          │         ^
        needed by target "pairwise"

      configs/default.yaml:5:10 judge.above must be more than 2; it is 2
        5 │   above: 2
          │          ^
        needed by target "pairwise"

      configs/default.yaml:6:9 judge.pair must have at most 2 elements; it has 3
        6 │   pair: [1, a, b]
          │         ^^^^^^^^^
        needed by target "pairwise"

      configs/default.yaml:7:9 judge.many must have at least 2 elements; it has 1
        7 │   many: [1]
          │         ^^^
        needed by target "pairwise"

      configs/default.yaml:8:18 judge.byName.abc: its key must have at most 2 characters; it has 3
        8 │   byName: { abc: 1, x: y }
          │                  ^
        needed by target "pairwise"

      configs/default.yaml:8:24 judge.byName.x must be a number; it is the text "y"
        8 │   byName: { abc: 1, x: y }
          │                        ^
        needed by target "pairwise"

      configs/default.yaml:9:8 judge.own must be more than nine
        9 │   own: 1
          │        ^
        needed by target "pairwise"

      configs/default.yaml:10:11 judge.silent is not accepted; it is 1
        10 │   silent: 1
           │           ^
        needed by target "pairwise"

      configs/default.yaml:11:10 judge.whole must be a whole number; it is 1.5
        11 │   whole: 1.5
           │          ^^^
        needed by target "pairwise"

      configs/default.yaml:12:12 judge.nothing must be null; it is 0
        12 │   nothing: 0
           │            ^
        needed by target "pairwise""
    `);
  });

  test("a section that is no map", () => {
    expect(screen(check("judge: 5\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:8 judge must be a map; it is 5
        1 │ judge: 5
          │        ^
        needed by target "pairwise"
        Write "key: value" lines below its key, indented by two spaces."
    `);
  });

  test("a schema that makes something other than JSON is its author's mistake", () => {
    const schema = z.strictObject({
      when: z.string().transform((text) => new Date(text)),
      set: z.array(z.number()).transform((items) => new Set(items)),
      nan: z.number().transform(() => NaN),
      gone: z.number().transform(() => undefined),
      big: z.number().transform((x) => BigInt(x)),
    });
    expect(screen(check("judge: { when: 2024-01-01, set: [1], nan: 1, gone: 1, big: 1 }\n", schema)))
      .toMatchInlineSnapshot(`
        "configs/default.yaml:1:16 the schema of judge.when makes a Date, which JSON cannot hold
          1 │ judge: { when: 2024-01-01, set: [1], nan: 1, gone: 1, big: 1 }
            │                ^^^^^^^^^^
          needed by target "pairwise"
          This is for the author of the rule: let the schema hand out JSON, and convert in the recipe.

        configs/default.yaml:1:33 the schema of judge.set makes a Set, which JSON cannot hold
          1 │ judge: { when: 2024-01-01, set: [1], nan: 1, gone: 1, big: 1 }
            │                                 ^^^
          needed by target "pairwise"
          This is for the author of the rule: let the schema hand out JSON, and convert in the recipe.

        configs/default.yaml:1:43 the schema of judge.nan makes NaN, which JSON cannot hold
          1 │ judge: { when: 2024-01-01, set: [1], nan: 1, gone: 1, big: 1 }
            │                                           ^
          needed by target "pairwise"
          This is for the author of the rule: let the schema hand out JSON, and convert in the recipe.

        configs/default.yaml:1:52 the schema of judge.gone makes undefined, which JSON cannot hold
          1 │ judge: { when: 2024-01-01, set: [1], nan: 1, gone: 1, big: 1 }
            │                                                    ^
          needed by target "pairwise"
          This is for the author of the rule: let the schema hand out JSON, and convert in the recipe.

        configs/default.yaml:1:60 the schema of judge.big makes a bigint, which JSON cannot hold
          1 │ judge: { when: 2024-01-01, set: [1], nan: 1, gone: 1, big: 1 }
            │                                                            ^
          needed by target "pairwise"
          This is for the author of the rule: let the schema hand out JSON, and convert in the recipe."
      `);
  });
});

test("a config with a syntax error never reaches validation", () => {
  expect(load({ files: "judge: {\n" }).ok).toBe(false);
});

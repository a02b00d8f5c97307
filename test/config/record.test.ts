import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { stringify } from "yaml";
import { resolveArms } from "../../src/planning/config/arms.ts";
import { configRecord } from "../../src/planning/config/record.ts";
import { loadSecrets } from "../../src/planning/config/secrets.ts";
import { validateSection } from "../../src/planning/config/section.ts";
import { judgeSchema, loaded, screen, valueOf } from "./rig.ts";

const secrets = valueOf(
  loadSecrets({ root: "/project", env: { API_KEY: "sk-12345678" }, names: ["API_KEY"], readFile: () => undefined }),
);

describe("the record of a run", () => {
  const files = {
    "configs/default.yaml": [
      "extends: base.yaml",
      "control: b",
      "arms: { 10: { order: 1 }, b: {}, 2: { order: 3 } }",
      "matrix: { slice: [x, all], include: [{ slice: all, order: 5, name: big }] }",
      "judge: { model: yes, tags: [] }",
    ].join("\n"),
    "configs/base.yaml": "seed: 4\nnotes: { why: because }\nexperiment: main\ngenerate: { b: 1e20, a: 0.1 }\n",
  };
  const document = loaded({ files, overrides: ["judge.samples=7"] });
  const judge = valueOf(validateSection(document, "judge", judgeSchema, "x"));
  const text = valueOf(configRecord(document, secrets, { judge: { schema: judgeSchema, value: judge } }));

  test("is one file with every default and override written out", () => {
    expect(text).toMatchInlineSnapshot(`
      "version: 1
      experiment: main
      notes:
        why: because
      seed: 4
      control: b
      arms:
        "10":
          order: 1
        b: {}
        "2":
          order: 3
      matrix:
        slice:
          - x
          - all
        include:
          - slice: all
            order: 5
            name: big
      generate:
        b: 1e+20
        a: 0.1
      judge:
        model: "yes"
        samples: 7
        style: pairwise
        tags: []
        temperature: 1
        thinking: false
      "
    `);
  });

  test("loads again with the same result, and records the same", () => {
    const again = loaded(text);
    const arms = z.strictObject({ order: z.number().default(2), slice: z.string().default("all") });
    expect(again.header).toEqual(document.header);
    expect(valueOf(validateSection(again, "judge", judgeSchema, "x"))).toEqual(judge);
    expect(again.value["generate"]).toEqual(document.value["generate"]);
    expect(valueOf(resolveArms(again, arms, "x"))).toEqual(valueOf(resolveArms(document, arms, "x")));
    expect(valueOf(configRecord(again, secrets, { judge: { schema: judgeSchema, value: judge } }))).toBe(text);
  });

  test("keeps what was written where a schema changes values", () => {
    const schema = z.strictObject({
      words: z.string().transform((words) => words.split(",")),
      n: z.number().default(1),
    });
    const written = loaded("judge: { words: 'a,b' }\n");
    const value = valueOf(validateSection(written, "judge", schema, "x"));
    const record = valueOf(configRecord(written, secrets, { judge: { schema, value } }));
    expect(record).toBe('version: 1\njudge:\n  "n": 1\n  words: a,b\n');
  });

  test("leaves a default out that would not be read back", () => {
    const schema = z.strictObject({
      words: z
        .string()
        .default("a,b")
        .transform((words) => words.split(",")),
    });
    const written = loaded("judge: {}\n");
    const value = valueOf(validateSection(written, "judge", schema, "x"));
    expect(valueOf(configRecord(written, secrets, { judge: { schema, value } }))).toBe("version: 1\njudge: {}\n");
  });

  test("never holds a secret", () => {
    expect(screen(configRecord(loaded("judge: { key: sk-12345678 }\n"), secrets))).toContain(
      "judge.key holds the value of the secret API_KEY",
    );
  });

  test("a key that ends with a space that nobody sees comes back", () => {
    const config = loaded('judge: { "a\u00a0": 1, in: { "\u1680": 2 } }\n');
    expect(loaded(valueOf(configRecord(config, secrets))).value).toEqual(config.value);
  });

  test("any JSON comes back as it was", () => {
    const json = fc.jsonValue({ depthSize: "small", noUnicodeString: false, maxDepth: 5 });
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), json), (section) => {
        fc.pre(!/__proto__|\d{16}/.test(JSON.stringify(section)));
        const config = loaded(
          stringify(
            { judge: JSON.parse(JSON.stringify(section)) as unknown },
            // As one has to who wants spaces at the end of a key.
            { doubleQuotedAsJSON: true, aliasDuplicateObjects: false, defaultKeyType: "QUOTE_DOUBLE" },
          ),
        );
        const record = valueOf(configRecord(config, secrets));
        expect(loaded(record).value).toEqual(config.value);
      }),
      { numRuns: 100 },
    );
  });
});

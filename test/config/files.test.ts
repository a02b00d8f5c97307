import { digestOfBytes } from "../../src/model/digest.ts";
import { describe, expect, test } from "vitest";
import { placeOfKey, placeOfValue } from "../../src/planning/config/located.ts";
import { load, loaded, screen } from "./rig.ts";

describe("extends", () => {
  const files = {
    "configs/default.yaml":
      "extends: [base.yaml, more/fast.yaml]\ngenerate:\n  samples: 5\n  tags: [own]\njudge: null\n",
    "configs/base.yaml":
      "seed: 3\ngenerate: { samples: 1, tags: [a, b], model: { name: x, size: 1 } }\njudge: { model: m }\n",
    "configs/more/fast.yaml": "extends: ../deep.yaml\ngenerate: { model: { size: 2 } }\n",
    "configs/deep.yaml": "seed: 4\n",
  };

  test("maps merge deeply, lists are replaced, null overrides, later and own values win", () => {
    expect(loaded({ files }).value).toEqual({
      seed: 4,
      generate: { samples: 5, tags: ["own"], model: { name: "x", size: 2 } },
      judge: null,
    });
  });

  test("every value and key has the place that it came from", () => {
    const { tree } = loaded({ files });
    expect(placeOfValue(tree, ["generate", "model", "size"])).toEqual({
      file: "configs/more/fast.yaml",
      line: 2,
      column: 28,
      length: 1,
      text: "generate: { model: { size: 2 } }",
    });
    expect(placeOfKey(tree, ["generate", "model", "name"])).toMatchObject({
      file: "configs/base.yaml",
      line: 2,
      column: 48,
      length: 4,
    });
    expect(placeOfKey(tree, ["generate"])).toMatchObject({
      file: "configs/default.yaml",
      line: 2,
      column: 1,
      length: 8,
    });
    expect(placeOfValue(tree, ["generate", "tags", 0])).toMatchObject({
      file: "configs/default.yaml",
      line: 4,
      column: 10,
    });
    expect(placeOfValue(tree, ["generate", "absent", "key"])).toMatchObject({ file: "configs/default.yaml", line: 3 });
  });

  test("every file that was read is known", () => {
    expect(loaded({ files }).reads).toEqual(
      ["default.yaml", "base.yaml", "more/fast.yaml", "deep.yaml"].map((name) => ({
        path: `/project/configs/${name}`,
        present: true,
        digest: digestOfBytes(files[`configs/${name}` as keyof typeof files]),
      })),
    );
  });

  test("a base that two files extend is merged where each asks for it", () => {
    const diamond = {
      "configs/default.yaml": "extends: [a.yaml, b.yaml]\n",
      "configs/a.yaml": "extends: c.yaml\nseed: 2\n",
      "configs/b.yaml": "extends: c.yaml\n",
      "configs/c.yaml": "seed: 1\n",
    };
    expect(loaded({ files: diamond }).value).toEqual({ seed: 1 });
  });

  test("a circle is an error that names the chain", () => {
    const circle = {
      "configs/default.yaml": "extends: a.yaml\n",
      "configs/a.yaml": "extends:\n  - b.yaml\n",
      "configs/b.yaml": "extends: a.yaml\n",
    };
    expect(screen(load({ files: circle }))).toMatchInlineSnapshot(`
      "configs/b.yaml:1:10 configs extend one another in a circle: configs/a.yaml → configs/b.yaml → configs/a.yaml
        1 │ extends: a.yaml
          │          ^^^^^^
        Take one of these out."
    `);
  });

  test("missing bases and wrong kinds are reported together, with the nearest name", () => {
    const missing = {
      "configs/default.yaml": "extends: [bse.yaml, { a: 1 }, '']\nseed: .nan\n",
      "configs/base.yaml": "",
    };
    expect(screen(load({ files: missing }))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:11 there is no config configs/bse.yaml
        1 │ extends: [bse.yaml, { a: 1 }, '']
          │           ^^^^^^^^
        Did you mean "base.yaml"?

      configs/default.yaml:1:21 extends must be a path or a list of paths; it is a map
        1 │ extends: [bse.yaml, { a: 1 }, '']
          │                     ^^^^^^^^
        Write the path from this file: extends: base.yaml

      configs/default.yaml:1:31 extends must be a path or a list of paths; it is the text ""
        1 │ extends: [bse.yaml, { a: 1 }, '']
          │                               ^^
        Write the path from this file: extends: base.yaml

      configs/default.yaml:2:7 .nan is not a number that a config can hold
        2 │ seed: .nan
          │       ^^^^
        Leave the key out, use null, or say it by a word."
    `);
  });

  test("a thousand files are too many", () => {
    const chain = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`configs/${i}.yaml`, `extends: ${i + 1}.yaml\n`]),
    );
    const result = load({ files: { ...chain, "configs/default.yaml": "extends: 0.yaml\n" } });
    expect(screen(result)).toMatchInlineSnapshot(`
      "configs/198.yaml:1:10 a config may extend 200 files at most
        1 │ extends: 199.yaml
          │          ^^^^^^^^"
    `);
  });
});

describe("a missing config", () => {
  test("suggests the nearest name in its folder", () => {
    expect(screen(load({ files: { "configs/defalt.yaml": "" } }))).toMatchInlineSnapshot(`
      "configs/default.yaml: there is no config configs/default.yaml
        Did you mean "defalt.yaml"?"
    `);
  });

  test("lists what is there when nothing is near", () => {
    expect(screen(load({ files: { "configs/judge.yaml": "", "configs/peptides.yml": "", "configs/notes.md": "" } })))
      .toMatchInlineSnapshot(`
      "configs/default.yaml: there is no config configs/default.yaml
        configs/ has judge.yaml, peptides.yml."
    `);
  });

  test("says that it may be empty where there is none at all", () => {
    expect(screen(load({ files: {} }))).toMatchInlineSnapshot(`
      "configs/default.yaml: there is no config configs/default.yaml
        Write it: where it is empty, everything is as the rules say."
    `);
  });
});

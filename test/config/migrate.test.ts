import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { placeOfValue } from "../../src/planning/config/located.ts";
import { load, loaded, screen } from "./rig.ts";

// Version 1 called it `count`, version 2 `samples`; version 3 put the model's name into a map.
const sections = new Map([
  [
    "generate",
    [
      {
        name: "peptides/generate",
        migrations: {
          1: ({ count, ...rest }: JsonObject) => ({ ...rest, ...(count !== undefined && { samples: count }) }),
          2: ({ model, ...rest }: JsonObject) => ({ ...rest, ...(model !== undefined && { model: { name: model } }) }),
        },
      },
    ],
  ],
  ["judge", [{ name: "peptides/judge" }]],
] as const);

// One config of each version, kept for good: all three say the same.
const versions: Readonly<Record<number, string>> = {
  1: "version: 1\ngenerate: { count: 50, model: m }\njudge: { model: j }\n",
  2: "version: 2\ngenerate: { samples: 50, model: m }\njudge: { model: j }\n",
  3: "version: 3\ngenerate: { samples: 50, model: { name: m } }\njudge: { model: j }\n",
};

describe("versions", () => {
  test.each(Object.entries(versions))("a config of version %s reads as the current one", (_version, files) => {
    const document = loaded({ files, sections });
    expect(document.value).toEqual({ generate: { samples: 50, model: { name: "m" } }, judge: { model: "j" } });
    expect(document.version).toBe(3);
  });

  test("values keep their places through a migration; new ones point at the section", () => {
    const { tree } = loaded({ files: versions[1]!, sections });
    expect(placeOfValue(tree, ["generate", "model"])).toMatchObject({ line: 2, column: 31 });
    expect(placeOfValue(tree, ["generate", "samples"])).toMatchObject({ line: 2, column: 1, length: 8 });
  });

  test("each file is migrated by its own version before files are merged", () => {
    const files = {
      "configs/default.yaml": "version: 3\nextends: old.yaml\ngenerate: { model: { size: 7 } }\n",
      "configs/old.yaml": "version: 1\ngenerate: { count: 5, model: m }\n",
    };
    expect(loaded({ files, sections }).value).toEqual({ generate: { samples: 5, model: { name: "m", size: 7 } } });
  });

  test("overrides speak the current version", () => {
    expect(loaded({ files: versions[1]!, sections, overrides: ["generate.model.name=x"] }).value["generate"]).toEqual({
      samples: 50,
      model: { name: "x" },
    });
  });

  test("a newer version is refused with what helps", () => {
    expect(screen(load({ files: "version: 9\nseed: 1\n", sections }))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:10 this config is of version 9; the rules of this project know versions up to 3
        1 │ version: 9
          │          ^
        Bring the project's code up to date (it is older than the config), or write version: 3 and adapt the config to it."
    `);
  });

  test("a missing version is an error once versions are counted", () => {
    expect(screen(load({ files: "generate: { samples: 50 }\n", sections }))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:1 this config does not say which version it is of
        1 │ generate: { samples: 50 }
          │ ^^^^^^^^^^^^^^^^^^^^^^^^^
        Write version: 3 if it is new, version: 1 if it is from before versions were counted; older ones are migrated as they are read."
    `);
    expect(loaded("generate: { samples: 50 }\n").version).toBe(1);
  });

  test("a version that is no number from 1", () => {
    expect(screen(load({ files: "version: v1\n", sections }))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:10 version must be a whole number from 1; it is the text "v1"
        1 │ version: v1
          │          ^^
        The current one is 3."
    `);
  });

  test("a migration that fails names the section and the rule", () => {
    const broken = new Map([
      [
        "generate",
        [
          {
            name: "peptides/generate",
            migrations: { 1: ({ list }: JsonObject) => ({ n: (list as string[]).length }) },
          },
        ],
      ],
    ]);
    expect(screen(load({ files: "version: 1\ngenerate: { x: 1 }\n", sections: broken }))).toContain(
      "generate could not be migrated from version 1 to 2:",
    );
  });
});

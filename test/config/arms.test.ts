import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { armOf, resolveArms } from "../../src/planning/config/arms.ts";
import { toJson } from "../../src/planning/config/located.ts";
import { expandMatrix } from "../../src/planning/config/matrix.ts";
import { loaded, screen, valueOf, type LoadRig } from "./rig.ts";

const schema = z.strictObject({
  order: z.int().min(0).default(2),
  slice: z.string().default("all"),
});
const neededBy = 'target "generate"';
const resolve = (rig: LoadRig | string, arms: z.ZodType = schema) => resolveArms(loaded(rig), arms, neededBy);

describe("arms by name", () => {
  test("an arm is its settings: the id is their digest, names and order count for nothing", () => {
    const { arms, labels, control } = valueOf(
      resolve("control: baseline\narms:\n  zero: { order: 0 }\n  baseline: { slice: all }\n"),
    );
    const id = (settings: object) => createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 12);
    const zero = id({ order: 0, slice: "all" });
    const baseline = id({ order: 2, slice: "all" });
    expect(labels).toEqual([
      { id: zero, name: "zero" },
      { id: baseline, name: "baseline" },
    ]);
    expect(arms.map((arm) => arm.id)).toEqual([zero, baseline].sort());
    expect(control).toBe(baseline);
    expect(armOf({ b: 1, a: { d: 1, c: 2 } }).id).toBe(armOf({ a: { c: 2, d: 1 }, b: 1 }).id);
  });

  test("labels keep the order of the config, also where names look like numbers", () => {
    const text = "arms:\n  10: { order: 10 }\n  b: { order: 1 }\n  2: { order: 2 }\n";
    expect(valueOf(resolve(text)).labels.map((label) => label.name)).toEqual(["10", "b", "2"]);
  });

  test("equal settings are one arm with two names, and that is said", () => {
    const { arms, labels, shared } = valueOf(resolve("arms:\n  a:\n  b: { order: 2 }\n  c: { order: 1 }\n"));
    expect(arms).toHaveLength(2);
    expect(labels).toHaveLength(3);
    expect(shared).toEqual([["a", "b"]]);
  });

  test("without any arms there is one with the defaults", () => {
    expect(valueOf(resolve("seed: 1\n"))).toEqual({
      arms: [{ id: armOf({ order: 2, slice: "all" }).id, settings: { order: 2, slice: "all" } }],
      control: undefined,
      labels: [{ id: armOf({ order: 2, slice: "all" }).id, name: "default" }],
      shared: [],
    });
  });

  test("without any arms and without defaults it is an error", () => {
    expect(screen(resolve("seed: 1\n", z.strictObject({ order: z.number() })))).toMatchInlineSnapshot(`
      "configs/default.yaml: the config has no arms
        needed by target "generate"
        Add arms by name, arms: { baseline: { … } }, or a matrix of axes."
    `);
  });

  test("problems of all arms and of the control come together", () => {
    const text = "control: basline\narms:\n  baseline: { ordr: 1 }\n  other: { order: -1 }\n  third: 5\n";
    expect(screen(resolve(text))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:10 control names "basline", which is no arm
        1 │ control: basline
          │          ^^^^^^^
        Did you mean "baseline"?

      configs/default.yaml:3:15 unknown key "ordr" in arms.baseline
        3 │   baseline: { ordr: 1 }
          │               ^^^^
        needed by target "generate"
        Did you mean "order"?

      configs/default.yaml:4:19 arms.other.order must be at least 0; it is -1
        4 │   other: { order: -1 }
          │                   ^^
        needed by target "generate"

      configs/default.yaml:5:10 arms.third must be a map; it is 5
        5 │   third: 5
          │          ^
        needed by target "generate"
        Write "key: value" lines below its key, indented by two spaces."
    `);
  });

  test("arms that are no map", () => {
    expect(screen(resolve("arms: [a, b]\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:1:7 arms must be a map from names to settings; it is a list
        1 │ arms: [a, b]
          │       ^^^^^^
        For example: arms: { baseline: { … } }"
    `);
  });
});

describe("the matrix", () => {
  test("is the product of its axes, less exclude, with include; names tell what varies", () => {
    const text = [
      "control: order=2,slice=all",
      "matrix:",
      "  order: [0, 2]",
      "  slice: [all, first-100]",
      "  exclude: [{ order: 0, slice: first-100 }]",
      "  include: [{ name: shuffled, slice: shuffled, order: 2 }]",
    ].join("\n");
    const { labels, control, arms } = valueOf(resolve(text));
    expect(labels.map((label) => label.name)).toEqual([
      "order=0,slice=all",
      "order=2,slice=all",
      "order=2,slice=first-100",
      "shuffled",
    ]);
    expect(arms.find((arm) => arm.id === control)?.settings).toEqual({ order: 2, slice: "all" });
  });

  // The example of GitHub's documentation, word for word.
  test("include extends what it does not contradict, overwrites only what was added, else adds a combination", () => {
    const text = [
      "matrix:",
      "  fruit: [apple, pear]",
      "  animal: [cat, dog]",
      "  include:",
      "    - color: green",
      "    - { color: pink, animal: cat }",
      "    - { fruit: apple, shape: circle }",
      "    - { fruit: banana }",
      "    - { fruit: banana, animal: cat }",
    ].join("\n");
    const combinations = valueOf(expandMatrix(loaded(text).tree.entries.get("matrix")!.value));
    expect(combinations.map(({ name, settings }) => [name, toJson(settings)])).toEqual([
      ["fruit=apple,animal=cat", { fruit: "apple", animal: "cat", color: "pink", shape: "circle" }],
      ["fruit=apple,animal=dog", { fruit: "apple", animal: "dog", color: "green", shape: "circle" }],
      ["fruit=pear,animal=cat", { fruit: "pear", animal: "cat", color: "pink" }],
      ["fruit=pear,animal=dog", { fruit: "pear", animal: "dog", color: "green" }],
      ["fruit=banana", { fruit: "banana" }],
      ["fruit=banana,animal=cat", { fruit: "banana", animal: "cat" }],
    ]);
  });

  const names = (matrix: string) =>
    valueOf(expandMatrix(loaded(`matrix: ${matrix}\n`).tree.entries.get("matrix")!.value)).map(({ name }) => name);

  test.each([
    ["axes with one value are left out of names", "{ order: [1, 2], slice: [all] }", ["order=1", "order=2"]],
    ["a single combination is named by all it has", "{ order: [1], slice: [all] }", ["order=1,slice=all"]],
    ["only include: every entry is a combination", "{ include: [{ order: 1 }, { order: 2 }] }", ["order=1", "order=2"]],
    [
      "include brings back what was excluded",
      "{ order: [1, 2], exclude: [{ order: 1 }], include: [{ order: 1 }] }",
      ["order=2", "order=1"],
    ],
    [
      "a name for the one combination that include extends",
      "{ order: [1, 2], include: [{ order: 1, name: small }] }",
      ["small", "order=2"],
    ],
    [
      "exclude matches a part of a map",
      "{ model: [{ a: 1, b: 2 }, { a: 2, b: 2 }], exclude: [{ model: { a: 1 } }] }",
      ['model={"a":2,"b":2}'],
    ],
    ["an axis that is null is none", "{ order: [1, 2], slice: null }", ["order=1", "order=2"]],
    ["everything excluded leaves nothing", "{ order: [1], exclude: [{ order: 1 }] }", []],
  ])("%s", (_fact, matrix, expected) => {
    expect(names(matrix)).toEqual(expected);
  });

  test("arms and matrix together are one list; equal names are an error", () => {
    expect(
      valueOf(resolve("arms: { a: { order: 5 } }\nmatrix: { order: [0, 1] }\n")).labels.map(({ name }) => name),
    ).toEqual(["a", "order=0", "order=1"]);
    expect(screen(resolve('arms: { "order=0": { order: 5 } }\nmatrix:\n  order: [0, 1]\n'))).toMatchInlineSnapshot(`
      "configs/default.yaml:3:3 two arms are called "order=0"; the first is at configs/default.yaml:1
        3 │   order: [0, 1]
          │   ^^^^^^^^^^^^^
        Rename one; an include entry of the matrix takes a name."
    `);
  });

  test("what is wrong with a matrix is said together", () => {
    const text = [
      "matrix:",
      "  order: 3",
      "  slice: []",
      "  size: [1, 1]",
      "  name: [x]",
      "  exclude: [{ ordr: 1 }, {}, 5]",
      "  include: { a: 1 }",
    ].join("\n");
    expect(screen(resolve(text))).toMatchInlineSnapshot(`
      "configs/default.yaml:2:10 matrix.order must be a list of values; it is 3
        2 │   order: 3
          │          ^
        Write a list: [3].

      configs/default.yaml:3:3 matrix.slice has no values
        3 │   slice: []
          │   ^^^^^
        Give it some, or take the axis out with slice: null.

      configs/default.yaml:4:13 matrix.size has 1 twice
        4 │   size: [1, 1]
          │             ^
        Keep one of them.

      configs/default.yaml:5:3 an axis cannot be called "name": that is what include calls an arm
        5 │   name: [x]
          │   ^^^^

      configs/default.yaml:6:26 an element of matrix.exclude must be a map of values; it is empty
        6 │   exclude: [{ ordr: 1 }, {}, 5]
          │                          ^^

      configs/default.yaml:6:30 an element of matrix.exclude must be a map of values; it is 5
        6 │   exclude: [{ ordr: 1 }, {}, 5]
          │                              ^

      configs/default.yaml:7:12 matrix.include must be a list of maps; it is a map
        7 │   include: { a: 1 }
          │            ^^^^^^^^

      configs/default.yaml:6:15 exclude names "ordr", which is no axis of the matrix
        6 │   exclude: [{ ordr: 1 }, {}, 5]
          │               ^^^^
        The axes are size."
    `);
  });

  test("a name given to several combinations is refused", () => {
    expect(screen(resolve("matrix:\n  order: [1, 2]\n  include: [{ name: x, slice: s }]\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:3:21 include gives the name "x" to 2 combinations; a name is one arm's own
        3 │   include: [{ name: x, slice: s }]
          │                     ^
        Say more values in this entry, so that it fits one only."
    `);
  });

  test("a wrong value of an axis is reported once, where it stands", () => {
    expect(screen(resolve("matrix:\n  order: [0, two]\n  slice: [a, b, c]\n"))).toMatchInlineSnapshot(`
      "configs/default.yaml:2:14 matrix.order must be a number; it is the text "two"
        2 │   order: [0, two]
          │              ^^^
        needed by target "generate""
    `);
  });

  test("a matrix too large is refused before it is made", () => {
    const axis = `[${Array.from({ length: 200 }, (_, i) => i).join(", ")}]`;
    expect(screen(resolve(`matrix:\n  order: ${axis}\n  slice: ${axis}\n`))).toContain(
      "the matrix has 40000 combinations; it may have 10000",
    );
  });
});

import { describe, expect, test } from "vitest";
import { placeOfValue } from "../../src/planning/config/located.ts";
import { parseOverride } from "../../src/planning/config/override.ts";
import { load, loaded, screen, valueOf } from "./rig.ts";

const files = "judge: { model: m, tags: [a, b], list: [{ x: 1 }] }\n";
const set = (...overrides: string[]) => loaded({ files, overrides }).value["judge"];
const refused = (...overrides: string[]) => screen(load({ files, overrides }));

describe("--set", () => {
  test.each([
    ["judge.temperature=0.5", { temperature: 0.5 }],
    ["judge.tags[0]=x", { tags: ["x", "b"] }],
    ["judge.tags.1=x", { tags: ["a", "x"] }],
    ["judge.list[0].x=2", { list: [{ x: 2 }] }],
    ["judge.tags=[1, {y: z}]", { tags: [1, { y: "z" }] }],
    ["judge.new.deep.key=yes", { new: { deep: { key: "yes" } } }],
    ['judge."order=2,slice=all".x=1', { "order=2,slice=all": { x: 1 } }],
    ['judge["a.b"]=1', { "a.b": 1 }],
    ["judge.model='#fff'", { model: "#fff" }],
    ["judge.model=", { model: null }],
    ["judge.model=https://host/a?b=c", { model: "https://host/a?b=c" }],
  ])("%s", (override, expected) => {
    expect(set(override)).toEqual({ model: "m", tags: ["a", "b"], list: [{ x: 1 }], ...expected });
  });

  test("the later of two wins", () => {
    expect(set("judge.model=a", "judge.model=b")).toMatchObject({ model: "b" });
  });

  test("its place is the command line", () => {
    const { tree } = loaded({ files, overrides: ["judge.new.x=1"] });
    expect(placeOfValue(tree, ["judge", "new", "x"])).toEqual({ file: "command line: --set judge.new.x=1" });
  });

  test("a path and a value are read apart from a config", () => {
    expect(valueOf(parseOverride("judge.tags[2].x=3"))).toMatchObject({
      path: ["judge", "tags", 2, "x"],
      value: { value: 3 },
    });
  });

  test("all that is wrong is said together", () => {
    expect(
      refused(
        "judge",
        "=1",
        "a..b=1",
        "judge.x=#fff",
        "judge.x=a: b",
        "judge.x=.nan",
        'judge.x="a',
        "extends=x.yaml",
        "judge.__proto__=1",
      ),
    ).toMatchInlineSnapshot(`
      "command line: --set judge: an override is path=value
        For example: --set generate.samples=50

      command line: --set =1: an override is path=value
        For example: --set generate.samples=50

      command line: --set a..b=1: an override is path=value
        For example: --set generate.samples=50

      command line: --set judge.x=#fff: the value has a # in it, which begins a comment in YAML
        Put the value in quotes, inside those of the shell: --set 'key="value"'

      command line: --set judge.x=a: b: the value reads as a map
        Put the value in quotes, inside those of the shell: --set 'key="value"'

      command line: --set judge.x=.nan: .nan is not a number that a config can hold
        Leave the key out, use null, or say it by a word.

      command line: --set judge.x="a: a text that began with " is not closed
        Close it with ".

      command line: --set extends=x.yaml: extends belongs to a file and cannot be set from outside
        Write it in the config.

      command line: --set judge.__proto__=1: an override is path=value
        For example: --set generate.samples=50"
    `);
  });

  test("a path that leads nowhere says what stands in its way", () => {
    expect(refused("judge.tags[7]=1", "judge.model.x=1", "judge[0]=1", "absent[0]=1")).toMatchInlineSnapshot(`
      "command line: --set judge.tags[7]=1: judge.tags is a list of 2 elements; 7 is none of them
        Positions count from 0: judge.tags[1] is the last.

      command line: --set judge.model.x=1: judge.model is not a map; it is the text "m"
        Set all of it: --set 'judge.model=…'

      command line: --set judge[0]=1: judge is not a list; it is a map
        Set all of it: --set 'judge=…'

      command line: --set absent[0]=1: absent is not a list; it is not in the config
        Set all of it: --set 'absent=…'"
    `);
  });
});

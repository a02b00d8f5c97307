import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import pc from "picocolors";
import { drawGraph, type GraphNode } from "../../src/ui/graph.ts";

const nodes: readonly GraphNode[] = [
  { name: "prepare", dependsOn: [], state: "fresh" },
  { name: "rubric", dependsOn: [], state: "cached", description: "the judges' rubric" },
  { name: "generate", dependsOn: ["prepare"], state: "stale", items: { fresh: 950, cached: 0, stale: 50 } },
  { name: "judge", dependsOn: ["generate", "rubric"], state: "unknown" },
  { name: "analyse", dependsOn: ["judge", "generate", "prepare"], state: "unknown" },
  { name: "figures", dependsOn: ["generate"] },
];

const strange = 'a "b" [c] {d} <e> & \\N #x; `f` __g__ 分析\nsecond\u0000line';
const hostile: readonly GraphNode[] = [
  { name: strange, dependsOn: [], state: "stale", description: ']]> --> "</svg>' },
  { name: "judge_a", dependsOn: [strange, "elsewhere"], items: { fresh: 1, cached: 0, stale: 0 } },
];

describe("tree", () => {
  test("shows results first and what is already shown only by name", async () => {
    expect(`\n${await drawGraph(nodes)}`).toBe(`
analyse  unknown
├─ judge  unknown
│  ├─ generate ×1,000 (950 fresh, 50 stale)  stale
│  │  └─ prepare  fresh
│  └─ rubric  cached  the judges' rubric
├─ generate ↑
└─ prepare ↑
figures
└─ generate ↑
`);
  });

  test("is coloured by state and fits its width", async () => {
    const text = await drawGraph(nodes, { palette: pc.createColors(true), width: 30 });
    expect(text).toContain("\u001b[33mgenerate\u001b[39m");

    expect(text.replace(/\u001b\[\d+m/g, "").split("\n")[2]).toBe("│  ├─ generate ×1,000 (950 fr…");
  });

  test("keeps every name on one line and draws what is only named as a dependency", async () => {
    expect(`\n${await drawGraph(hostile)}`).toBe(`
judge_a ×1
├─ a "b" [c] {d} <e> & \\N #x; \`f\` __g__ 分析\\nsecond\\u0000line  stale  ]]> --> "</svg>
└─ elsewhere
`);
  });

  test("ends in a cycle and in a chain of thousands", async () => {
    const cycle = [
      { name: "a", dependsOn: ["b"] },
      { name: "b", dependsOn: ["a"] },
    ];
    expect(await drawGraph(cycle)).toBe("a\n└─ b\n   └─ a ↑\n");
    const chain = Array.from({ length: 5000 }, (_, index) => ({
      name: `t${index}`,
      dependsOn: index === 0 ? [] : [`t${index - 1}`],
    }));
    expect((await drawGraph(chain)).split("\n")).toHaveLength(5001);
  });

  test("is empty without targets", async () => {
    expect(await drawGraph([])).toBe("");
  });
});

test("mermaid", async () => {
  expect(`\n${await drawGraph(nodes.slice(0, 4), { format: "mermaid" })}`).toBe(`
flowchart TD
  n0["prepare"]:::fresh
  n1["rubric"]:::cached
  n2["generate<br/>×1,000 (950 fresh, 50 stale)"]:::stale
  n3["judge"]:::unknown
  n0 --> n2
  n2 --> n3
  n1 --> n3
  classDef fresh fill:#e3f4e8,stroke:#2f8f4e,color:#12391f
  classDef cached fill:#e0f1fa,stroke:#2b7ea8,color:#0f3448
  classDef stale fill:#fdf0cd,stroke:#b07d06,color:#463200
  classDef unknown fill:#f1f2f4,stroke:#8a929c,color:#2c323a
`);
  expect(`\n${await drawGraph(hostile, { format: "mermaid" })}`).toBe(`
flowchart TD
  n0["a #34;b#34; [c] {d} #60;e#62; #38; #92;N #35;x#59; #96;f#96; #95;#95;g#95;#95; 分析<br/>second#0;line"]:::stale
  n1["judge_a<br/>×1"]
  n2["elsewhere"]
  n0 --> n1
  n2 --> n1
  classDef stale fill:#fdf0cd,stroke:#b07d06,color:#463200
`);
});

describe("dot", () => {
  test("labels say what the names are", async () => {
    const text = await drawGraph(hostile, { format: "dot" });
    expect(text).toContain('label="a \\"b\\" [c] {d} <e> &amp; \\\\N #x; `f` __g__ 分析\\nsecond line"');
    expect(text).toContain('tooltip="stale: ]]> --> \\"</svg>"');
    expect(text).toContain("  n2 -> n1;");
  });

  const hasDot = spawnSync("dot", ["-V"]).error === undefined;
  test.skipIf(!hasDot)("Graphviz reads it (skipped where it is not installed)", async () => {
    const input = await drawGraph([...hostile, ...nodes], { format: "dot" });
    const { status, stderr, stdout } = spawnSync("dot", ["-Tplain"], { input, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").filter((line) => line.startsWith("edge"))).toHaveLength(9);
  });
});

describe("svg", () => {
  test("is one self-contained picture with every target, edge and state", async () => {
    const text = await drawGraph(nodes, { format: "svg" });
    expect(text.match(/<path class="edge"/g)).toHaveLength(7);
    for (const { name } of nodes) expect(text).toContain(`>${name}</text>`);
    expect([...text.matchAll(/<text class="key"[^>]*>(\w+)</g)].map((match) => match[1])).toEqual([
      "fresh",
      "cached",
      "stale",
      "unknown",
    ]);
    expect(text).not.toMatch(/<script|<image|href=|@import|url\((?!#exp-arrow\))/);
    expect(text).toContain("prefers-color-scheme:dark");
  });

  test("names cannot leave their text", async () => {
    const text = await drawGraph(hostile, { format: "svg" });
    expect(text).toContain("a &quot;b&quot; [c] {d} &lt;e&gt; &amp; \\N");

    expect(text).not.toMatch(/\u0000|<e>|& /);
    expect(text.match(/<\/svg>/g)).toHaveLength(1);
  });

  test("edges end at their boxes and everything lies within the picture", async () => {
    const text = await drawGraph(nodes, { format: "svg" });
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(text)!.map(Number);
    for (const [, path] of text.matchAll(/class="edge" d="([^"]+)"/g)) {
      const numbers = path!.match(/-?[\d.]+/g)!.map(Number);
      for (const [index, each] of numbers.entries()) {
        expect(each).toBeGreaterThanOrEqual(0);
        expect(each).toBeLessThanOrEqual(index % 2 === 0 ? width! : height!);
      }
    }
  });

  test("its style holds for nothing else on a page", async () => {
    const [, style] = /<style>(.*)<\/style>/s.exec(await drawGraph(nodes, { format: "svg" }))!;
    const rules = style!.replace(/@media [^{]*\{/g, "").matchAll(/([^{}]+)\{/g);
    for (const [, selector] of rules) expect(selector).toMatch(/^\.exp-graph /);
  });

  test("a target may be called as anything is in JavaScript", async () => {
    const odd = [
      { name: "constructor", dependsOn: ["__proto__"] },
      { name: "__proto__", dependsOn: [] },
    ];
    expect((await drawGraph(odd, { format: "svg" })).match(/<path class="edge"/g)).toHaveLength(1);
  });

  test("is drawn of hundreds of targets", async () => {
    const many = Array.from({ length: 300 }, (_, index) => ({
      name: `t${index}`,
      dependsOn:
        index === 0
          ? []
          : [...new Set([`t${index >> 1}`, `t${Math.max(0, index - 7)}`])].filter((name) => name !== `t${index}`),
    }));
    expect(await drawGraph(many, { format: "svg" })).toContain(">t299</text>");
  });

  test("is drawn of no targets and of a cycle too", async () => {
    expect(await drawGraph([], { format: "svg" })).toContain("</svg>");
    const cycle = [
      { name: "a", dependsOn: ["b"] },
      { name: "b", dependsOn: ["a"] },
    ];
    expect((await drawGraph(cycle, { format: "svg" })).match(/<path class="edge"/g)).toHaveLength(2);
  });
});

test("json is the targets as they are", async () => {
  expect(JSON.parse(await drawGraph(hostile, { format: "json" }))).toEqual({
    targets: [...hostile, { name: "elsewhere", dependsOn: [] }],
  });
});

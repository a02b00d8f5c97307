/** The peptide report: what it says follows from the numbers, it loads nothing, and equal input gives equal bytes. */
import { build } from "esbuild";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { escapeHtml, escapeMarkdown } from "../rules/peptides/report/escape.ts";
import { findingSentences } from "../rules/peptides/report/finding.ts";
import { differencesFigure, histogramFigure } from "../rules/peptides/report/figures.ts";
import type { Figure } from "../rules/peptides/report/figures.ts";
import { reportHtml } from "../rules/peptides/report/html.ts";
import { reportMarkdown } from "../rules/peptides/report/markdown.ts";
import type { Estimate, Metric, PairedDifference, Summary } from "../rules/peptides/report/summary.ts";
import { decimalsOf, fixed, number, pValue, range, reading } from "../rules/peptides/report/words.ts";
import { figures, summary } from "./report.fixture.ts";

let drawn: readonly Figure[];
let page: string;
let text: string;
const figurePath = (id: string): string => `figures/${id}.svg`;

beforeAll(async () => {
  drawn = await figures();
  page = reportHtml(summary, drawn);
  text = reportMarkdown(summary, drawn, figurePath);
});

/** The fixture with other paired differences for every primary metric. */
const withPaired = (change: (paired: PairedDifference) => PairedDifference, other: Partial<Summary> = {}): Summary => ({
  ...summary,
  ...other,
  metrics: summary.metrics.map((metric): Metric => ({ ...metric, paired: metric.paired.map(change) })),
});
const estimate = (low: number | null, high: number | null, mean: number | null = low): Estimate => ({
  arm: "k2",
  nSeeds: 8,
  nPeptides: 80,
  mean,
  low,
  high,
});
const finding = (changed: Summary): string => findingSentences(changed).join(" ");

describe("the finding", () => {
  it("an interval that includes 0 is no difference shown, and not evidence of none", () => {
    const said = finding(withPaired((paired) => ({ ...paired, low: -1, high: 1, pAdjusted: 0.001 })));
    expect(said).toContain("none of the 12 primary comparisons with the control (“order 2”) shows a difference");
    expect(said).toContain("not evidence that there is none");
  });

  it("an interval without 0 that fails the correction is a hint", () => {
    const said = finding(withPaired((paired) => ({ ...paired, low: 0.1, high: 1, pAdjusted: 0.2 })));
    expect(said).toContain("none of the 12 primary comparisons");
    expect(said).toContain("Hints only");
    expect(said).not.toContain(" is higher");
  });

  it("a difference is named with size, unit, interval and whether it was wanted", () => {
    const said = finding(
      withPaired((paired) => ({ ...paired, difference: 0.5, low: 0.25, high: 0.75, pAdjusted: 0.01 })),
    );
    expect(said).toContain("12 of the 12 primary comparisons");
    expect(said).toContain(
      "Hydrophobic moment is higher, as wanted, in “composition only” (0.500\u00a0[0.250,\u00a00.750])",
    );
    expect(said).toContain("Net charge at pH 7 is higher in “composition only” (0.50\u00a0[0.25,\u00a00.75] e)");
    expect(said).toContain("Aggregation propensity is higher, against what is wanted,");
  });

  it("few seeds, and a test that cannot reach the level, are said", () => {
    const few = withPaired((paired) => ({ ...paired, smallestP: 0.125, pAdjusted: 1 }), { seeds: [1, 2, 3, 4] });
    expect(finding(few)).toContain(
      "No data could have shown a difference: with 4 seeds the test cannot give a p below 0.125, nor one below 1.000 after the correction for 12 primary comparisons.",
    );
    expect(finding(withPaired((paired) => paired, { seeds: Array.from({ length: 30 }, (_, i) => i) }))).not.toContain(
      "only large",
    );
  });

  it("comparisons without numbers are counted, never read as equal", () => {
    const said = finding(
      withPaired((paired) => ({ ...paired, difference: null, low: null, high: null, p: null, pAdjusted: null })),
    );
    expect(said).toContain("12 comparisons could not be made");
    expect(said).not.toContain("No difference was shown");
  });

  it("always says that nothing was measured", () => {
    expect(finding(summary)).toContain("predictions from sequence; no peptide was made or measured");
  });
});

describe("numbers in words", () => {
  it("a value and its interval share decimals that fit the interval's width", () => {
    const shown = (value: number, low: number, high: number) =>
      Object.values(range({ value, low, high }, decimalsOf({ perArm: [estimate(low, high)], paired: [] })))
        .join(" ")
        .replace(/\u00a0/g, " ");
    expect(shown(0.5, 0.47, 0.53)).toBe("0.500 [0.470, 0.530]");
    expect(shown(-2480.4, -2635, -2325)).toBe("−2480 [−2635, −2325]");
    expect(shown(12480.4, 12400, 12560)).toBe("12\u202f480 [12\u202f400, 12\u202f560]");
    expect(shown(0, 0, 0)).toBe("0.000 [0.000, 0.000]");
    expect(range({ value: 1.23456, low: null, high: 2 }, 2)).toEqual({ value: "1.23", interval: "no interval" });
  });

  it("has no NaN, no negative zero, and small p as a bound", () => {
    expect([number(null), number(0), number(-0.04213), number(1.5e9), fixed(-0.001, 2)]).toEqual([
      "–",
      "0",
      "−0.0421",
      "1.50e+9",
      "0.00",
    ]);
    expect([pValue(null), pValue(0.0004), pValue(0.0312), pValue(1)]).toEqual(["–", "< 0.001", "0.031", "1.000"]);
  });

  it("reads a comparison by its interval first and by the correction second", () => {
    const paired = summary.metrics[0]!.paired[0]!;
    const read = (change: Partial<PairedDifference>) =>
      reading({ ...paired, low: 1, high: 2, pAdjusted: 0.01, ...change }, 0.95);
    expect([
      read({}),
      read({ low: -2, high: -1 }),
      read({ low: 0 }),
      read({ pAdjusted: 0.06 }),
      read({ low: null }),
    ]).toEqual(["higher", "lower", "none", "hint", "unknown"]);
  });
});

describe("report.html", () => {
  it("has its sections in order, one heading of the first level, and a caption for every table", () => {
    expect([...page.matchAll(/<h2 id="(\w+)"/g)].map((match) => match[1])).toEqual([
      "finding",
      "question",
      "arms",
      "results",
      "figures",
      "examples",
      "rejected",
      "methods",
      "limits",
      "data",
    ]);
    expect(page.match(/<h1>/g)).toHaveLength(1);
    const tables = page.match(/<table/g)!.length;
    expect(page.match(/<caption>/g)).toHaveLength(tables);
    expect(tables).toBe(2 + 5 + 3 + 1);
    expect(page.match(/<figcaption>/g)).toHaveLength(drawn.length);
  });

  it("loads nothing: no script, link, image or address to fetch", () => {
    expect(page).not.toMatch(/<(script|link|img|iframe|object|embed|base)\b/i);
    expect(page).not.toMatch(/(src|href)=|url\(|@import/i);
    expect(
      page.replaceAll("http://www.w3.org/2000/svg", "").replaceAll("http://www.w3.org/1999/xlink", ""),
    ).not.toMatch(/https?:/);
    expect(page).toContain(`default-src 'none'`);
  });

  it("has unique ids, and every reference to one resolves", () => {
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]!);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...page.matchAll(/aria-labelledby="([^"]+)"/g)].flatMap((match) => match[1]!.split(" "));
    expect(references.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("escapes everything that people or models wrote", async () => {
    const evil = `<script>alert("1")</script>&'`;
    const control = { ...summary.arms[0]!, label: evil, settings: { [evil]: evil } };
    const metric = {
      ...summary.metrics[0]!,
      label: evil,
      unit: evil,
      judge: evil,
      description: evil,
      notApplicable: [{ reason: evil, count: 1 }],
    };
    const changed: Summary = {
      ...summary,
      title: evil,
      notes: { what: evil, why: evil, hypothesis: evil },
      arms: [control, ...summary.arms.slice(1).map((arm) => ({ ...arm, label: evil }))],
      metrics: [metric],
      predictions: summary.predictions.slice(0, 1),
      examples: [{ arm: "k2", peptides: [{ id: evil, seed: 1, sequence: evil, nearestSimilarity: null, values: {} }] }],
      data: [{ name: evil, file: evil, rows: 1, licence: evil, source: evil }],
      limits: [evil],
    };
    const figure = await differencesFigure(changed, changed.metrics);
    const html = reportHtml(changed, [figure!]);
    expect(html).not.toMatch(/<script/i);
    expect(html).not.toContain("&'");
    expect(reportMarkdown(changed, [figure!], figurePath)).not.toContain("<script>");
  });

  it("says null as a dash and never prints NaN, undefined or [object", () => {
    const empty = withPaired((paired) => ({
      ...paired,
      difference: null,
      low: null,
      high: null,
      p: null,
      pAdjusted: null,
      smallestP: null,
      effect: null,
    }));
    for (const report of [page, text, reportHtml(empty, []), reportMarkdown(empty, [], figurePath)]) {
      expect(report).not.toMatch(/NaN|undefined|\[object|Infinity/);
    }
  });

  it("equal input gives equal bytes, figures included", async () => {
    const again = await figures();
    expect(again).toEqual(drawn);
    expect(reportHtml(summary, again)).toBe(page);
    expect(page).not.toContain(String(new Date().getFullYear()));
  });
});

describe("report.md", () => {
  it("has the same sections, figures as files, and tables whose rows agree", () => {
    expect(text.match(/^## .*/gm)).toEqual(
      [
        "Finding",
        "Question",
        "Arms",
        "Results",
        "Figures",
        "Example peptides",
        "What was rejected, and why",
        "Methods",
        "Limits",
        "Data",
      ].map((name) => `## ${name}`),
    );
    expect(text).toContain("](<figures/differences.svg>)");
    for (const block of text.split("\n\n").filter((part) => part.startsWith("|"))) {
      const columns = block
        .trim()
        .split("\n")
        .map((line) => line.replaceAll("\\|", "").split("|").length);
      expect(new Set(columns).size, block).toBe(1);
    }
  });

  it("escapes what Markdown would take for its own", () => {
    expect(escapeMarkdown("a|b *c* <d> #e\n1")).toBe("a\\|b \\*c\\* \\<d\\> \\#e 1");
    expect([escapeMarkdown("1. x"), escapeMarkdown("0.5"), escapeMarkdown("- x")]).toEqual(["1\\. x", "0.5", "\\- x"]);
    expect(escapeHtml(`<&"'>\u0000`)).toBe("&lt;&amp;&quot;&#39;&gt;\ufffd");
  });
});

describe("figures", () => {
  it("scale, carry title and description, and turn dark by the reader's preference", () => {
    for (const { svg, alt, id } of drawn) {
      expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 [\d.]+ [\d.]+"/);
      expect(svg).toContain(`<title id="${id}-title">`);
      expect(svg).toContain(escapeHtml(alt));
      expect(svg).toContain("prefers-color-scheme: dark");
      expect(svg).not.toMatch(/NaN|undefined|clip-path|url\(#/);
    }
  });

  it("every colour they use has a dark counterpart", () => {
    for (const { svg } of drawn) {
      const body = svg.slice(svg.indexOf("</style>"));
      const used = new Set([...body.matchAll(/(?:fill|stroke)="(#[0-9a-f]+)"/gi)].map((match) => match[1]!));
      for (const color of used) expect(svg).toContain(`[fill="${color}"]`);
      expect(body).not.toMatch(/(?:fill|stroke)="(?:black|white|rgb|gray)/);
    }
  });

  it("the smallest phone still reads them: drawn at most 440 units wide", () => {
    for (const { svg, id } of drawn) expect(Number(/viewBox="0 0 ([\d.]+)/.exec(svg)![1]), id).toBeLessThan(440);
  });

  it("nothing to draw gives no figure; one value, or all equal, gives one", async () => {
    const about = { id: "x", title: "X", axis: "x" };
    expect(await histogramFigure(summary, about, [{ arm: "k2", values: [] }], null)).toBeNull();
    expect((await histogramFigure(summary, about, [{ arm: "k2", values: [3, 3, 3] }], null))!.svg).not.toContain("NaN");
    const nothing = withPaired((paired) => ({ ...paired, low: null }));
    expect(await differencesFigure(nothing, nothing.metrics)).toBeNull();
  });

  it("labels of others stay text", async () => {
    const arms = summary.arms.map((arm) => ({ ...arm, label: `<b>&"${arm.id}` }));
    const figure = await differencesFigure({ ...summary, arms }, summary.metrics);
    expect(figure!.svg).not.toContain("<b>");
  });
});

describe("what the report bundles", () => {
  it("the page without figures is small and needs no package", async () => {
    const result = await build({
      entryPoints: [join(import.meta.dirname, "../rules/peptides/report/html.ts")],
      bundle: true,
      platform: "node",
      format: "cjs",
      write: false,
      metafile: true,
    });
    expect(Object.keys(result.metafile.inputs).filter((path) => path.includes("node_modules"))).toEqual([]);
    expect(result.outputFiles[0]!.text.length).toBeLessThan(60_000);
  });

  it("the figures bundle as CommonJS, with nothing but Node left to require", async () => {
    const result = await build({
      entryPoints: [join(import.meta.dirname, "../rules/peptides/report/figures.ts")],
      bundle: true,
      platform: "node",
      format: "cjs",
      write: false,
      // What the devDependency does for a build of the whole repository.
      alias: { "vega-canvas": join(import.meta.dirname, "../rules/peptides/report/no-canvas/index.js") },
    });
    const required = [...result.outputFiles[0]!.text.matchAll(/\b(?:require|import)\("([^"]*)"\)/g)].map(
      (match) => match[1],
    );
    expect(required).toEqual(["fs"]);
  });
});

/** How the peptide report lies on the page: on a phone, in figures, for who hears it, and on paper. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import type { Figure } from "../rules/peptides/report/figures.ts";
import { differencesFigure, histogramFigure } from "../rules/peptides/report/figures.ts";
import { reportHtml } from "../rules/peptides/report/html.ts";
import { PALETTE } from "../rules/peptides/report/palette.ts";
import { STYLE } from "../rules/peptides/report/style.ts";
import type { Metric, Summary } from "../rules/peptides/report/summary.ts";
import { decimalsOf, numericSettings } from "../rules/peptides/report/words.ts";
import { figures, summary } from "./report.fixture.ts";

let drawn: readonly Figure[];
let page: string;

beforeAll(async () => {
  drawn = await figures();
  page = reportHtml(summary, drawn);
});

const cellsOf = (row: string): string[] => [...row.matchAll(/<td\b[^>]*>([\s\S]*?)<\/td>/g)].map((match) => match[1]!);
const tablesOf = (html: string): string[] => html.match(/<table\b[\s\S]*?<\/table>/g) ?? [];
const plain = (html: string): string => html.replace(/<[^>]*>/g, "").trim();
const decimalsIn = (text: string): number[] =>
  [...text.matchAll(/\d(?:\.(\d+))?(?![\d.])/g)].map((match) => match[1]?.length ?? 0);

describe("tables", () => {
  it("every heading has a scope, and every cell carries its column's heading for narrow screens", () => {
    for (const table of tablesOf(page)) {
      const headings = [...table.matchAll(/<th\b([^>]*)>([\s\S]*?)<\/th>/g)];
      for (const [, attributes] of headings) expect(attributes).toMatch(/scope="(col|row)"/);
      const columns = headings.filter(([, attributes]) => attributes!.includes('"col"')).map(([, , text]) => text);
      for (const row of table.match(/<tr role="row">\s*<th scope="row"[\s\S]*?<\/tr>/g)!) {
        expect([...row.matchAll(/data-label="([^"]*)"/g)].map((match) => match[1])).toEqual(columns.slice(1));
      }
    }
  });

  it("keep their roles when rows are shown as blocks", () => {
    for (const table of tablesOf(page)) {
      expect(table).toMatch(/^<table class="\w+" role="table">/);
      expect(table.match(/<t[hdr]\b[^>]*>/g)!.filter((tag) => !tag.includes("role="))).toEqual([]);
    }
  });

  it("give every number of a column the same decimals", () => {
    const results = tablesOf(page).filter((table) => table.includes('class="results"'));
    expect(results).toHaveLength(5);
    for (const table of [...results, ...tablesOf(page).filter((one) => one.includes('class="peptides"'))]) {
      const rows = table.match(/<tr role="row">\s*<th scope="row"[\s\S]*?<\/tr>/g)!.map(cellsOf);
      for (const column of rows[0]!.keys()) {
        const found = rows.map((row) => plain(row[column]!)).filter((text) => /^[−\d[< ]/.test(text));
        expect(new Set(found.flatMap(decimalsIn)).size, found.join(" | ")).toBeLessThan(2);
      }
    }
  });
});

describe("decimals", () => {
  const spans = (...halves: number[]): Metric["perArm"] =>
    halves.map((half) => ({ arm: "k2", nSeeds: 8, nPeptides: 80, mean: 1, low: 1 - half, high: 1 + half }));
  const of = (...halves: number[]): number => decimalsOf({ perArm: spans(...halves), paired: [] });

  it("fit the narrowest interval, unless it is far narrower than the others", () => {
    expect([of(0.11), of(0.11, 0.08), of(130, 200), of(0.11, 0.12, 0.0001)]).toEqual([2, 3, 0, 3]);
  });

  it("without an interval show three digits of the largest mean", () => {
    expect(decimalsOf({ perArm: spans(0).map((one) => ({ ...one, mean: 24.61, low: null })), paired: [] })).toBe(1);
    expect(decimalsOf({ perArm: [], paired: [] })).toBe(3);
  });

  it("of a setting are as many as the config has; words stay words", () => {
    const arms = [0.5, 1, 2].map((temperature) => ({ ...summary.arms[0]!, settings: { temperature, slice: "all" } }));
    expect(numericSettings(arms, "temperature")).toEqual(["0.5", "1.0", "2.0"]);
    expect([numericSettings(arms, "slice"), numericSettings(arms, "unknown")]).toEqual([null, null]);
  });
});

describe("figures", () => {
  // Units for each digit: no common font is wider at this size.
  const WIDEST = 7.5;

  /** Labels of horizontal axes as [left, right], those that are left out excepted. */
  function labelSpans(svg: string): [number, number][][] {
    const axes = svg.match(/<g class="mark-text role-axis-label"[\s\S]*?<\/g>/g) ?? [];
    return axes
      .map((axis) =>
        [...axis.matchAll(/<text text-anchor="middle" transform="translate\(([-\d.]+),([^>]*)>([^<]*)</g)]
          .filter(([, , attributes]) => !attributes!.includes('opacity="0"'))
          .map(([, x, , label]): [number, number] => [
            Number(x) - (label!.length * WIDEST) / 2,
            Number(x) + (label!.length * WIDEST) / 2,
          ]),
      )
      .filter((labels) => labels.length > 1);
  }

  it("labels of axes never touch, whatever the numbers", async () => {
    const shifted = (shift: number, half: number): Summary => ({
      ...summary,
      metrics: summary.metrics.map((metric) => ({
        ...metric,
        paired: metric.paired.map((paired) => ({
          ...paired,
          difference: shift,
          low: shift - half,
          high: shift + half,
        })),
      })),
    });
    const changed = [shifted(-0.026, 0.013), shifted(-0.23, 0.54), shifted(-1204, 90), shifted(0.00012, 0.00009)];
    const more = await Promise.all(changed.map((one) => differencesFigure(one, one.metrics.slice(0, 1))));
    let axes = 0;
    for (const { svg, id } of [...drawn, ...more.map((figure) => figure!)]) {
      for (const labels of labelSpans(svg)) {
        axes++;
        for (const [i, [left]] of labels.entries()) {
          if (i > 0) expect(left, `${id}: ${JSON.stringify(labels)}`).toBeGreaterThan(labels[i - 1]![1]);
        }
      }
    }
    expect(axes).toBeGreaterThan(8);
  });

  it("all have about one width, so that their text has one size", () => {
    const widths = drawn.map(({ svg }) => Number(/viewBox="0 0 ([\d.]+)/.exec(svg)![1]));
    expect(Math.max(...widths) / Math.min(...widths)).toBeLessThan(1.1);
  });

  it("histograms share one scale of shares, whose marks are written in every row", async () => {
    const arms = [
      { arm: "k2", values: [1, 1, 1, 2] },
      { arm: "k4", values: [1, 2, 3, 4, 5, 6, 7, 8] },
    ];
    const { svg } = (await histogramFigure(
      summary,
      { id: "x", title: "X", axis: "x", wholeNumbers: true },
      arms,
      null,
    ))!;
    expect(svg.match(/>50 %</g)).toHaveLength(2);
    expect(svg.match(/>0 %</g)).toHaveLength(2);
  });

  it("are named by their headings", () => {
    for (const { id } of drawn)
      expect(page).toContain(`<figure id="figure-${id}" aria-labelledby="figure-${id}-heading">`);
  });
});

describe("colours", () => {
  const channel = (value: number): number => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => channel(parseInt(hex.slice(at, at + 2), 16) / 255));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const contrast = (a: string, b: string): number => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light! + 0.05) / (dark! + 0.05);
  };

  // WCAG 2.2: 4.5 for text, 3 for lines that carry meaning.
  it.each(["light", "dark"] as const)("of text and marks stand out from the paper, %s", (scheme) => {
    const paper = PALETTE.paper[scheme];
    for (const name of ["ink", "muted"] as const) expect(contrast(PALETTE[name][scheme], paper)).toBeGreaterThan(4.5);
    for (const name of ["accent", "control", "signal", "zero"] as const)
      expect(contrast(PALETTE[name][scheme], paper), name).toBeGreaterThan(3);
  });
});

describe("paper", () => {
  const print = STYLE.slice(STYLE.indexOf("@media print"));

  it("has the light colours, all that is folded, and no row or figure torn", () => {
    expect(STYLE).toContain("@media screen and (prefers-color-scheme:dark)");
    expect(print).toContain("details::details-content{content-visibility:visible");
    expect(print).toContain("figure,tr,li,.finding{break-inside:avoid}");
  });
});

const CHROMIUM = "/usr/bin/chromium";

// Needs a browser, which not every machine has.
describe.skipIf(!existsSync(CHROMIUM))("in a browser", () => {
  /** The page in a frame of each width: how far its content reaches beyond the edge, where the last cell ends, and the room for a row's name. */
  async function measure(
    html: string,
    widths: readonly number[],
  ): Promise<{ beyond: number; cells: number; names: number }[]> {
    const folder = mkdtempSync(join(tmpdir(), "report-layout-"));
    const frames = widths.map((width) => `<iframe style="width:${width}px;height:600px;border:0"></iframe>`).join("");
    const script = `
      const html = ${JSON.stringify(html).replaceAll("<", "\\u003c")};
      const frames = [...document.querySelectorAll("iframe")];
      Promise.all(frames.map((frame) => new Promise((done) => { frame.onload = done; frame.srcdoc = html; }))).then(() => {
        const found = frames.map(({ contentDocument: page }) => {
          for (const fold of page.querySelectorAll("details")) fold.open = true;
          const right = [...page.querySelectorAll("td, th[scope=row], svg")].map((cell) => cell.getBoundingClientRect().right);
          const names = [...page.querySelectorAll("th[scope=row]")].map((name) => name.getBoundingClientRect().width);
          return { beyond: page.documentElement.scrollWidth - page.documentElement.clientWidth, cells: Math.ceil(Math.max(...right)), names: Math.min(...names) };
        });
        document.title = JSON.stringify(found);
      });`;
    try {
      writeFileSync(join(folder, "frames.html"), `<!doctype html><title></title>${frames}<script>${script}</script>`);
      const flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
      ];
      const { stdout } = await promisify(execFile)(
        CHROMIUM,
        [
          ...flags,
          `--user-data-dir=${folder}/profile`,
          "--virtual-time-budget=10000",
          "--dump-dom",
          `${folder}/frames.html`,
        ],
        { maxBuffer: 2 ** 26 },
      );
      return JSON.parse(/<title>(.*?)<\/title>/.exec(stdout)![1]!) as {
        beyond: number;
        cells: number;
        names: number;
      }[];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it("nothing lies beyond the right edge of a phone, a tablet or a screen", async () => {
    const long = "x".repeat(120);
    const stretched: Summary = {
      ...summary,
      title: long,
      arms: summary.arms.map((arm, i) => (i === 1 ? { ...arm, label: long } : arm)),
      data: summary.data.map((source) => ({ ...source, file: long })),
    };
    const widths = [320, 390, 768, 1200];
    for (const html of [page, reportHtml(stretched, drawn)]) {
      const found = await measure(html, widths);
      for (const [i, width] of widths.entries()) {
        expect(found[i]!.beyond, `${width} px`).toBe(0);
        // On a phone the name of a row stands above its cells and may be as long as they are wide.
        if (width < 768) expect(found[i]!.names, `${width} px`).toBeGreaterThan(0.75 * width);
        if (html === page || width < 768) expect(found[i]!.cells, `${width} px`).toBeLessThanOrEqual(width);
      }
    }
  });
});

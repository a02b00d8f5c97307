import { describe, expect, test } from "vitest";
import pc from "picocolors";
import type { Event } from "../../src/model/event.ts";
import { renderFailure } from "../../src/report/messages.ts";
import { createPlainReporter, type PlainOptions } from "../../src/ui/plain.ts";
import { ends, finishes, fresh, itemFinishes, moreSamples, started, starts } from "./builds.ts";
import { everyEvent } from "./every-event.ts";
import { handClock } from "./hand-clock.ts";

const oneLineFailure = { renderFailure: (failure: { what: string }) => [failure.what] };

function plain(options: Partial<PlainOptions> = {}) {
  const clock = handClock();
  let text = "";
  const reporter = createPlainReporter({
    ...oneLineFailure,
    write: (more) => (text += more),
    ticker: clock,
    ...options,
  });
  return { reporter, clock, text: () => text, emit: (...events: readonly Event[]) => events.forEach(reporter.emit) };
}

function output(events: readonly Event[], options: Partial<PlainOptions> = {}): string {
  const { emit, text } = plain(options);
  emit(...events);
  return `\n${text()}`;
}

describe("a build", () => {
  const build: readonly Event[] = [
    started,
    starts("prepare"),
    finishes("prepare"),
    starts("generate", { items: 1000, due: 950, expectedMs: 2000 }),
    finishes("generate", {
      reasons: moreSamples,
      tookMs: 2100,
      counts: { computed: 950, cached: 50, fresh: 0 },
    }),
    finishes("judge", { origin: "cached", savedMs: 3200 }),
    finishes("cluster", { tookMs: 900, sameOutput: true, costUsd: 0.0123, reasons: [...moreSamples, ...moreSamples] }),
    fresh("analyse"),
    ends({
      counts: { computed: 952, cached: 51, fresh: 1 },
      savedMs: 3200,
      costUsd: 0.0123,
      reports: ["runs/default/analyse/report.html", "runs/default/analyse/table.parquet"],
    }),
  ];

  test("is one line a target, then what it came to and where the report is", () => {
    expect(output(build)).toBe(`
run default · peptides · configs/default.yaml
prepare   computed   0.1 s  new: no earlier result in this run
generate  computed   2.1 s  1,000 items (50 cached) · config generate.samples: 50 → 100
judge     cached            saved 3.2 s · new: no earlier result in this run
cluster   computed   0.9 s  $0.0123 · same output · config generate.samples: 50 → 100 (+1 more)
analyse   fresh
done in 4.2 s: 952 computed, 51 cached, 1 fresh; the cache saved 3.2 s; cost $0.0123
report: runs/default/analyse/report.html
        runs/default/analyse/table.parquet
`);
  });

  test("has colours where the caller has them", () => {
    const text = output(build, { palette: pc.createColors(true) });
    expect(text).toContain("\u001b[32mcomputed\u001b[39m");

    expect(text.replace(/\u001b\[\d+m/g, "")).toBe(output(build));
  });

  test("aligns its columns from the first line on when the names are known", () => {
    const targets = ["prepare", "human-ratings"];
    const events = [
      started,
      finishes("prepare"),
      finishes("human-ratings"),
      ends({ counts: { computed: 2, cached: 0, fresh: 0 } }),
    ];
    expect(output(events, { targets })).toBe(`
run default · peptides · configs/default.yaml
prepare        computed   0.1 s  new: no earlier result in this run
human-ratings  computed   0.1 s  new: no earlier result in this run
done in 4.2 s: 2 computed
`);
  });

  test("says one line when there is nothing to do", () => {
    expect(output([started, fresh("prepare"), fresh("analyse"), ends({ outcome: "up-to-date" })])).toBe(`
up to date · run default
`);
  });

  test("names many fresh targets in one line", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    expect(
      output([started, ...names.map(fresh), finishes("last"), ends({ counts: { computed: 1, cached: 0, fresh: 8 } })]),
    ).toBe(`
run default · peptides · configs/default.yaml
8 targets  fresh             a, b, c, d, e and 3 more
last       computed   0.1 s  new: no earlier result in this run
done in 4.2 s: 1 computed, 8 fresh
`);
  });
});

describe("what takes long", () => {
  test("says so at its start when past traces tell", () => {
    const long = starts("generate", { items: 1000, due: 950, expectedMs: 240_000, reasons: moreSamples });
    const { emit, text, clock } = plain();
    emit(started, long);
    clock.pass(230_000);
    emit(
      finishes("generate", { tookMs: 230_000, reasons: moreSamples, counts: { computed: 950, cached: 0, fresh: 50 } }),
    );
    expect(`\n${text()}`).toBe(`
run default · peptides · configs/default.yaml
generate  running           1,000 items, 950 to run · about 4 min · config generate.samples: 50 → 100
generate  computed  3 min 50 s  1,000 items (50 fresh)
`);
  });

  test("says so after a while when nothing tells", () => {
    const { emit, text, clock } = plain();
    emit(started, starts("quick"), starts("slow"));
    clock.pass(3000);
    emit(finishes("quick"));
    clock.pass(8000);
    expect(`\n${text()}`).toBe(`
run default · peptides · configs/default.yaml
quick     computed   0.1 s  new: no earlier result in this run
slow      running           new: no earlier result in this run
`);
  });

  test("reports its progress once a minute", () => {
    const { emit, text, clock } = plain();
    emit(started, starts("generate", { items: 100, due: 90, expectedMs: 240_000 }));
    for (let item = 0; item < 65; item++) {
      clock.pass(2000);
      emit(itemFinishes("generate", { costUsd: 0.01 }));
    }
    expect(`\n${text()}`).toBe(`
run default · peptides · configs/default.yaml
generate  running           100 items, 90 to run · about 4 min · new: no earlier result in this run
generate  running   1 min 00 s  40 of 100 items · 2 min left · $0.30
generate  running   2 min 00 s  70 of 100 items · 60 s left · $0.60
`);
  });

  test("says with its progress what was spent of what may be", () => {
    const { emit, text, clock } = plain();
    emit(
      started,
      { kind: "spent", spentUsd: 0, maxUsd: 5 },
      starts("generate", { items: 100, due: 90, expectedMs: 240_000 }),
    );
    clock.pass(61_000);
    emit({ kind: "spent", spentUsd: 1.23, maxUsd: 5 }, itemFinishes("generate", { costUsd: 0.3 }));
    clock.pass(61_000);
    emit({ kind: "spent", spentUsd: 1.5, maxUsd: undefined }, itemFinishes("generate", { costUsd: 0.3 }));
    expect(`\n${text()}`).toBe(`
run default · peptides · configs/default.yaml
generate  running           100 items, 90 to run · about 4 min · new: no earlier result in this run
generate  running   1 min 01 s  11 of 100 items · 1.5 h left · $0.30 · spent $1.23 of $5.00
generate  running   2 min 02 s  12 of 100 items · 89 min left · $0.60
`);
  });

  test("leaves no timer behind", () => {
    const { emit, text, clock, reporter } = plain();
    emit(started, starts("slow"));
    reporter.close();
    clock.pass(60_000);
    expect(text()).toBe("");
  });
});

describe("what does not go well", () => {
  test("failures are shown with the target, what follows from them is not tried", () => {
    const failing = everyEvent["target-failed"];
    const skipped: Event = { kind: "target-skipped", target: "analyse", because: "judge" };
    const events = [
      started,
      finishes("prepare"),
      failing,
      skipped,
      ends({ outcome: "failed", counts: { computed: 1, cached: 0, fresh: 0 } }),
    ];
    expect(output(events, { renderFailure: (failure) => renderFailure(failure, { color: false }) })).toBe(`
run default · peptides · configs/default.yaml
prepare   computed   0.1 s  new: no earlier result in this run
judge     failed
  judge.ts:7:3 recipe threw: bad pH
    7 │   pH
      │   ^^
    needed by judge
    set judge.pH
      at score
analyse   skipped           judge failed
failed after 4.2 s: judge failed; 1 target not tried; 1 computed
`);
  });

  test("a handoff says what to do, where, how and then", () => {
    const events = [
      started,
      everyEvent["target-waits"],
      { kind: "target-skipped", target: "analyse", because: "rate" } as const,
      ends({ outcome: "waiting", counts: { computed: 0, cached: 0, fresh: 3 } }),
    ];
    expect(output(events, { again: "exp build analyse" })).toBe(`
run default · peptides · configs/default.yaml
rate      waits             an answer is needed
  what   Rate 20 pairs
  where  runs/default/rate/ratings.csv
  how    Fill the column verdict with A or B
  then   exp build analyse
analyse   skipped           rate waits
waiting for people after 4.2 s: 1 target not tried; 3 fresh
`);
  });

  test("retries, waits, logs, edited outputs and warnings are a line each", () => {
    const { log, warning } = everyEvent;
    const events = [
      started,
      everyEvent["waiting-for-lock"],
      everyEvent["waiting-for-action"],
      everyEvent["action-retried"],
      log,
      everyEvent["output-set-aside"],
      warning,
      ends({ outcome: "interrupted" }),
    ];
    expect(output(events)).toBe(`
run default · peptides · configs/default.yaml
run default is being built by process 4711 on anna-laptop: this build goes on when that one ends
judge     waiting           run low-pH computes the same result
judge     retry             pair-17: 429 too many requests · attempt 2 in 4.0 s
judge[pair-17]: loaded model
judge     kept              runs/default/judge/table.csv was edited: your version is now runs/default/judge/table.edited-1.csv
warning: configs/default.yaml is gone: its last reading is used
interrupted after 4.2 s: nothing computed
what is finished is kept: exp build goes on from here
`);
  });

  test("names and logs cannot command the terminal", () => {
    const text = output([
      started,
      finishes("a\u001b[2J\nb"),
      { kind: "log", target: "t", label: undefined, text: "\u001b]0;title\u0007x\u009b1m" },
    ]);
    expect(text).toContain("a\\u001b[2J\\nb");
    expect(text).toContain("t: x\\u009b1m");
    expect(text).not.toContain("\u001b");
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import pc from "picocolors";
import type { Event } from "../../src/model/event.ts";
import type { Running } from "../../src/ui/running.ts";
import { barOf } from "../../src/ui/bar.ts";
import { paint, widthOf } from "../../src/report/text.ts";
import { noColours } from "../../src/report/palette.ts";
import { createTerminalReporter, type TerminalOptions } from "../../src/ui/terminal.ts";
import { ends, finishes, itemFinishes, moreSamples, started, starts } from "./builds.ts";
import { everyEvent } from "./every-event.ts";
import { handClock } from "./hand-clock.ts";
import { createScreen } from "./screen.ts";

// cli-progress draws by its own timer, which the test moves together with the hand clock.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function terminal({
  columns = 80,
  rows = 24,
  ...options
}: Partial<TerminalOptions> & { columns?: number; rows?: number } = {}) {
  const clock = handClock();
  const screen = createScreen(columns, rows);
  const interrupts: (() => void)[] = [];
  const reporter = createTerminalReporter({
    renderFailure: (failure) => [failure.what],
    stream: screen,
    ticker: clock,
    onProcessEnd: (restore) => {
      interrupts.push(restore);
      return () => void interrupts.splice(interrupts.indexOf(restore), 1);
    },
    ...options,
  });
  async function pass(ms: number): Promise<void> {
    clock.pass(ms);
    // The package is loaded on the first need.
    await vi.dynamicImportSettled();
    vi.advanceTimersByTime(ms);
  }
  return { screen, reporter, interrupts, pass, emit: (...events: readonly Event[]) => events.forEach(reporter.emit) };
}

describe("a quick build", () => {
  test("is the same lines as in a pipe, written once, with no cursor moved", async () => {
    const { screen, emit, pass } = terminal();
    emit(started, starts("prepare"));
    await pass(120);
    emit(finishes("prepare"), starts("generate"));
    await pass(300);
    emit(
      finishes("generate", { tookMs: 300, reasons: moreSamples }),
      ends({ counts: { computed: 2, cached: 0, fresh: 0 } }),
    );
    await pass(2000);
    expect(`\n${screen.raw}`).toBe(`
run default · peptides · configs/default.yaml
prepare   computed   0.1 s  new: no earlier result in this run
generate  computed   0.3 s  config generate.samples: 50 → 100
done in 4.2 s: 2 computed
`);
  });
});

describe("a long build", () => {
  async function halfway(options: Parameters<typeof terminal>[0] = {}) {
    const rig = terminal(options);
    rig.emit(started, starts("generate", { items: 1000, due: 950 }), starts("embed", { expectedMs: 40_000 }));
    await rig.pass(1000);
    for (let item = 0; item < 200; item++) rig.emit(itemFinishes("generate", { costUsd: 0.002 }));
    await rig.pass(9000);
    return rig;
  }

  test("shows a bar for each running target", async () => {
    const { screen } = await halfway();
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/default.yaml
generate  ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  250/1,000  20/s  38 s left  $0.40
embed     ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  10 s  30 s left
`);
    expect(screen.isCursorShown).toBe(false);
  });

  test("says above its bars what was spent of what may be, and takes that away with them", async () => {
    const { screen, emit, pass } = terminal();
    const spent = (spentUsd: number): Event => ({ kind: "spent", spentUsd, maxUsd: 5 });
    emit(started, spent(0), starts("generate", { items: 1000, due: 950 }));
    await pass(1000);
    emit(spent(1.23));
    await pass(1000);
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/default.yaml
spent $1.23 of $5.00
generate  ━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  50/1,000
`);
    const unpaid = everyEvent["target-unaffordable"];
    emit({ ...unpaid, target: "generate", items: 1000, remaining: 900 });
    emit(ends({ outcome: "unaffordable", spentUsd: 4.8, maxUsd: 5, counts: { computed: 50, cached: 0, fresh: 50 } }));
    await pass(5000);
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/default.yaml
generate  unpaid            100 of 1,000 items finished, 900 remain · $4.80
  why    a call costs up to $0.50, and $0.20 is left of the $5.00 that the build
         may spend
stopped for want of money after 4.2 s: generate is not paid for; 900 items
  remain; 50 computed, 50 fresh; spent $4.80 of $5.00
what is finished is kept, and not paid for again: exp build --max-usd MORE goes
  on from here
`);
    expect([screen.isCursorShown, screen.isWrapping]).toEqual([true, true]);
  });

  test("writes finished targets above the bars", async () => {
    const { screen, emit, pass } = await halfway();
    emit(finishes("quick", { tookMs: 3 }), finishes("embed", { tookMs: 10_000 }));
    await pass(10_000);
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/default.yaml
quick     computed    3 ms  new: no earlier result in this run
embed     computed    10 s  new: no earlier result in this run
generate  ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  250/1,000  10/s  75 s left  $0.40
`);
  });

  test("leaves lines only, a shown cursor and a wrapping terminal when it ends", async () => {
    const { screen, emit, pass, interrupts } = await halfway();
    emit(
      finishes("embed", { tookMs: 10_000 }),
      finishes("generate", { tookMs: 10_000 }),
      ends({ reports: ["report.html"] }),
    );
    await pass(5000);
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/default.yaml
embed     computed    10 s  new: no earlier result in this run
generate  computed    10 s  1,000 items · new: no earlier result in this run
done in 4.2 s: nothing computed
report: report.html
`);
    expect([screen.isCursorShown, screen.isWrapping, interrupts.length]).toEqual([true, true, 0]);
  });

  test("gives the screen back when it is interrupted and draws no bar after that", async () => {
    const { screen, emit, pass, interrupts } = await halfway();
    interrupts[0]!();
    expect(`\n${screen.text()}`).toBe("\nrun default · peptides · configs/default.yaml\n");
    expect([screen.isCursorShown, screen.isWrapping]).toEqual([true, true]);
    emit(starts("late"));
    await pass(5000);
    emit(ends({ outcome: "interrupted" }));
    expect(screen.text()).toContain("interrupted after 4.2 s");
    expect(screen.raw.slice(screen.raw.lastIndexOf("\u001b[?25h"))).not.toContain("\u001b[?25l");
  });

  test("gives the screen back on a signal that somebody else has heard too, and leaves the end to them", async () => {
    const { screen } = await halfway({ onProcessEnd: undefined });
    const listeners = process.listenerCount("SIGHUP");
    let heard = 0;
    process.prependOnceListener("SIGHUP", () => void heard++);
    // A second listener, so that the signal is not sent again although the first is gone by now.
    const other = (): void => void heard++;
    process.on("SIGHUP", other);
    process.emit("SIGHUP", "SIGHUP");
    process.off("SIGHUP", other);
    expect([heard, screen.isCursorShown, screen.isWrapping]).toEqual([2, true, true]);
    expect(process.listenerCount("SIGHUP")).toBe(listeners - 1);
  });

  test("can be closed at any time, more than once", async () => {
    const { screen, reporter } = await halfway();
    reporter.close();
    reporter.close();
    expect([screen.isCursorShown, screen.isWrapping]).toEqual([true, true]);
  });

  test("a bar comes back after a pause without bars", async () => {
    const { screen, emit, pass } = await halfway();
    emit(finishes("embed"), finishes("generate"), starts("judge"));
    await pass(2000);
    expect(screen.text().split("\n").at(-2)).toBe("judge     2 s");
    emit(finishes("judge"), ends());
    expect([screen.isCursorShown, screen.isWrapping]).toEqual([true, true]);
  });

  test("more targets than the screen has rows leave the rest without a bar", async () => {
    const { screen, emit, pass } = terminal({ rows: 5 });
    emit(started, ...["a", "b", "c", "d", "e"].map((name) => starts(name)));
    await pass(3000);
    expect(screen.text().trimEnd().split("\n").slice(1)).toEqual(["a         3 s", "b         3 s", "c         3 s"]);
    emit(finishes("a"));
    await pass(1000);
    expect(screen.text().trimEnd().split("\n").slice(2)).toEqual(["b         4 s", "c         4 s", "d         4 s"]);
  });

  test("a narrow terminal wraps neither bars nor rows, and folds sentences", async () => {
    const { screen, emit, pass } = await halfway({ columns: 40, palette: pc.createColors(true) });
    emit(
      finishes("generate", { counts: { computed: 950, cached: 50, fresh: 0 } }),
      everyEvent["target-waits"],
      everyEvent.warning,
    );
    await pass(1000);
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/defaul…
generate  computed   0.1 s  1,000 items…
rate      waits             an answer i…
  what   Rate 20 pairs
  where  runs/default/rate/ratings.csv
  how    Fill the column verdict with A
         or B
  then   exp build
warning: configs/default.yaml is gone:
  its last reading is used
embed     ━━━╌╌╌╌╌╌╌╌╌  11 s  29 s left
`);
  });

  test("a terminal that does not know its size is taken for a usual one", async () => {
    const screen = createScreen();
    const { emit, pass } = terminal({ stream: { columns: 0, rows: 0, write: (text) => screen.write(text) } });
    emit(started, starts("generate", { items: 10, due: 10 }));
    await pass(3000);
    expect(`\n${screen.text()}`).toBe(`
run default · peptides · configs/default.yaml
generate  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0/10
`);
  });

  test("a long line above the bars wraps instead of being cut", async () => {
    const { screen, emit, pass } = await halfway({ columns: 40 });
    emit({ kind: "log", target: "embed", label: undefined, text: `see ${"x".repeat(50)}` });
    await pass(1000);
    expect(screen.text().split("\n").slice(1, 3)).toEqual([`embed: see ${"x".repeat(29)}`, "x".repeat(21)]);
    expect(
      screen
        .text()
        .split("\n")
        .slice(3, 5)
        .map((line) => line.slice(0, 8).trimEnd()),
    ).toEqual(["generate", "embed"]);
  });
});

describe("a bar", () => {
  const running: Running = {
    target: "generate",
    startedAt: 0,
    reasons: [],
    expectedMs: undefined,
    items: 10_000,
    due: 10_000,
    ready: 1234,
    computed: 1234,
    costUsd: 12.4,
    elsewhere: undefined,
    isAnnounced: false,
  };
  const draw = (width: number, fields: Partial<Running> = {}): string =>
    paint(barOf({ ...running, ...fields }, { width, nameWidth: 8, now: 100_000 }), noColours);

  test("gives up what matters least where the screen is narrow", () => {
    expect([90, 70, 50, 40, 30].map((width) => draw(width))).toEqual([
      "generate  ━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  1,234/10,000  12/s  12 min left  $12.40",
      "generate  ━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  1,234/10,000  12/s  12 min left  $12.40",
      "generate  1,234/10,000  12/s  12 min left  $12.40",
      "generate  ╌╌╌╌╌╌╌╌  1,234/10,000  $12.40",
      "generate  1,234/10,000  $12.40",
    ]);
  });

  test("never exceeds its width", () => {
    for (let width = 20; width < 120; width++) {
      expect(widthOf(draw(width, { target: "ein-sehr-langer-name-für-分析" }))).toBeLessThanOrEqual(width);
    }
  });

  test("tells slow items by the minute or hour", () => {
    expect(draw(90, { computed: 10, ready: 10 })).toContain("6.0/min");
    expect(draw(90, { computed: 1, ready: 1, startedAt: -100_000 })).toContain("18.0/h");
  });
});

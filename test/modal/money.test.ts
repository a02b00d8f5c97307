// What containers cost, and what a build may spend: pure, and never more than was said.

import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { Budget, type Reservation } from "../../src/backends/executors/remote/budget.ts";
import { listPrices, pricesWith, usdPerSecond } from "../../src/backends/executors/modal/prices.ts";

const small = { cpu: 1, memoryMiB: 1024, gpu: undefined, regions: [] };

describe("prices", () => {
  test("a container costs its processors, its memory and its GPUs", () => {
    const { cpu, memory, gpu } = listPrices;
    expect(usdPerSecond(small, listPrices)).toEqual({ ok: true, value: cpu + memory });
    const large = { ...small, cpu: 4, memoryMiB: 8192, gpu: { kind: "h100", count: 2 } };
    expect(usdPerSecond(large, listPrices)).toEqual({ ok: true, value: 4 * cpu + 8 * memory + 2 * gpu.H100! });
    // An hour of an H100 with a core and a GiB.
    const hour = usdPerSecond({ ...small, gpu: { kind: "H100", count: 1 } }, listPrices);
    expect(hour.ok && hour.value * 3600).toBeCloseTo(4.115, 3);
  });

  test("what has no price is told with the line that it lacks, all of it together", () => {
    const asked = { ...small, gpu: { kind: "B300", count: 1 }, regions: ["us-east", "eu"] };
    expect(usdPerSecond(asked, listPrices)).toEqual({
      ok: false,
      error: ["gpu: { B300: … }", 'regions: { "us-east": … }', "regions: { eu: … }"],
    });
    // No name is a price because objects have such a member.
    expect(usdPerSecond({ ...small, gpu: { kind: "constructor", count: 1 } }, listPrices).ok).toBe(false);
  });

  test("a user's own prices count over the table, whatever case they are written in", () => {
    const own = { cpu: 1, gpu: { b300: 5 }, regions: { eu: 2, us: 1.25 } };
    const table = pricesWith(own);
    expect(usdPerSecond({ cpu: 1, memoryMiB: 0, gpu: { kind: "B300", count: 2 }, regions: [] }, table)).toEqual({
      ...{ ok: true, value: 11 },
    });
    // It may come to run in the dearer one.
    expect(usdPerSecond({ cpu: 1, memoryMiB: 0, gpu: undefined, regions: ["us", "eu"] }, table)).toEqual({
      ...{ ok: true, value: 2 },
    });
    expect(table.gpu.H100).toBe(listPrices.gpu.H100);
  });
});

describe("a budget", () => {
  test("lets nobody reserve what others have reserved or spent, and gives back what was not spent", () => {
    const budget = new Budget(10);
    const first = budget.reserve(6)!;
    expect(budget.reserve(5)).toBe(undefined);
    expect(budget.isExhausted).toBe(false);
    expect(budget.leftUsd).toBe(4);
    first.note(2);
    expect([budget.spentUsd, budget.leftUsd]).toEqual([2, 4]);
    first.settle(3);
    first.settle(6);
    expect([budget.spentUsd, budget.leftUsd]).toEqual([3, 7]);
    budget.add(7);
    expect(budget.leftUsd).toBe(0);
    expect(budget.reserve(0.01)).toBe(undefined);
    expect(budget.isExhausted).toBe(true);
  });

  test("is told what came to more than was reserved, and is then over", () => {
    const budget = new Budget(1);
    budget.reserve(0.5)!.settle(2);
    expect([budget.spentUsd, budget.leftUsd]).toEqual([2, 0]);
  });

  test("gives many equal spenders less each, rather than some of them all", () => {
    expect(new Budget(100).share(10, 4, 1)).toEqual({ count: 10, usdEach: 4 });
    expect(new Budget(20).share(10, 4, 1)).toEqual({ count: 10, usdEach: 2 });
    expect(new Budget(5).share(10, 4, 1)).toEqual({ count: 5, usdEach: 1 });
    expect(new Budget(0.5).share(10, 4, 1)).toEqual({ count: 0, usdEach: 0 });
    expect(new Budget(0.5).share(10, 0.2, 1)).toEqual({ count: 2, usdEach: 0.2 });
    expect(new Budget().share(10, 4, 1)).toEqual({ count: 10, usdEach: 4 });
    expect(new Budget(0).share(3, 0, 0)).toEqual({ count: 3, usdEach: 0 });
  });

  test("without a limit counts only", () => {
    const budget = new Budget();
    budget.reserve(1e6)!.settle(12);
    expect([budget.spentUsd, budget.leftUsd, budget.isExhausted]).toEqual([12, Infinity, false]);
  });

  test("wakes who waits for money when some comes free, and at once when none will", async () => {
    const budget = new Budget(1);
    const never = new AbortController();
    await budget.whenFreed(never.signal);
    const open = budget.reserve(1)!;
    let isAwake = false;
    const waiting = budget.whenFreed(never.signal).then(() => (isAwake = true));
    await Promise.resolve();
    expect(isAwake).toBe(false);
    open.settle(0);
    await waiting;
    const last = budget.reserve(1)!;
    const cut = budget.whenFreed(never.signal);
    never.abort();
    await cut;
    last.settle(1);
  });

  test("is never overspent, whoever shares, reserves, spends less and dies", () => {
    const act = fc.record({
      spenders: fc.integer({ min: 1, max: 50 }),
      usdEach: fc.double({ min: 0.001, max: 5, noNaN: true }),
      least: fc.double({ min: 0, max: 2, noNaN: true }),
      used: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100, noNaN: true }), fc.array(act, { maxLength: 20 }), (max, acts) => {
        const budget = new Budget(max);
        const open: Reservation[] = [];
        for (const { spenders, usdEach, least, used } of acts) {
          const { count, usdEach: each } = budget.share(spenders, usdEach, least);
          for (let n = 0; n < count; n++) {
            const reservation = budget.reserve(each);
            expect(reservation).not.toBe(undefined);
            open.push(reservation!);
          }
          for (const part of used) open.shift()?.settle(part * each);
        }
        // The driver dies: all that is open is spent to the last cent.
        for (const one of open) one.settle(one.usd);
        expect(budget.spentUsd).toBeLessThanOrEqual(max + 1e-6);
      }),
    );
  });
});

// What containers cost.

import { describe, expect, test } from "vitest";
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
      error:
        'nobody has said what it costs at Modal, dollars a second: modal: { prices: { gpu: { B300: … }, regions: { "us-east": …, eu: … } } } (exp brings prices of 2026-10-08, from https://modal.com/pricing)',
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

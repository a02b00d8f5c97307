// What the benchmark computes of Modal: the simulation of many containers, the limits, the prices, the part of docs/scale.md about it.

import { describe, expect, test } from "vitest";
import { EventQueue } from "../bench/event-queue.ts";
import { figuresOf, isReached, parts, type Part, type Results } from "../bench/figures.ts";
import type { AtModal, Limited, ModalCrash, ModalSample } from "../bench/modal.ts";
import { modalSection } from "../bench/modal-section.ts";
import { simulate, type ModalModel } from "../bench/modal-simulation.ts";
import { firstOf, limitsOf, measuredOf, modalPlan, modelOf, priceOf, wantedBatch } from "../bench/scale-modal.ts";
import { listPrices } from "../src/backends/executors/modal/prices.ts";

test("what is to happen happens in the order of its time, and of two at once the first that was told", () => {
  const events = new EventQueue();
  const happened: string[] = [];
  const note = (seconds: number, name: string) =>
    events.after(seconds, () => void happened.push(`${name} ${events.now}`));
  for (const [seconds, name] of [
    [5, "e"],
    [1, "a"],
    [3, "c"],
    [3, "d"],
    [2, "b"],
    [9, "f"],
  ] as const)
    note(seconds, name);
  events.after(4, () => note(0.5, "later"));
  events.run();
  expect(happened).toEqual(["a 1", "b 2", "c 3", "d 3", "later 4.5", "e 5", "f 9"]);
});

describe("the simulation", () => {
  /** Everything takes no time but the items; nothing befalls anybody. */
  const ideal: ModalModel = {
    ...{ items: 1000, itemSeconds: 2, batch: 10, gpus: 10, parallel: 10, poll: 0.5 },
    ...{ containerSeconds: 0, driverItemSeconds: 0, containerRequests: 5, listedFileSeconds: 0 },
    ...{ createsPerSecond: 1e9, lifetimeSeconds: 86_400, callsAtOnce: 20, transfersAtOnce: 8, tellSeconds: 1 },
    ...{ logSeconds: 55, startSeconds: [0, 0], requestSeconds: 1e-6, commitSeconds: 0, preemptionsPerHour: 0 },
    ...{ containersInPage: 20, filesOfItem: 0 },
  };

  test("without any loss takes the time of the items, and the looks between two containers", () => {
    const { seconds, containers, containerSeconds, messages, itemsAgain } = simulate(ideal);
    expect([containers, messages, itemsAgain]).toEqual([100, 1000, 0]);
    expect(containerSeconds).toBeCloseTo(2000, 6);
    // Ten rounds of 20 s; after each the driver looks within half a second.
    expect(seconds).toBeGreaterThanOrEqual(200);
    expect(seconds).toBeLessThan(200 + 10 * 0.51);
  });

  test("is the same for the same seed, and another for another", () => {
    const model = { ...ideal, preemptionsPerHour: 60, startSeconds: [1, 9] } as const;
    expect(simulate(model, 7)).toEqual(simulate(model, 7));
    expect(simulate(model, 7).seconds).not.toBe(simulate(model, 8).seconds);
  });

  test("tells items that are shorter than a second together", () => {
    const { messages, containers } = simulate({ ...ideal, itemSeconds: 0.1, batch: 100 });
    expect(containers).toBe(10);
    // Of 10 s of work each, one a second, and the first item at once.
    expect(messages).toBe(10 * 11);
  });

  test("begins no more containers a second than are allowed, and no more at once than there are GPUs", () => {
    const model = { ...ideal, items: 100, batch: 1, parallel: 100, gpus: 3, createsPerSecond: 0.5 };
    const { seconds, mostContainers, mostCreatesPerSecond } = simulate(model);
    expect(mostContainers).toBeLessThanOrEqual(3);
    expect(mostCreatesPerSecond).toBeCloseTo(0.5, 9);
    expect(seconds).toBeGreaterThanOrEqual(99 / 0.5);
  });

  test("what was not told when a container is taken back is done again, and nothing that was", () => {
    const { preempted, containers, itemsAgain, containerSeconds } = simulate({
      ...{ ...ideal, preemptionsPerHour: 120, batch: 50 },
    });
    expect(preempted).toBeGreaterThan(10);
    expect(containers).toBe(20 + preempted);
    // One item at most is under way, and is told as soon as it is done.
    expect(itemsAgain).toBe(preempted);
    expect(containerSeconds).toBeGreaterThan(2000);
    expect(containerSeconds).toBeLessThan(2000 + preempted * 2);
  });

  test("what does not fit into the lifetime of a container goes on in another", () => {
    const { outlived, containers, itemsAgain } = simulate({ ...ideal, items: 100, batch: 100, lifetimeSeconds: 61 });
    expect([outlived, containers, itemsAgain]).toEqual([3, 4, 3]);
  });

  test("a driver that reads more slowly than is told falls behind", () => {
    const slow = simulate({ ...ideal, requestSeconds: 5 });
    expect(slow.busy).toBeGreaterThan(0.9);
    expect(simulate(ideal).busy).toBeLessThan(0.01);
    expect(slow.lagSeconds).toBeGreaterThan(5);
  });
});

describe("limits", () => {
  const measured = measuredOf(madeUp())!;

  test("constants come from what was measured: of the smallest containers, without looks and what is read", () => {
    expect(measured.containerSeconds).toBe(1.5);
    expect(measured.driverItemSeconds).toBeCloseTo(2e-5, 9);
    expect(measured.containerRequests).toBeCloseTo(6, 6);
    expect(measured.listedFileSeconds).toBeCloseTo(1e-5, 12);
  });

  test("the one of which there is the least left is the first", () => {
    const model = modelOf(measured, { itemSeconds: 1, batch: 1000, poll: 10 });
    const calm = { ...simulate({ ...model, items: 1000 }), containers: 1, seconds: 10, busy: 0.5, mostContainers: 500 };
    expect(firstOf(limitsOf(measured, { ...model, items: 1000 }, calm)).what).toBe(
      "time of the driver that goes into looks",
    );
    const busy = { ...calm, containers: 190 };
    expect(firstOf(limitsOf(measured, { ...model, items: 1000 }, busy)).what).toContain("beginnings of containers");
  });

  test("batches are of half an hour, and two for each GPU", () => {
    expect(wantedBatch(1_000_000, 10)).toBe(180);
    expect(wantedBatch(1_000_000, 0.1)).toBe(1000);
    expect(wantedBatch(10, 3600)).toBe(1);
  });

  test("a second costs what the dated table says", () => {
    expect(priceOf("H100")).toBeCloseTo(listPrices.gpu.H100! + listPrices.cpu + listPrices.memory, 12);
    expect(() => priceOf("B300")).toThrow();
  });
});

describe("pages", () => {
  test("the plan names its inputs, what it comes to, and the limit that is met first", () => {
    const text = modalPlan(partOf(madeUp()));
    expect(text).toContain("| a container beside its items | 1.5 s | measured |");
    expect(text).toContain("| a request, there and back | 50 ms | taken |");
    expect(text).toContain(`of Modal's public list of ${listPrices.asOf}`);
    expect(text).toMatch(/\| dollars, H100 \| [\d,]+ \| [\d,]+ \| [\d,]+ \| [\d,]+ \|/);
    expect(text).toMatch(/\| \*\*[^|]+\*\* \|/);
    expect(text).not.toMatch(/undefined|NaN|Infinity/);
    expect(modalPlan(undefined)).toContain("has not been measured yet");
  });

  test("the page of benchmarks tells overheads, requests by name, and what a crash came to", () => {
    const text = modalSection(partOf(madeUp()));
    expect(text).toContain("| Modal | 2.0 s | 20 µs | 400 ms |");
    expect(text).toContain("| SandboxCreate | 0 | 0 | 1.0 |");
    expect(text).toContain("| told and computed twice | 0 |");
    expect(text).toContain("| container seconds, and their price | 100 s, $0.0300 |");
    expect(text).not.toMatch(/undefined|NaN|Infinity/);
    expect(modalSection(partOf({ ...madeUp(), missing: "bubblewrap" }))).toContain("(bubblewrap is missing)");
  });

  test("something finished that was computed twice, or more that was spent than allowed, is not what is wanted", () => {
    const wordOf = (crash: Partial<ModalCrash>, limited?: Limited) =>
      figuresOf(resultsOf(partOf({ ...madeUp(), crash: { ...crashed, ...crash }, limited })))
        .filter(({ what }) => /Modal|dollars/.test(what))
        .map(isReached);
    expect(wordOf({})).toEqual([true]);
    expect(wordOf({ twice: 1 })).toEqual([false]);
    const limited = { items: 100, finished: 40, maxUsd: 0.03, paid: { containers: 4, seconds: 90, usd: 0.03 } };
    expect(wordOf({}, limited)).toEqual([true, true]);
    expect(wordOf({}, { ...limited, maxUsd: 0.02 })).toEqual([true, false]);
    expect(modalSection(partOf({ ...madeUp(), limited }))).toContain("| allowed (--max-usd) | $0.0300 |");
  });
});

const crashed: ModalCrash = {
  ...{ items: 100, containers: 12, struck: 3, begun: 50, finished: 40, twice: 0, again: 4, seconds: 9 },
  spend: { paid: { containers: 12, seconds: 100, usd: 0.03 }, inResultsUsd: 0.01 },
};

function partOf(modal: AtModal): Part {
  const when = { date: "2026-01-01", commit: "abcdef0", load: 0, minutes: 1 };
  return { name: parts.modal, machine: "a machine", ...when, modal };
}

function resultsOf(part: Part): Results {
  return { largeMib: 1, fileCount: 1, itemCount: 1, parts: [part] };
}

/** As constants would have it that are round. */
function madeUp(): AtModal {
  const shapes = [
    { items: 1000, batches: 1 },
    { items: 1000, batches: 8 },
    { items: 1000, batches: 40 },
    { items: 20_000, batches: 8 },
  ];
  const samples = shapes.map(({ items, batches }): ModalSample => {
    const seconds = 2 + 2e-5 * items + 0.4 * batches;
    return {
      ...{ items, batches, seconds: [seconds + 0.05], idle: [0.05], bare: [0.1 * batches] },
      containerSeconds: batches === 40 ? 1.5 : 9,
      peakMib: 150 + 0.004 * items,
      syncs: 30 + 2 * batches,
      traffic: {
        requests: {
          ...{ AppGetOrCreate: 1, SandboxCreate: batches, SandboxWait: 5 * batches },
          ...{ SandboxListV2: 10 + batches, VolumeListFiles2: 10 + batches, VolumeGetFile2: 2 * batches },
        },
        ...{ puts: 10 + batches, gets: 2 * batches, bytesPut: 1e6, bytesGot: 300 * items, commits: 2 * batches },
      },
      onVolume: { files: 10 + 2 * batches, bytes: 1e6 + 300 * items },
      kept: { files: 40, bytes: 1000 * items },
    };
  });
  const list = { files: 20_000, seconds: 0.2 };
  const measured = { samples, list, longestArgv: 900, crash: crashed, limited: undefined };
  return { missing: undefined, parallel: 4, poll: 0.5, gpu: "L4", ...measured };
}

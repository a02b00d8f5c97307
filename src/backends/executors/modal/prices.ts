// What a second of a container costs. The table is of a day and from public lists; whoever has other terms says so in `modal: { prices }`.
// What has no price is a problem that is told, never nothing.

import type { ModalPrices } from "../../../api/modal.ts";
import { fail, ok, type Result } from "../../../util/result.ts";

/** Dollars a second. */
export interface PriceTable {
  /** The day of which the table is, and whose it is. */
  readonly asOf: string;
  readonly source: string;
  /** A core; Modal counts physical ones. */
  readonly cpu: number;
  /** A GiB. */
  readonly memory: number;
  readonly gpu: Readonly<Record<string, number>>;
  /** What everything is multiplied with where a region is asked for. */
  readonly regions: Readonly<Record<string, number>>;
}

/**
 * Sandboxes pay three times as much for processors and memory as functions do. Which factor a region takes is told differently in different places, from
 * 1.15 to 2.5: whoever asks for one has to say it.
 */
export const listPrices: PriceTable = {
  asOf: "2026-10-08",
  source: "https://modal.com/pricing",
  cpu: 0.000_039_42,
  memory: 0.000_006_67,
  gpu: {
    T4: 0.000_164,
    L4: 0.000_222,
    A10: 0.000_306,
    A10G: 0.000_306,
    L40S: 0.000_542,
    A100: 0.000_583,
    "A100-40GB": 0.000_583,
    "A100-80GB": 0.000_694,
    "RTX-PRO-6000": 0.000_842,
    H100: 0.001_097,
    "H100!": 0.001_097,
    H200: 0.001_261,
    B200: 0.001_736,
  },
  regions: {},
};

export function pricesWith(own: ModalPrices | undefined, table: PriceTable = listPrices): PriceTable {
  if (own === undefined) return table;
  return {
    ...table,
    ...(own.cpu !== undefined && { cpu: own.cpu }),
    ...(own.memory !== undefined && { memory: own.memory }),
    gpu: { ...table.gpu, ...upperCased(own.gpu) },
    regions: { ...table.regions, ...own.regions },
  };
}

/** What a container is given, as far as it is paid for. */
export interface Priced {
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly gpu: { readonly kind: string; readonly count: number } | undefined;
  readonly regions: readonly string[];
}

/** A second of it; or what the settings lack, in words. Use beyond what was asked for costs more: containers are limited to it. */
export function usdPerSecond({ cpu, memoryMiB, gpu, regions }: Priced, table: PriceTable): Result<number, string> {
  const unpriced: string[] = [];
  const gpuPrice = gpu === undefined ? 0 : priceOf(table.gpu, gpu.kind.toUpperCase());
  if (gpuPrice === undefined) unpriced.push(`gpu: { ${quoted(gpu!.kind)}: … }`);
  const factors = regions.map((region) => priceOf(table.regions, region));
  const without = regions.filter((_, n) => factors[n] === undefined).map((region) => `${quoted(region)}: …`);
  if (without.length > 0) unpriced.push(`regions: { ${without.join(", ")} }`);
  if (unpriced.length > 0)
    return fail(
      `nobody has said what it costs at Modal, dollars a second: modal: { prices: { ${unpriced.join(", ")} } } (exp brings prices of ${table.asOf}, from ${table.source})`,
    );
  // It may come to run in any of them.
  const factor = Math.max(1, ...factors.map((one) => one!));
  return ok((cpu * table.cpu + (memoryMiB / 1024) * table.memory + (gpu?.count ?? 0) * gpuPrice!) * factor);
}

function priceOf(prices: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(prices, name) ? prices[name] : undefined;
}

function upperCased(prices: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(prices).map(([kind, price]) => [kind.toUpperCase(), price]));
}

function quoted(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name);
}

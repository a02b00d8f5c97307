// Dollars as people read them, and as they write them.

/** `$0`, `$0.0123`, `$0.50`, `$12.40`, `$1,234.00`. Below a dollar three digits count, down to a hundredth of a cent. */
export function formatMoney(usd: number): string {
  if (usd < 0) return `−${formatMoney(-usd)}`;
  if (usd === 0) return "$0";
  if (usd < 0.00005) return "under $0.0001";
  if (usd >= 0.9995) return `$${usd.toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ",")}`;
  const decimals = Math.min(4, Math.max(2, 2 - Math.floor(Math.log10(usd))));
  return `$${usd.toFixed(decimals).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

/** `5`, `0.25`, `$5`; undefined: no amount that could be spent. */
export function readMoney(text: string): number | undefined {
  return /^\$?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) ? Number(text.replace("$", "")) : undefined;
}

/** Whether it is a number of dollars: recipes say what they like. */
export function isMoney(usd: unknown): usd is number {
  return typeof usd === "number" && Number.isFinite(usd) && usd >= 0;
}

// Durations, money, counts, sizes and times as people read them. The same on every machine: no locale is asked.

export { formatMoney } from "../util/money.ts";

/** `85 ms`, `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 100) return `${whole} ms`;
  const tenths = Math.round(whole / 100);
  if (tenths < 100) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(whole / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${formatCount(Math.floor(hours / 24))} d ${twoDigits(hours % 24)} h`;
}

/** An expectation, no more exact than it can be: `under 1 s`, `12 s`, `4 min`, `2 h`, `2.5 h`, `3 d`. */
export function formatRoughDuration(ms: number): string {
  if (ms < 950) return "under 1 s";
  const seconds = Math.round(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const halfHours = Math.round(minutes / 30);
  if (halfHours < 2 * 48) return `${halfHours / 2} h`;
  return `${formatCount(Math.round(halfHours / 48))} d`;
}

/** The same in a sentence: `under 1 s`, `about 12 s`. */
export function formatAbout(ms: number): string {
  const rough = formatRoughDuration(ms);
  return rough.startsWith("under") ? rough : `about ${rough}`;
}

/** `1,234`, `−5`. */
export function formatCount(count: number): string {
  const digits = Math.abs(Math.round(count)).toString();
  return (count < 0 && digits !== "0" ? "−" : "") + digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 item`, `1,000 items`; `plural` for words that need one of their own. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** `512 B`, `1.2 KiB`, `34 MiB`: powers of 1,024, two digits or more. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let size = bytes;
  let unit = 0;
  while (unit < units.length - 1 && Math.round(size * 10) >= 10240) {
    size /= 1024;
    unit += 1;
  }
  if (unit === 0) return `${formatCount(size)} B`;
  return `${Math.round(size * 10) < 100 ? size.toFixed(1) : formatCount(size)} ${units[unit]}`;
}

/** `just now`, `12 s ago`, `3 min ago`, `5 h ago`, `12 days ago`; later the date. A clock that ran ahead shows the date and time. */
export function formatAgo(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1000);
  if (seconds < -60) return formatDateTime(at);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 60 * 86400) return `${Math.floor(seconds / 86400)} days ago`;
  return formatDateTime(at).slice(0, 10);
}

/** `2026-11-20 10:12` on the wall clock of whoever reads it. */
export function formatDateTime(at: number): string {
  const date = new Date(at);
  const day = `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
  return `${day} ${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

function twoDigits(number: number): string {
  return number.toString().padStart(2, "0");
}

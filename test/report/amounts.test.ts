import { describe, expect, test } from "vitest";
import {
  countOf,
  formatAgo,
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatMoney,
  formatAbout,
  formatRoughDuration,
} from "../../src/report/amounts.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("durations", () => {
  test.each([
    [0, "0 ms"],
    [85.4, "85 ms"],
    [99.6, "0.1 s"],
    [400, "0.4 s"],
    [9949, "9.9 s"],
    [9960, "10 s"],
    [12_300, "12 s"],
    [59_400, "59 s"],
    [59_600, "1 min 00 s"],
    [200 * SECOND, "3 min 20 s"],
    [HOUR - 400, "1 h 00 min"],
    [2 * HOUR + 5 * MINUTE, "2 h 05 min"],
    [3 * DAY + 4 * HOUR, "3 d 04 h"],
    [-5, "0 ms"],
  ])("%d ms reads %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    [200, "under 1 s"],
    [12_300, "12 s"],
    [89 * SECOND, "89 s"],
    [230 * SECOND, "4 min"],
    [2 * HOUR, "2 h"],
    [2.4 * HOUR, "2.5 h"],
    [3 * DAY, "3 d"],
  ])("an expectation of %d ms reads %s", (ms, text) => {
    expect(formatRoughDuration(ms)).toBe(text);
  });
});

test("an expectation in a sentence is about so much, or under it", () => {
  expect([200, 12_300].map(formatAbout)).toEqual(["under 1 s", "about 12 s"]);
});

test.each([
  [0, "$0"],
  [0.00001, "under $0.0001"],
  [0.0001, "$0.0001"],
  [0.0123, "$0.0123"],
  [0.01234567, "$0.0123"],
  [0.05, "$0.05"],
  [0.5, "$0.50"],
  [0.1234, "$0.123"],
  [0.9994, "$0.999"],
  [0.9996, "$1.00"],
  [1.2, "$1.20"],
  [12.4, "$12.40"],
  [1234.005, "$1,234.01"],
  [-2.5, "−$2.50"],
])("%d dollars read %s", (usd, text) => {
  expect(formatMoney(usd)).toBe(text);
});

test.each([
  [0, "0"],
  [999, "999"],
  [1234, "1,234"],
  [1_234_567, "1,234,567"],
  [-1234, "−1,234"],
])("the count %d reads %s", (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test("a noun follows its count", () => {
  expect([countOf(1, "item"), countOf(2000, "item"), countOf(0, "entry", "entries")]).toEqual([
    "1 item",
    "2,000 items",
    "0 entries",
  ]);
});

test.each([
  [512, "512 B"],
  [1023, "1,023 B"],
  [1024, "1.0 KiB"],
  [1234, "1.2 KiB"],
  [34 * 1024 * 1024, "34 MiB"],
  [1024 * 1024 - 1, "1.0 MiB"],
  [2.5 * 1024 ** 4, "2.5 TiB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

describe("times", () => {
  const now = new Date(2026, 10, 20, 10, 12).getTime();

  test.each([
    [0, "just now"],
    [12 * SECOND, "12 s ago"],
    [3 * MINUTE, "3 min ago"],
    [5 * HOUR, "5 h ago"],
    [12 * DAY, "12 days ago"],
    [-20 * SECOND, "just now"],
  ])("%d ms before now reads %s", (before, text) => {
    expect(formatAgo(now - before, now)).toBe(text);
  });

  test("long ago is a date, the future a date and time", () => {
    expect(formatAgo(new Date(2026, 0, 5, 9, 30).getTime(), now)).toBe("2026-01-05");
    expect(formatAgo(new Date(2026, 10, 21, 9, 30).getTime(), now)).toBe("2026-11-21 09:30");
  });

  test("a time is shown on the reader's own clock", () => {
    expect(formatDateTime(now)).toBe("2026-11-20 10:12");
  });
});

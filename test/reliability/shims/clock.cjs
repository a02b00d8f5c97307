// Preloaded into the program: another clock, for `Date` and for the times of files alike.
//
//   EXP_TEST_STEPS     "atMs:byMs,…": at the true moment `atMs` the clock was moved by `byMs`; files keep the time that it showed
//   EXP_TEST_TICK_MS   the granularity of the times of files
"use strict";

const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");

const steps = (process.env.EXP_TEST_STEPS ?? "")
  .split(",")
  .filter((step) => step !== "")
  .map((step) => step.split(":").map(Number))
  .map(([at, by]) => ({ at: BigInt(at) * 1_000_000n, by: BigInt(by) * 1_000_000n }));
const tick = BigInt(process.env.EXP_TEST_TICK_MS ?? 0) * 1_000_000n;

/** What the clock showed at the true time `ns`. */
function shown(ns) {
  let moved = ns;
  for (const { at, by } of steps) if (ns >= at) moved += by;
  return tick === 0n ? moved : moved - (moved % tick);
}
const shownMs = (ms) => Number(shown(BigInt(Math.floor(ms * 1000)) * 1000n) / 1_000_000n);

const RealDate = Date;
const realNow = Date.now.bind(Date);
const nowMs = () => {
  const true_ = realNow();
  return steps.reduce(
    (moved, { at, by }) => (true_ >= Number(at / 1_000_000n) ? moved + Number(by / 1_000_000n) : moved),
    true_,
  );
};
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [nowMs()] : args));
  }
  static now() {
    return nowMs();
  }
};

/** Times that a program set itself (utimes) lie outside of the test's minutes and are left as they are. */
function disguise(stat) {
  if (stat === undefined || stat === null) return stat;
  for (const name of ["mtime", "ctime", "atime"]) {
    if (typeof stat.size === "bigint") {
      const ns = shown(stat[`${name}Ns`]);
      stat[`${name}Ns`] = ns;
      stat[`${name}Ms`] = ns / 1_000_000n;
    } else stat[`${name}Ms`] = shownMs(stat[`${name}Ms`]);
  }
  return stat;
}
for (const name of ["statSync", "lstatSync", "fstatSync"]) {
  const real = fs[name];
  fs[name] = (...args) => disguise(real(...args));
}
syncBuiltinESMExports();

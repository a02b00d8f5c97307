// Whether somebody who fails is asked again, how long an answer is waited for, and what is said of it. By a clock of the test's.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Breaker } from "../../src/backends/store/breaker.ts";
import { Guard, type Request } from "../../src/backends/store/shared-guard.ts";

function makeBreaker() {
  const clock = { now: 0 };
  const breaker = new Breaker({ after: 3, restMs: 1000, now: () => clock.now });
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) breaker.failed();
  };
  return { breaker, clock, fail };
}

describe("a breaker", () => {
  test("opens after three failures in a row, and not before", () => {
    const { breaker, fail } = makeBreaker();
    fail(2);
    expect(breaker.mayAsk()).toBe(true);
    fail(1);
    expect(breaker.mayAsk()).toBe(false);
  });

  test("counts failures in a row only", () => {
    const { breaker, fail } = makeBreaker();
    fail(2);
    breaker.succeeded();
    fail(2);
    expect(breaker.mayAsk()).toBe(true);
  });

  test("after its rest lets one ask, and the others wait for how that ends", () => {
    const { breaker, clock, fail } = makeBreaker();
    fail(3);
    clock.now = 999;
    expect(breaker.mayAsk()).toBe(false);
    clock.now = 1000;
    expect([breaker.mayAsk(), breaker.mayAsk(), breaker.mayAsk()]).toEqual([true, false, false]);
    breaker.succeeded();
    expect([breaker.mayAsk(), breaker.mayAsk()]).toEqual([true, true]);
  });

  test("rests twice as long each time that its one question fails, up to a minute, and begins anew after a success", () => {
    const { breaker, clock, fail } = makeBreaker();
    fail(3);
    const restsOf = () => {
      const from = clock.now;
      while (!breaker.mayAsk()) clock.now += 500;
      return clock.now - from;
    };
    const rests: number[] = [];
    for (let i = 0; i < 8; i++) {
      rests.push(restsOf());
      breaker.failed();
    }
    expect(rests).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    restsOf();
    breaker.succeeded();
    fail(3);
    expect(restsOf()).toBe(1000);
  });

  test("takes many that fail together for one trouble", () => {
    const { breaker, clock, fail } = makeBreaker();
    fail(16);
    clock.now = 1000;
    expect(breaker.mayAsk()).toBe(true);
  });
});

describe("a guard", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function makeGuard() {
    const warnings: string[] = [];
    const open = () => new Breaker({ after: 3, restMs: 1000, now: () => Date.now() });
    const breakers = { reading: open(), writing: open() };
    const guard = new Guard({ who: "the place", breakers, warn: (text) => void warnings.push(text) });
    let asked = 0;
    const ask = <T>(act: Request<T>["act"], more: Partial<Request<T>> = {}) =>
      guard.ask<T>({
        ...{ way: "reading", what: "asked for results", patienceMs: 2000, ...more },
        act: (signal, alive) => {
          asked++;
          return act(signal, alive);
        },
      });
    return { guard, ask, warnings, asked: () => asked };
  }
  const refuse = () => Promise.reject(new Error("no"));
  const never = () => new Promise<never>(() => undefined);

  test("gives what was answered, and says nothing", async () => {
    const { ask, warnings } = makeGuard();
    expect(await ask(() => Promise.resolve("yes"))).toBe("yes");
    expect(warnings).toEqual([]);
  });

  test("asks no more after three failures, and once again after a rest", async () => {
    const { ask, asked } = makeGuard();
    for (let i = 0; i < 5; i++) expect(await ask(refuse)).toBeUndefined();
    expect(asked()).toBe(3);
    vi.advanceTimersByTime(1000);
    for (let i = 0; i < 5; i++) await ask(refuse);
    expect(asked()).toBe(4);
  });

  test("warns once for each kind of trouble", async () => {
    const { guard, ask, warnings } = makeGuard();
    for (let i = 0; i < 3; i++) await ask(refuse);
    for (let i = 0; i < 3; i++) await ask(refuse, { way: "writing", what: "given results" });
    for (let i = 0; i < 3; i++) guard.tell("unsigned", "not signed");
    expect(warnings).toEqual([
      "the shared cache the place, asked for results: no; this goes on without it",
      "the shared cache the place, given results: no; this goes on without it",
      "not signed",
    ]);
  });

  test("who may not write may read, and the other way round", async () => {
    const { ask } = makeGuard();
    for (let i = 0; i < 3; i++) await ask(refuse, { way: "writing" });
    expect(await ask(() => Promise.resolve(1), { way: "writing" })).toBeUndefined();
    expect(await ask(() => Promise.resolve(1))).toBe(1);
    const other = makeGuard();
    for (let i = 0; i < 3; i++) await other.ask(refuse);
    expect(await other.ask(() => Promise.resolve(1))).toBeUndefined();
    expect(await other.ask(() => Promise.resolve(1), { way: "writing" })).toBe(1);
  });

  test("gives up what says nothing, also where the signal is not heeded", async () => {
    const { ask, warnings } = makeGuard();
    let signal: AbortSignal | undefined;
    const answer = ask((given) => {
      signal = given;
      return never();
    });
    await vi.advanceTimersByTimeAsync(1999);
    expect(signal!.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toBeUndefined();
    expect(signal!.aborted).toBe(true);
    expect(warnings).toEqual([
      "the shared cache the place, asked for results: it said nothing for 2 s; this goes on without it",
    ]);
  });

  test("each sign of life puts the deadline off", async () => {
    const { ask, warnings } = makeGuard();
    let alive: (() => void) | undefined;
    let end: ((value: string) => void) | undefined;
    const answer = ask<string>((_, given) => {
      alive = given;
      return new Promise((resolve) => (end = resolve));
    });
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(1999);
      alive!();
    }
    end!("at last");
    expect(await answer).toBe("at last");
    expect(warnings).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("an attempt that was getting on is no failure, and closes what was half open", async () => {
    const { ask, asked, warnings } = makeGuard();
    for (let i = 0; i < 3; i++) await ask(refuse);
    vi.advanceTimersByTime(1000);
    expect(await ask(refuse, { isGettingOn: () => true })).toBeUndefined();
    expect(warnings.length).toBe(1);
    for (let i = 0; i < 5; i++) await ask(refuse, { isGettingOn: () => true });
    expect(asked()).toBe(9);
  });

  test("closed, it ends what is under way, says nothing of that, and asks nothing more", async () => {
    const { guard, ask, asked, warnings } = makeGuard();
    const answers = [ask(never), ask(never)];
    guard.close();
    expect(await Promise.all(answers)).toEqual([undefined, undefined]);
    expect(await ask(() => Promise.resolve(1))).toBeUndefined();
    expect([asked(), warnings, vi.getTimerCount()]).toEqual([2, [], 0]);
  });
});

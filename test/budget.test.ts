// What a build may spend: whoever spends sets it aside first, and paid calls wait for money or are refused. Never more than was said.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { Budget, type Reservation } from "../src/backends/executors/budget.ts";
import { UnaffordableCall, type CallTerms, type FoundCall, type Payment } from "../src/backends/executors/executor.ts";
import { Calls } from "../src/runs/calls.ts";
import { formatMoney, readMoney } from "../src/util/money.ts";

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

  test("takes what is under way already without asking, and then lends less", () => {
    const budget = new Budget(1);
    const adopted = budget.take(3);
    expect([budget.leftUsd, budget.spentUsd, budget.reservedUsd]).toEqual([0, 0, 3]);
    expect(budget.reserve(0.1)).toBe(undefined);
    expect(budget.isExhausted).toBe(false);
    adopted.settle(0.25);
    expect([budget.leftUsd, budget.spentUsd, budget.reservedUsd]).toEqual([0.75, 0.25, 0]);
  });

  test("counts what is no number of dollars as all that was set aside", () => {
    const budget = new Budget(10);
    for (const wrong of [NaN, -1, Infinity]) budget.reserve(2)!.settle(wrong);
    expect(budget.spentUsd).toBe(6);
    const open = budget.reserve(1)!;
    open.note(NaN);
    expect(budget.leftUsd).toBe(3);
  });

  test("serves those that wait in their order, lets smaller ones pass, and refuses them when nothing is open", async () => {
    const budget = new Budget(1);
    const [first, second] = [budget.reserve(0.6)!, budget.reserve(0.3)!];
    const told: string[] = [];
    const wait = (name: string, usd: number) =>
      budget.whenReserved(() => usd).then((given) => (told.push(`${name} ${given?.usd ?? "refused"}`), given));
    const [large, small] = [wait("large", 0.9), wait("small", 0.3)];
    second.settle(0.05);
    await Promise.resolve();
    expect(told).toEqual(["small 0.3"]);
    (await small)!.settle(0.04);
    await Promise.resolve();
    // All of the first may still come back; then not enough of it does.
    expect(told).toEqual(["small 0.3"]);
    first.settle(0.4);
    expect(await large).toBe(undefined);
    expect(budget.isExhausted).toBe(true);
  });

  test("refuses who waits as soon as all that may come back would not be enough", async () => {
    const budget = new Budget(1);
    const [first, idle] = [budget.reserve(0.8)!, budget.take(0)];
    expect(await budget.whenReserved(() => 1.1)).toBe(undefined);
    const waiting = budget.whenReserved(() => 0.5);
    first.note(0.5);
    const soon = new Promise((resolve) => setImmediate(() => resolve("waits")));
    expect(await Promise.race([waiting, soon])).toBe("waits");
    first.note(0.6);
    expect(await waiting).toBe(undefined);
    // What has nothing set aside gives nothing back.
    first.settle(0.6);
    expect(await budget.whenReserved(() => 0.5)).toBe(undefined);
    idle.settle(0);
  });

  test("forgets who waits and is gone", async () => {
    const budget = new Budget(1);
    const open = budget.reserve(1)!;
    const gone = new AbortController();
    const waiting = budget.whenReserved(() => 1, gone.signal);
    gone.abort();
    expect(await waiting).toBe(undefined);
    open.settle(0);
    expect(budget.hasNoneOpen).toBe(true);
  });

  test("tells who watches whenever something was spent, and only then", () => {
    const budget = new Budget(1);
    const seen: number[] = [];
    const forget = budget.onSpent(() => seen.push(budget.spentUsd));
    const open = budget.reserve(0.5)!;
    open.note(0.25);
    open.note(0.25);
    open.settle(0.25);
    budget.reserve(0.5)!.settle(0);
    budget.add(0.25);
    forget();
    budget.add(0.25);
    expect(seen).toEqual([0.25, 0.25, 0.5]);
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
          for (const part of used) {
            // Of what was set aside for it, which may have been less than for these.
            const one = open.shift();
            one?.settle(part * one.usd);
          }
        }
        // The driver dies: all that is open is spent to the last cent.
        for (const one of open) one.settle(one.usd);
        expect(budget.spentUsd).toBeLessThanOrEqual(max + 1e-6);
      }),
    );
  });
});

describe("dollars", () => {
  test.each([
    ["5", 5],
    ["0", 0],
    ["$2.50", 2.5],
    [".5", 0.5],
    ["1.", 1],
  ])("%s is an amount", (text, usd) => expect(readMoney(text)).toBe(usd));

  test.each(["", "$", ".", "-1", "1e3", "five", "1,000", "0x10", "NaN", "Infinity", "5 USD"])("%j is none", (text) =>
    expect(readMoney(text)).toBe(undefined),
  );

  test("are written with thousands apart", () => {
    expect([1234567.891, 999.995, 0.9996, 0.5].map(formatMoney)).toEqual([
      "$1,234,567.89",
      "$1,000.00",
      "$1.00",
      "$0.50",
    ]);
  });
});

describe("paid calls", () => {
  const now = 1_795_000_000_000;
  const day = 86_400_000;

  function desk(budget: Budget, { folder = newFolder(), toldAfterMs = 60_000 } = {}) {
    const warnings: string[] = [];
    const warn = (text: string) => void warnings.push(text);
    const money = { budget, spender: "the build", warn, toldAfterMs };
    const calls = new Calls(folder, { now: () => now, notBefore: 0, money });
    onTestFinished(() => calls.close());
    const payments = new Map<number, Payment>();
    const ask = async (n: number, terms?: CallTerms) => {
      const found = await calls.find({ n }, 0, terms);
      if ("payment" in found) payments.set(n, found.payment);
      return found;
    };
    const payment = (n: number) => payments.get(n)!;
    const pay = (n: number, costUsd: number) => payment(n).remember({ response: n, costUsd });
    return { calls, warnings, ask, pay, payment, folder };
  }

  function newFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), "exp-budget-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** What it has come to by now, without waiting for it. */
  async function stateOf(asked: Promise<FoundCall>): Promise<"paying" | "waiting" | "found" | "refused"> {
    const soon = new Promise<"waiting">((resolve) => setTimeout(() => resolve("waiting"), 5));
    return Promise.race([
      asked.then(
        (found) => ("payment" in found ? ("paying" as const) : ("found" as const)),
        (error: unknown) => {
          if (error instanceof UnaffordableCall) return "refused" as const;
          throw error;
        },
      ),
      soon,
    ]);
  }

  test("set aside what they may cost while they are asked, and give back what they did not", async () => {
    const budget = new Budget(1);
    const { ask, pay } = desk(budget);
    await ask(1, { maxUsd: 0.75 });
    expect([budget.leftUsd, budget.spentUsd]).toEqual([0.25, 0]);
    await pay(1, 0.25);
    expect([budget.leftUsd, budget.spentUsd]).toEqual([0.75, 0.25]);
  });

  test("that may cost more than is left are refused in words, when nothing is under way", async () => {
    const { ask, pay } = desk(new Budget(1));
    await ask(1, { maxUsd: 0.75 });
    await pay(1, 0.75);
    await expect(ask(2, { maxUsd: 0.5 })).rejects.toThrow(
      /^a call costs up to \$0\.50, and \$0\.25 is left of the \$1\.00 that the build may spend$/,
    );
    await expect(ask(3)).rejects.toThrow(
      "a call may cost $0.75, as the dearest of late did (maxUsd of a call says what it costs at most), and $0.25 is left",
    );
    // A refusal leaves nothing behind: a smaller one goes.
    expect(await stateOf(ask(2, { maxUsd: 0.25 }))).toBe("paying");
  });

  test("wait while something under way may give enough back", async () => {
    const { ask, pay, payment } = desk(new Budget(1));
    await ask(1, { maxUsd: 0.75 });
    const [second, third] = [ask(2, { maxUsd: 0.75 }), ask(3, { maxUsd: 0.75 })];
    expect([await stateOf(second), await stateOf(third)]).toEqual(["waiting", "waiting"]);
    await pay(1, 0.25);
    expect([await stateOf(second), await stateOf(third)]).toEqual(["paying", "waiting"]);
    payment(2).abandon();
    expect(await stateOf(third)).toBe("paying");
    await pay(3, 0.5);
  });

  test("of which nobody knows what they cost go alone at first, and then as dear as the dearest", async () => {
    const { ask, pay } = desk(new Budget(1));
    const all = [1, 2, 3, 4].map((n) => ask(n));
    const states = () => Promise.all(all.map(stateOf));
    expect(await states()).toEqual(["paying", "waiting", "waiting", "waiting"]);
    await pay(1, 0.25);
    expect(await states()).toEqual(["paying", "paying", "paying", "paying"]);
    await pay(2, 0.25);
    const fifth = ask(5);
    expect(await stateOf(fifth)).toBe("waiting");
    await pay(3, 0.25);
    await pay(4, 0.24);
    expect(await stateOf(fifth)).toBe("refused");
  });

  test("are taken to cost what the dearest of the last thirty days has, of this and other builds", async () => {
    const folder = newFolder();
    const earlier = desk(new Budget(), { folder });
    await earlier.calls.keep([
      { request: "old", draw: 0, response: 1, costUsd: 9, at: now - 31 * day },
      { request: "late", draw: 0, response: 1, costUsd: 0.4, at: now - 29 * day },
    ]);
    const { ask } = desk(new Budget(1), { folder });
    expect([await stateOf(ask(1)), await stateOf(ask(2)), await stateOf(ask(3))]).toEqual([
      ...["paying", "paying", "waiting"],
    ]);
  });

  test("with a limit of 0 are answered from memory, and only what is said to be free is asked for", async () => {
    const folder = newFolder();
    const earlier = desk(new Budget(), { folder });
    await earlier.ask(1);
    // One that says nothing of what it cost: others may not be free.
    await earlier.pay(1, 0);
    const { ask } = desk(new Budget(0), { folder });
    expect(await stateOf(ask(1))).toBe("found");
    expect(await stateOf(ask(2))).toBe("refused");
    expect(await stateOf(ask(3, { maxUsd: 0 }))).toBe("paying");
  });

  test("that ask the same wait for one answer and for one price", async () => {
    const budget = new Budget(1);
    const { ask, pay } = desk(budget);
    const both = [ask(1, { maxUsd: 0.75 }), ask(1, { maxUsd: 0.75 })];
    expect(await stateOf(both[0]!)).toBe("paying");
    await pay(1, 0.5);
    expect([await both[1], budget.spentUsd]).toEqual([{ response: 1 }, 0.5]);
  });

  test("that were refused leave those that ask the same their own try", async () => {
    const { ask } = desk(new Budget(1));
    const open = ask(1, { maxUsd: 1 });
    await open;
    const both = [ask(2, { maxUsd: 2, isWithin: true }), ask(2, { maxUsd: 1 })];
    expect(await stateOf(both[0]!)).toBe("refused");
    expect(await stateOf(both[1]!)).toBe("waiting");
  });

  test("within another call are not waited for by its own money, but refused", async () => {
    const { ask } = desk(new Budget(1));
    await ask(1, { maxUsd: 0.75 });
    expect(await stateOf(ask(2, { maxUsd: 0.5, isWithin: true }))).toBe("refused");
    expect(await stateOf(ask(3, { maxUsd: 0.25, isWithin: true }))).toBe("paying");
  });

  test("of who is gone wait no more, and nothing is set aside for them", async () => {
    const budget = new Budget(1);
    const { ask, pay } = desk(budget);
    await ask(1, { maxUsd: 1 });
    const gone = new AbortController();
    const waiting = ask(2, { maxUsd: 0.5, signal: gone.signal });
    const same = ask(2, { maxUsd: 0.5 });
    gone.abort();
    expect(await stateOf(waiting)).toBe("refused");
    await pay(1, 0.5);
    expect(await stateOf(same)).toBe("paying");
    expect(budget.leftUsd).toBe(0);
  });

  test("that another build has answered meanwhile are not paid for", async () => {
    const folder = newFolder();
    const budget = new Budget(1);
    const { ask, pay } = desk(budget, { folder });
    await ask(1, { maxUsd: 1 });
    const waiting = ask(2, { maxUsd: 0.5 });
    expect(await stateOf(waiting)).toBe("waiting");
    const other = desk(new Budget(), { folder });
    await other.ask(2);
    await other.pay(2, 0.5);
    await pay(1, 0.25);
    expect([await waiting, budget.spentUsd, budget.hasNoneOpen]).toEqual([{ response: 2 }, 0.25, true]);
  });

  test("of several runs share one limit", async () => {
    const budget = new Budget(1);
    const [one, other] = [desk(budget), desk(budget)];
    await one.ask(1, { maxUsd: 0.75 });
    const waiting = other.ask(2, { maxUsd: 0.75 });
    expect(await stateOf(waiting)).toBe("waiting");
    await one.pay(1, 0.75);
    expect(await stateOf(waiting)).toBe("refused");
  });

  test("that nobody waits for any more hold up nobody, and count until it is known what they came to", async () => {
    const budget = new Budget(1);
    const { ask, pay, payment } = desk(budget);
    await ask(1, { maxUsd: 0.75 });
    const waiting = ask(2, { maxUsd: 0.5 });
    payment(1).writeOff();
    expect(await stateOf(waiting)).toBe("refused");
    expect(budget.spentUsd).toBe(0.75);
    await pay(1, 0.25);
    expect(budget.spentUsd).toBe(0.25);
    await ask(3, { maxUsd: 0.5 });
    payment(3).writeOff();
    payment(3).abandon();
    expect([budget.spentUsd, budget.leftUsd]).toEqual([0.75, 0.25]);
  });

  test("that wait long are told once, with what holds them up", async () => {
    const budget = new Budget(5);
    budget.take(4.5).note(1.25);
    const { ask, warnings } = desk(budget, { toldAfterMs: 1 });
    void ask(1, { maxUsd: 1 });
    void ask(2, { maxUsd: 1 });
    await expect
      .poll(() => warnings)
      .toEqual([
        "a paid call, of up to $1.00, waits for money: of the $5.00 that the build may spend, $1.25 is spent and $3.25 set aside for what is under way. It goes on when enough of that is free again",
      ]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(warnings).toHaveLength(1);
  });

  test("that cost more than was said are told once, and count in full", async () => {
    const budget = new Budget(5);
    const { ask, pay, warnings } = desk(budget);
    for (const n of [1, 2]) {
      await ask(n, { maxUsd: 0.5 });
      await pay(n, 2);
    }
    expect(warnings).toEqual([
      "a paid call cost $2.00, and $0.50 was set aside for it: only what calls are said to cost at most (maxUsd) keeps a limit to the cent",
    ]);
    expect(budget.spentUsd).toBe(4);
  });

  test("without a limit are only counted", async () => {
    const budget = new Budget();
    const { ask, pay, warnings } = desk(budget);
    await Promise.all([1, 2, 3].map((n) => ask(n)));
    for (const n of [1, 2, 3]) await pay(n, n);
    expect([budget.spentUsd, warnings]).toEqual([6, []]);
  });

  test("never come to more than the limit, however many recipes ask at once, and whatever becomes of them", async () => {
    const call = fc.record({
      maxUsd: fc.double({ min: 0, max: 0.6, noNaN: true }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      end: fc.constantFrom("paid", "paid", "failed", "died"),
      isWithin: fc.boolean(),
      turns: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.array(fc.array(call, { maxLength: 4 }), { minLength: 1, maxLength: 8 }),
        async (max, recipes) => {
          const budget = new Budget(max);
          const { calls } = desk(budget);
          let paidUsd = 0;
          let number = 0;
          const runCall = async ({ maxUsd, part, end, isWithin, turns }: (typeof recipes)[0][0]) => {
            const request = { n: number++ };
            let payment: Payment;
            try {
              const found = await calls.find(request, 0, { maxUsd, isWithin });
              payment = (found as { readonly payment: Payment }).payment;
            } catch (error) {
              if (error instanceof UnaffordableCall) return;
              throw error;
            }
            for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
            if (end === "paid") {
              paidUsd += maxUsd * part;
              await payment.remember({ response: 1, costUsd: maxUsd * part });
            } else if (end === "failed") payment.abandon();
            else {
              paidUsd += maxUsd;
              payment.writeOff();
            }
          };
          // Each recipe asks for its calls at once; it ends when they have.
          await Promise.all(recipes.map((own) => Promise.all(own.map(runCall))));
          expect(paidUsd).toBeLessThanOrEqual(max + 1e-6);
          expect(budget.spentUsd).toBeCloseTo(paidUsd, 6);
          expect(budget.hasNoneOpen).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});

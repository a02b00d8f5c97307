// Which worker takes which order, with workers that are nothing but names: who waits for a new one has the first that is free.

import { describe, expect, test } from "vitest";
import { Crew } from "../src/backends/executors/local/crew.ts";

interface Starting {
  readonly name: string;
  readonly ready: (name?: string) => void;
  readonly fail: (error: Error) => void;
}

/** Workers are named in the order in which they are started. */
function crewOf() {
  const starting: Starting[] = [];
  const [unfit, ended, dismissed] = [new Set<string>(), new Set<string>(), [] as string[]];
  const looks: ((wasBusy: boolean) => void)[] = [];
  const own = { isBusy: false };
  const crew = new Crew<string>({
    start: () =>
      new Promise<string | undefined>((resolve, reject) => {
        const name = "abcdefgh"[starting.length]!;
        starting.push({ name, ready: (as = name) => resolve(as === "" ? undefined : as), fail: reject });
      }),
    hasEnded: (worker) => ended.has(worker),
    isFit: (worker) => !unfit.has(worker),
    dismiss: (worker) => dismissed.push(worker),
    soon: (look) => looks.push(look),
  });
  /** A moment has passed. */
  const pass = () => {
    for (const look of looks.splice(0)) look(own.isBusy);
  };
  return { crew, starting, unfit, ended, dismissed, looks, own, pass };
}

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What has come of a promise by now. */
async function now<T>(promise: Promise<T>): Promise<T | "waits"> {
  await turn();
  return Promise.race([promise, Promise.resolve("waits" as const)]);
}

describe("a crew", () => {
  test("gives who waits for a worker that is being started one that is free before", async () => {
    const { crew, starting, pass } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    expect(await first).toBe("a");
    const second = crew.take(never);
    pass();
    expect(starting).toHaveLength(2);
    crew.free("a");
    expect(await now(second)).toBe("a");
    // The one that was started for it takes the next order.
    starting[1]!.ready();
    await turn();
    expect(await now(crew.take(never))).toBe("b");
    expect(starting).toHaveLength(2);
  });

  test("starts none beside one that is at work while small orders wait for nothing but this process", async () => {
    const { crew, starting, looks, own, pass } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    await first;
    own.isBusy = true;
    const waiting = [crew.take(never), crew.take(never)];
    expect(looks).toHaveLength(1);
    for (let moment = 0; moment < 3; moment++) pass();
    expect(starting).toHaveLength(1);
    crew.free("a");
    expect(await now(waiting[0]!)).toBe("a");
    own.isBusy = false;
    pass();
    expect(starting).toHaveLength(2);
    crew.free("a");
    expect(await now(waiting[1]!)).toBe("a");
    starting[1]!.ready();
    await turn();
    pass();
    expect(starting).toHaveLength(2);
    expect(looks).toHaveLength(0);
  });

  test("starts one for who has waited long, however busy this process is", async () => {
    const { crew, starting, own, pass } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    await first;
    own.isBusy = true;
    const long = crew.take(never);
    for (let moment = 0; moment < 4; moment++) pass();
    expect(starting).toHaveLength(1);
    pass();
    expect(starting).toHaveLength(2);
    starting[1]!.ready();
    expect(await now(long)).toBe("b");
  });

  test("starts one for who waits when the one at work has ended, however busy this process is", async () => {
    const { crew, starting, own } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    await first;
    own.isBusy = true;
    const order = crew.take(never);
    expect(starting).toHaveLength(1);
    crew.lose("a");
    expect(starting).toHaveLength(2);
    starting[1]!.ready();
    expect(await now(order)).toBe("b");
  });

  test("takes none for at work that ended on its way", async () => {
    const { crew, starting, own, ended } = crewOf();
    const order = crew.take(never);
    ended.add("a");
    crew.lose("a");
    starting[0]!.ready();
    expect(await order).toBe("a");
    own.isBusy = true;
    void crew.take(never);
    expect(starting).toHaveLength(2);
  });

  test("starts one for who waits when the one at work has no place any more", async () => {
    const { crew, starting, own, unfit, dismissed } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    await first;
    own.isBusy = true;
    void crew.take(never);
    unfit.add("a");
    crew.free("a");
    expect(dismissed).toEqual(["a"]);
    expect(starting).toHaveLength(2);
  });

  test("that is closed gives nobody a worker, and starts none", async () => {
    const { crew, starting, pass } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    await first;
    const order = crew.take(never);
    crew.close();
    expect(await now(order)).toBeUndefined();
    crew.lose("a");
    pass();
    expect(await now(crew.take(never))).toBeUndefined();
    expect(starting).toHaveLength(1);
  });

  test("starts one for each that waits, and no more", async () => {
    const { crew, starting, pass } = crewOf();
    const orders = [crew.take(never), crew.take(never)];
    expect(starting).toHaveLength(2);
    starting[1]!.ready();
    expect(await now(orders[0]!)).toBe("b");
    expect(await now(orders[1]!)).toBe("waits");
    orders.push(crew.take(never));
    pass();
    expect(starting).toHaveLength(3);
  });

  test("expects an order once, and starts no other for it", async () => {
    const { crew, starting } = crewOf();
    crew.expect();
    crew.expect();
    const order = crew.take(never);
    expect(starting).toHaveLength(1);
    starting[0]!.ready();
    expect(await order).toBe("a");
    crew.expect();
    expect(starting).toHaveLength(1);
  });

  test("gives a worker that ended on its way to who waited for it, and to nobody else", async () => {
    const { crew, starting, ended } = crewOf();
    const order = crew.take(never);
    ended.add("a");
    starting[0]!.ready();
    expect(await order).toBe("a");
    crew.lose("a");
    const next = crew.take(never);
    ended.add("b");
    crew.lose("b");
    expect(starting).toHaveLength(2);
    starting[1]!.ready();
    expect(await next).toBe("b");
    const early = crewOf();
    early.crew.expect();
    early.ended.add("a");
    early.starting[0]!.ready();
    await turn();
    const late = early.crew.take(never);
    expect(early.starting).toHaveLength(2);
    expect(await now(late)).toBe("waits");
  });

  test("tells who waits that there is no place, or why none can be started; an early one that cannot be is nobody's failure", async () => {
    const { crew, starting } = crewOf();
    const placeless = crew.take(never);
    starting[0]!.ready("");
    expect(await placeless).toBeUndefined();
    const failing = crew.take(never);
    starting[1]!.fail(new Error("too many files are open"));
    await expect(failing).rejects.toThrow("too many files are open");
    const early = crewOf();
    early.crew.expect();
    early.starting[0]!.fail(new Error("too many files are open"));
    await turn();
    const order = early.crew.take(never);
    early.starting[1]!.ready();
    expect(await order).toBe("b");
  });

  test("dismisses who has no place to work in any more, idle or ready, and starts another for who waits", async () => {
    const { crew, starting, unfit, dismissed } = crewOf();
    const first = crew.take(never);
    starting[0]!.ready();
    crew.free((await first)!);
    unfit.add("a");
    const order = crew.take(never);
    expect(dismissed).toEqual(["a"]);
    unfit.add("b");
    starting[1]!.ready();
    expect(await now(order)).toBe("waits");
    expect(dismissed).toEqual(["a", "b"]);
    expect(starting).toHaveLength(3);
    starting[2]!.ready();
    expect(await now(order)).toBe("c");
  });

  test("lets who gave up go, and keeps the worker for others", async () => {
    const { crew, starting } = crewOf();
    const stop = new AbortController();
    const order = crew.take(stop.signal);
    const other = crew.take(never);
    stop.abort();
    expect(await order).toBeUndefined();
    starting[0]!.ready();
    expect(await now(other)).toBe("a");
    starting[1]!.ready();
    await turn();
    expect(await now(crew.take(never))).toBe("b");
  });

  test("is settled when none is being started", async () => {
    const { crew, starting } = crewOf();
    expect(await now(crew.settled().then(() => "settled"))).toBe("settled");
    void crew.take(never);
    const settled = crew.settled().then(() => "settled");
    expect(await now(settled)).toBe("waits");
    starting[0]!.ready();
    expect(await now(settled)).toBe("settled");
  });
});

// What is to happen, in the order of its time: the heart of a simulation. Equal times in the order in which they were told. Knows nothing of what happens.

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class EventQueue {
  /** Seconds since the beginning. */
  now = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  after(seconds: number, act: () => void): void {
    const entry = { at: this.now + Math.max(0, seconds), order: this.#order++, act };
    const heap = this.#heap;
    let place = heap.push(entry) - 1;
    for (let above = (place - 1) >> 1; place > 0 && isBefore(entry, heap[above]!); above = (place - 1) >> 1) {
      heap[place] = heap[above]!;
      place = above;
    }
    heap[place] = entry;
  }

  /** Until nothing is to happen any more. */
  run(): void {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      this.now = next.at;
      next.act();
    }
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (isBefore(last, heap[below]!)) break;
      heap[place] = heap[below]!;
      place = below;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

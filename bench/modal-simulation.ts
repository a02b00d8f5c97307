// A fan-out in Modal containers, simulated event by event: containers are asked for, wait for GPUs, start, commit what they have told, are taken back or come
// to the end of their lifetime; the driver looks, reads what it finds, and begins the next ones. All that it goes by is in `ModalModel`. Knows no prices.

import { createRandom } from "../src/stats/random.ts";
import { EventQueue } from "./event-queue.ts";

export interface ModalModel {
  readonly items: number;
  /** Seconds. */
  readonly itemSeconds: number;
  /** Items a container. */
  readonly batch: number;
  /** GPUs that the platform gives at once, one a container. */
  readonly gpus: number;

  // What is set.
  /** Containers that the driver keeps under way. */
  readonly parallel: number;
  /** Seconds between two looks. */
  readonly poll: number;

  // What was measured with the local Modal.
  /** What a container takes beside its items. */
  readonly containerSeconds: number;
  /** The driver's own time for an item. */
  readonly driverItemSeconds: number;
  /** Requests to begin and to end one, beside those of looks and of what it tells. */
  readonly containerRequests: number;
  /** Of one file in the list of a volume. */
  readonly listedFileSeconds: number;

  // What Modal's documentation says.
  readonly createsPerSecond: number;
  readonly lifetimeSeconds: number;

  // What is in the code of exp and of the SDK.
  /** Requests that the driver has under way at once: of the API, and of the storage. */
  readonly callsAtOnce: number;
  readonly transfersAtOnce: number;
  /** A container tells what it has so often, at most. */
  readonly tellSeconds: number;
  /** Whoever follows what a container prints asks anew after so long. */
  readonly logSeconds: number;

  // What nobody has measured, and is taken for this.
  /** From having a GPU to running: evenly between the two. */
  readonly startSeconds: readonly [least: number, most: number];
  /** Of an API request, there and back. */
  readonly requestSeconds: number;
  readonly commitSeconds: number;
  /** Of one container. */
  readonly preemptionsPerHour: number;
  /** In one page of the list of those that run. */
  readonly containersInPage: number;
  /** Files that an item makes and that are too large to travel in the message: each is fetched by itself. */
  readonly filesOfItem: number;
}

export interface Simulated {
  readonly seconds: number;
  readonly containers: number;
  readonly preempted: number;
  /** Came to the end of their lifetime. */
  readonly outlived: number;
  /** Items that were done, or nearly, and had to be done again, because what they came to was not told yet. */
  readonly itemsAgain: number;
  /** That containers ran, which is what is paid for. */
  readonly containerSeconds: number;
  /** Requests of the driver, by what for. */
  readonly requests: { readonly containers: number; readonly looks: number; readonly results: number };
  /** Requests, and beginnings of containers, in the busiest ten seconds, a second. */
  readonly mostRequestsPerSecond: number;
  readonly mostCreatesPerSecond: number;
  readonly mostContainers: number;
  /** Messages on the volume at the end: each look lists them all. */
  readonly messages: number;
  readonly longestLookSeconds: number;
  /** Part of the time in which the driver was at a look. At 1 it cannot keep up. */
  readonly busy: number;
  /** From the time when the last item was told to when the driver had it. */
  readonly lagSeconds: number;
}

interface Container {
  readonly items: number;
  startedAt: number;
  /** Items that lie on the volume. */
  told: number;
  /** Told, and not read by the driver. */
  unread: number;
  unreadMessages: number;
  isOver: boolean;
}

/** Seconds over which what is counted is averaged. */
const window = 10;

/** Equal models and seeds give equal results. */
export function simulate(model: ModalModel, seed = 1): Simulated {
  return new Simulation(model, seed).run();
}

class Simulation {
  readonly #model: ModalModel;
  readonly #random: () => number;
  readonly #events = new EventQueue();
  /** Sizes of batches that nobody has asked a container for. */
  readonly #batches: number[];
  readonly #waiting: Container[] = [];
  /** Of which the driver knows that they run or have not begun. */
  readonly #known = new Set<Container>();
  readonly #perWindow = { requests: [] as number[], creates: [] as number[] };
  readonly #requests = { containers: 0, looks: 0, results: 0 };
  #nextCreateAt = 0;
  #running = 0;
  #mostContainers = 0;
  #containers = 0;
  #preempted = 0;
  #outlived = 0;
  #itemsAgain = 0;
  #containerSeconds = 0;
  #messages = 0;
  #lastToldAt = 0;
  #longestLook = 0;
  #lookSeconds = 0;
  #endedAt = 0;

  constructor(model: ModalModel, seed: number) {
    this.#model = model;
    this.#random = createRandom(seed).uniform;
    const { items, batch } = model;
    const count = Math.ceil(items / batch);
    this.#batches = Array.from({ length: count }, (_, n) => Math.min(batch, items - n * batch)).reverse();
  }

  run(): Simulated {
    this.#fill();
    this.#events.after(0, () => this.#look());
    this.#events.run();
    const most = (counts: readonly number[]) => counts.reduce((max, count) => Math.max(max, count ?? 0), 0) / window;
    return {
      seconds: this.#endedAt,
      ...{ containers: this.#containers, preempted: this.#preempted, outlived: this.#outlived },
      ...{ itemsAgain: this.#itemsAgain, containerSeconds: this.#containerSeconds, requests: this.#requests },
      mostRequestsPerSecond: most(this.#perWindow.requests),
      mostCreatesPerSecond: most(this.#perWindow.creates),
      ...{ mostContainers: this.#mostContainers, messages: this.#messages, longestLookSeconds: this.#longestLook },
      busy: this.#lookSeconds / this.#endedAt,
      lagSeconds: this.#endedAt - this.#lastToldAt,
    };
  }

  // --- the driver -------------------------------------------------------------------------------------------------

  /** As many as may be under way are asked for, no faster than Modal takes them. */
  #fill(): void {
    while (this.#known.size < this.#model.parallel && this.#batches.length > 0) {
      const items = this.#batches.pop()!;
      const container = { items, startedAt: 0, told: 0, unread: 0, unreadMessages: 0, isOver: false };
      this.#known.add(container);
      const at = Math.max(this.#events.now, this.#nextCreateAt);
      this.#nextCreateAt = at + 1 / this.#model.createsPerSecond;
      this.#events.after(at - this.#events.now, () => this.#create(container));
    }
  }

  #create(container: Container): void {
    this.#containers += 1;
    this.#count("containers", this.#model.containerRequests, 0);
    this.#countIn(this.#perWindow.creates, 1, 0);
    this.#waiting.push(container);
    this.#begin();
  }

  /** What runs, what the volume holds, then what is new in it; and who is over gives up its place. */
  #look(): void {
    const model = this.#model;
    const known = [...this.#known];
    // The last page is an empty one. All messages come in one list, as a stream.
    const pages = Math.ceil(known.length / model.containersInPage) + 1;
    const fresh = known.filter(({ unreadMessages, isOver }) => unreadMessages > 0 || isOver);
    const over = fresh.filter(({ isOver }) => isOver);
    const sum = (of: (container: Container) => number) => fresh.reduce((total, each) => total + of(each), 0);
    const messages = sum(({ unreadMessages }) => unreadMessages);
    const items = sum(({ unread }) => unread);
    const files = messages + items * model.filesOfItem;
    const follows = this.#running / model.logSeconds;
    // A page is asked for after the one before it; everything else side by side. A file is one request to the API, and one to the storage.
    const took =
      (pages + 1) * model.requestSeconds +
      this.#messages * model.listedFileSeconds +
      ((files + over.length) * model.requestSeconds) / model.callsAtOnce +
      (files * model.requestSeconds) / model.transfersAtOnce +
      items * model.driverItemSeconds;
    this.#longestLook = Math.max(this.#longestLook, took);
    this.#lookSeconds += took;
    this.#count("looks", pages + 1 + over.length + follows * (took + model.poll), took);
    this.#count("results", 2 * files, took);
    for (const container of fresh) container.unread = container.unreadMessages = 0;
    this.#events.after(took, () => {
      for (const container of over) {
        this.#known.delete(container);
        if (container.told < container.items) this.#batches.push(container.items - container.told);
      }
      this.#endedAt = this.#events.now;
      this.#fill();
      if (this.#known.size > 0) this.#events.after(model.poll, () => this.#look());
    });
  }

  // --- the platform -----------------------------------------------------------------------------------------------

  #begin(): void {
    while (this.#running < this.#model.gpus && this.#waiting.length > 0) {
      const container = this.#waiting.shift()!;
      this.#running += 1;
      this.#mostContainers = Math.max(this.#mostContainers, this.#running);
      const [least, most] = this.#model.startSeconds;
      this.#events.after(least + this.#random() * (most - least), () => this.#start(container));
    }
  }

  #start(container: Container): void {
    const { preemptionsPerHour, lifetimeSeconds } = this.#model;
    container.startedAt = this.#events.now;
    const untilPreempted =
      preemptionsPerHour === 0 ? Infinity : (-Math.log(1 - this.#random()) / preemptionsPerHour) * 3600;
    if (untilPreempted < Math.min(lifetimeSeconds, this.#secondsOf(container)))
      this.#events.after(untilPreempted, () => this.#cutOff(container, () => (this.#preempted += 1)));
    else if (lifetimeSeconds < this.#secondsOf(container))
      this.#events.after(lifetimeSeconds, () => this.#cutOff(container, () => (this.#outlived += 1)));
    this.#tell(container, -Infinity);
  }

  /** At the most, if nothing befalls it. */
  #secondsOf({ items }: Container): number {
    const { containerSeconds, itemSeconds, tellSeconds, commitSeconds } = this.#model;
    return containerSeconds + items * itemSeconds + tellSeconds + 2 * commitSeconds;
  }

  /** The next message of a container: what is done by the time when it may tell again, the first item of it at least. */
  #tell(container: Container, lastAt: number): void {
    const { tellSeconds, commitSeconds } = this.#model;
    const isDone = this.#doneAt(container, container.told + 1);
    const at = Math.max(this.#events.now, isDone, lastAt + tellSeconds);
    const done = this.#doneBy(container, at);
    this.#events.after(at + commitSeconds - this.#events.now, () => {
      if (container.isOver) return;
      this.#messages += 1;
      container.unreadMessages += 1;
      container.unread += done - container.told;
      container.told = done;
      this.#lastToldAt = this.#events.now;
      if (done === container.items) this.#end(container);
      else this.#tell(container, this.#events.now);
    });
  }

  #cutOff(container: Container, count: () => void): void {
    if (container.isOver) return;
    count();
    this.#itemsAgain += Math.min(container.items, this.#doneBy(container, this.#events.now) + 1) - container.told;
    this.#end(container);
  }

  #end(container: Container): void {
    container.isOver = true;
    this.#containerSeconds += this.#events.now - container.startedAt;
    this.#running -= 1;
    this.#begin();
  }

  #doneAt({ startedAt }: Container, items: number): number {
    return startedAt + this.#model.containerSeconds + items * this.#model.itemSeconds;
  }

  #doneBy({ startedAt, items }: Container, at: number): number {
    const { containerSeconds, itemSeconds } = this.#model;
    // What comes out of adding up times is a hair off.
    const done = Math.floor((at - startedAt - containerSeconds) / itemSeconds + 1e-6);
    return Math.max(0, Math.min(items, done));
  }

  // --- counting ---------------------------------------------------------------------------------------------------

  /** Within so many seconds from now on, evenly. */
  #count(what: keyof Simulated["requests"], requests: number, seconds: number): void {
    this.#requests[what] += requests;
    this.#countIn(this.#perWindow.requests, requests, seconds);
  }

  #countIn(perWindow: number[], count: number, seconds: number): void {
    const first = Math.floor(this.#events.now / window);
    const last = Math.floor((this.#events.now + seconds) / window);
    for (let at = first; at <= last; at++) perWindow[at] = (perWindow[at] ?? 0) + count / (last - first + 1);
  }
}

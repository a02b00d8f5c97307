// Bad weather: all that may go wrong at Modal, together and at random. Requests are refused, throttled, slow, or answered in vain; containers wait for GPUs,
// are taken back, killed, or lost with their machine; commits come late, and some of them in the middle of things. What is drawn comes from one source, but
// what it befalls depends on who asks first.

import { Status } from "nice-grpc";
import type { Fault } from "./faults.ts";
import type { Misfortune } from "./sandboxes.ts";
import type { ModalServer } from "./server.ts";

/** Part of the requests, and of the containers, that something happens to. */
const requestShare = 0.05;
const containerShare = 0.4;
/** In one storm. What is killed is given more memory, and is given up when it is killed again and again. */
const mostKilled = 2;
const mostMisfortunes = 6;
/** Whoever gets damaged content asks once more, and takes it for lost when it is damaged again. */
const getsBetweenFalseOnes = 100;
/** Their answers last as long as the container: to lose one is to say nothing until then. */
const streams: ReadonlySet<string> = new Set(["SandboxGetLogs", "SandboxStdioReadV2"]);

export class Storm {
  readonly #server: ModalServer;
  readonly #random: () => number;
  #getsSinceFalse = 0;
  #misfortunes = 0;
  /** What happened so far, by its name. */
  readonly counts = new Map<string, number>();

  constructor(server: ModalServer, random: () => number) {
    this.#server = server;
    this.#random = random;
  }

  /** From now on, until it is called off; each one with a temper of its own. */
  rage(): void {
    const { settings, faults, blocks } = this.#server;
    this.#misfortunes = 0;
    let killed = 0;
    settings.gpus = this.#between(1, 4);
    settings.containers = this.#between(3, 6);
    settings.startMs = this.#between(0, 200);
    settings.commitMs = this.#between(0, 300);
    settings.isOverBeforeCommit = this.#random() < 0.5;
    settings.backgroundCommitMs = this.#random() < 0.5 ? undefined : this.#between(50, 400);
    settings.preemptionGraceMs = this.#between(0, 300);
    settings.honoursIdempotency = this.#random() < 0.5;
    settings.misfortune = () => {
      if (this.#misfortunes === mostMisfortunes || this.#random() > containerShare) return undefined;
      const kinds: readonly Misfortune["kind"][] =
        killed < mostKilled ? ["preempted", "lost", "killed"] : ["preempted", "lost"];
      const kind = this.#oneOf(kinds);
      if (kind === "killed") killed += 1;
      this.#misfortunes += 1;
      this.#note(kind);
      return { kind, afterMs: this.#between(100, 2500) };
    };
    faults.chance = (rpc) => this.#faultOf(rpc);
    blocks.chance = (kind) => {
      this.#getsSinceFalse += 1;
      if (this.#random() > requestShare) return undefined;
      if (kind === "put" || this.#getsSinceFalse < getsBetweenFalseOnes) return "failing";
      this.#getsSinceFalse = 0;
      this.#note("false content");
      return "false";
    };
  }

  /** What waits has room again, and is left in peace. */
  rest(): void {
    const { settings, faults, blocks, sandboxes } = this.#server;
    Object.assign(settings, { gpus: 8, containers: 100, startMs: 0, commitMs: 0, backgroundCommitMs: undefined });
    Object.assign(settings, { isOverBeforeCommit: false, misfortune: () => undefined });
    faults.chance = () => undefined;
    blocks.chance = () => undefined;
    sandboxes.schedule();
  }

  #faultOf(rpc: string): Fault | undefined {
    if (this.#random() > requestShare) return undefined;
    const known: readonly Fault[] = [
      { kind: "refused", code: Status.UNAVAILABLE, message: "down for a moment" },
      { kind: "throttled", retryAfterSeconds: this.#between(1, 20) / 100 },
      { kind: "slow", ms: this.#between(50, 400) },
      ...(streams.has(rpc) ? [] : [{ kind: "answer-lost" } as const]),
    ];
    const fault = this.#oneOf(known);
    this.#note(fault.kind);
    return fault;
  }

  #note(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #oneOf<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)]!;
  }

  /** A whole number, both ends included. */
  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }
}

// What goes wrong on request: each fault is for some calls of one RPC, or comes by chance. Counts the calls, too. Knows no RPC's meaning.

import { ServerError, Status, type CallContext, type ServerMiddlewareCall } from "nice-grpc";
import { definitions } from "./definitions.ts";

export type Fault = {
  /** As in "SandboxCreate"; undefined: any. */
  readonly rpc?: string;
  /** How many calls it is for, once the first `after` have gone well; one if not said. */
  readonly times?: number;
  readonly after?: number;
} & (
  | { readonly kind: "refused"; readonly code: Status; readonly message: string }
  /** "Come again later", as Modal says it to whoever asks too often. */
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number }
  /** Done, and the answer is lost on its way. */
  | { readonly kind: "answer-lost" }
  | { readonly kind: "slow"; readonly ms: number }
  /** Neither done nor answered: until the caller gives up. */
  | { readonly kind: "silent" }
);

interface Pending {
  readonly fault: Fault;
  skips: number;
  left: number;
}

export class Faults {
  readonly #pending: Pending[] = [];
  readonly #counts = new Map<string, number>();
  /** Asked of every call that none of the others is for. */
  chance: (rpc: string) => Fault | undefined = () => undefined;

  add(fault: Fault): void {
    this.#pending.push({ fault, skips: fault.after ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#pending.length = 0;
  }

  /** Calls by RPC, of the tries that the SDK makes by itself too. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  countOf(rpc: string): number {
    return this.#counts.get(rpc) ?? 0;
  }

  forgetCounts(): void {
    this.#counts.clear();
  }

  /** The middleware of the server. */
  readonly around = <Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | void, undefined> => this.#around(call, context);

  async *#around<Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | void, undefined> {
    const rpc = call.method.path.split("/").at(-1)!;
    this.#counts.set(rpc, this.countOf(rpc) + 1);
    const fault = this.#due(rpc);
    switch (fault?.kind) {
      case undefined:
        break;
      case "refused":
        throw new ServerError(fault.code, fault.message);
      case "throttled":
        context.trailer.set("grpc-status-details-bin", retryPolicy(fault.retryAfterSeconds));
        throw new ServerError(Status.RESOURCE_EXHAUSTED, "too many requests");
      case "answer-lost": {
        const answers = call.next(call.request, context);
        while (!(await answers.next()).done);
        throw new ServerError(Status.UNAVAILABLE, "connection reset");
      }
      case "slow":
        await pause(fault.ms, context.signal);
        // Whoever asked is gone before anything was done.
        if (context.signal.aborted) throw new ServerError(Status.CANCELLED, "given up");
        break;
      case "silent":
        await pause(2 ** 30, context.signal);
        throw new ServerError(Status.CANCELLED, "given up");
    }
    return yield* call.next(call.request, context);
  }

  #due(rpc: string): Fault | undefined {
    for (const pending of this.#pending) {
      if (pending.left === 0 || (pending.fault.rpc !== undefined && pending.fault.rpc !== rpc)) continue;
      if (pending.skips > 0) {
        pending.skips -= 1;
        continue;
      }
      pending.left -= 1;
      return pending.fault;
    }
    return this.chance(rpc);
  }
}

function retryPolicy(retryAfterSecs: number): Uint8Array {
  const { RPCRetryPolicy, RPCStatus } = definitions();
  const value = RPCRetryPolicy.encode({ retryAfterSecs }).finish();
  const details = [{ typeUrl: "type.googleapis.com/modal.client.RPCRetryPolicy", value }];
  return RPCStatus.encode({ code: Status.RESOURCE_EXHAUSTED, message: "too many requests", details }).finish();
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

// What every executor offers: it takes orders (a recipe, what it is told, where its inputs lie) and gives outcomes. Unaware of keys, caches and the graph.

import type { ModalOptions } from "../../api/modal.ts";
import type { Resources } from "../../api/rule.ts";
import type { SlotFormat } from "../../api/slot.ts";
import type { SlurmOptions } from "../../api/slurm.ts";
import type { Artifacts, Usage } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { StatText } from "../../util/stat.ts";

export interface SlotOrder {
  readonly format: SlotFormat;
  readonly ext: string;
  readonly optional: boolean;
}

/** Where the content of an input is. `text` is small content that has no file yet. */
export type InputOrder =
  | {
      readonly kind: "file";
      readonly format: SlotFormat;
      readonly ext: string;
      readonly path?: string;
      readonly text?: string;
    }
  | { readonly kind: "tree"; readonly files: readonly (readonly [name: string, path: string])[] }
  | { readonly kind: "list"; readonly members: readonly InputOrder[] }
  | { readonly kind: "absent" };
export type InputOrders = Readonly<Record<string, InputOrder>>;

export type CodeOrder =
  /** `bundle`: the file of the printed bundle; `resolveFrom`: the file from which declared externals are found. */
  | {
      readonly kind: "module";
      readonly bundle: string;
      readonly resolveFrom: string;
      readonly vectorised: boolean;
      /** Declared externals by name, if there are any. */
      readonly externals?: readonly string[];
    }
  | {
      readonly kind: "command";
      readonly argv: readonly string[];
      readonly files: readonly (readonly [name: string, path: string])[];
    };

/** What tells one action from all others, wherever it runs. */
export interface Identity {
  /** Of the action. What is under way elsewhere is found again by it. */
  readonly key: Digest;
  /** Milliseconds since 1970: what was begun before does not count. */
  readonly notBefore?: number;
}

export interface ItemOrder extends Identity {
  readonly settings: Json;
  readonly item: Json;
  readonly inputs: InputOrders;
  /** As `logFile` of an order. */
  readonly logFile: string;
  /** Equal for items that may share what `setup` made: the same code, told the same, on the same content. */
  readonly setupKey: string;
}

/** A file that is read where it lies and may be edited meanwhile: with its content, and the stat for which that holds. */
export interface GuardedFile {
  readonly path: string;
  readonly seen: StatText;
  readonly digest: Digest;
}

/** Of orders with items, `key` is what the items have in common. */
export interface Order extends Identity {
  /** For people: the target's name. */
  readonly target: string;
  readonly part: "recipe" | "split" | "item" | "merge" | "gate";
  readonly code: CodeOrder;
  /** `config` and the fields of the experiment that the recipe reads. */
  readonly told: JsonObject;
  readonly inputs: InputOrders;
  readonly outputs: Readonly<Record<string, SlotOrder>>;
  /** The items of this batch, for `part: "item"`. */
  readonly items?: readonly ItemOrder[];
  /** For `merge`: a file of JSON lines, one item each, in order. */
  readonly itemsFile?: string;
  /** Declared variables, by value. */
  readonly environment: Readonly<Record<string, string>>;
  /** Declared secrets, by value: handed over like variables, masked in all output. */
  readonly secrets: Readonly<Record<string, string>>;
  /** To be verified where the action runs. */
  readonly tools: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly slurm?: SlurmOptions;
  readonly modal?: ModalOptions;
  /** What is read in place. The engine looks at it when an action has ended; who may outlive the engine looks himself. */
  readonly guarded: readonly GuardedFile[];
  readonly timeoutMs: number | undefined;
  readonly memoryMiB: number | undefined;
  readonly attempt: number;
  /** Output of the action goes here; the file is made when there is something to write. Unused where there are items. */
  readonly logFile: string;
}

/** How one action (one item of a batch) ended. */
export type Outcome =
  | {
      readonly kind: "done";
      readonly outputs: Artifacts;
      readonly value?: Json;
      readonly tookMs: number;
      readonly costUsd: number;
      readonly startedAt: number;
      /** Keys of the paid calls whose answers it was given, sorted; of what cannot ask, a program, undefined. */
      readonly calls?: readonly Digest[];
      readonly usage?: Usage;
      /** `user@host`, if it was not this process that ran it. */
      readonly by?: string;
    }
  | {
      readonly kind: "failed";
      readonly why:
        | "threw"
        | "unsettled"
        | "exit-code"
        | "timeout"
        | "memory"
        | "lost"
        | "output"
        | "tool"
        | "undeclared"
        /** Whoever was to run it does not take it. */
        | "refused";
      readonly message: string;
      /** The stack, mapped by nobody yet; the end of the log is read from the file. */
      readonly stack?: string;
      /** Whether trying again may help: the worker was lost, or the recipe said so by throwing an error with `retryable: true`. */
      readonly retryable: boolean;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  /** What it read was deleted or edited while it ran. That says nothing of the recipe: to be prepared anew and ordered again. */
  | {
      readonly kind: "vanished";
      readonly path: string;
      /** It is there, and not as it was. */
      readonly isEdited?: true;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  /** The build may not spend what it would cost. What it has paid for is remembered. To be ordered again by a later build. */
  | {
      readonly kind: "unaffordable";
      /** What was refused, in words. */
      readonly message?: string;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  /** Not begun, because something stopped the batch before. To be ordered again. */
  | { readonly kind: "not-begun" };

/** In the message of a recipe that asked for something that is not remembered, where nothing may be paid. */
export const unpaid = "the answer is not remembered, and nothing may be paid";
const longestRequest = 120;

/** With the call by name: people know the request, `runs/.archive/calls` the key. */
export function unpaidCall(key: Digest, request: Json, draw: number): string {
  const text = JSON.stringify(request);
  const shown = text.length > longestRequest ? `${text.slice(0, longestRequest)}…` : text;
  return `${unpaid} (call ${key.slice(0, 12)}, draw ${draw} of ${shown})`;
}

/** Thrown where a call may cost more than may be spent. The action that asked for it ends `unaffordable`. */
export class UnaffordableCall extends Error {}

/** What is said of a call beside what it is. */
export interface CallTerms {
  /** What it costs at most, as the recipe says. */
  readonly maxUsd?: number | undefined;
  /** It is asked for while another call is being paid for, which ends only after this: so this one must not wait for money. */
  readonly isWithin?: boolean | undefined;
  /** Aborted when who asked is gone. */
  readonly signal?: AbortSignal;
}

/** Memory for paid calls, asked by running recipes. */
export interface CallDesk {
  /**
   * The answer, or the payment by which the asker pays for it. Others who ask the same wait meanwhile.
   * What it may cost is set aside then; it waits for that while something under way may give some back. Throws `unpaidCall` where nothing may be paid,
   * `UnaffordableCall` where not so much may be, and the reason of `terms.signal` when that is aborted.
   */
  find(request: Json, draw: number, terms?: CallTerms): Promise<FoundCall>;
}

export type FoundCall = { readonly response: Json } | { readonly payment: Payment };

export interface PaidAnswer {
  readonly response: Json;
  readonly costUsd: number;
}

/** Of one call, by one asker. It ends with `remember` or `abandon`. */
export interface Payment {
  /** Returns when the answer is durable. */
  remember(answer: PaidAnswer): Promise<void>;
  /** The request failed, or who asked has died: somebody else may try. */
  abandon(): void;
  /**
   * Who pays for it has ended without it. As long as it is not known what it came to, what was set aside for it counts as spent; and others wait for its
   * answer only so long.
   */
  writeOff(): void;
}

export interface RunSignals {
  readonly stop: AbortSignal;
  readonly hold?: AbortSignal;
}

export interface Executor {
  readonly name: string;
  /** An order is about to come: what takes long to start may be started. */
  expectOrders?(): void;
  /**
   * Runs one order. `settle` is called once for each item, in any order, as soon as it has ended (index 0 for orders without items).
   * Resolves when every item has been settled. `signals.stop`: ends what is under way. `signals.hold`: starts nothing more; what only waits for its
   * turn is not begun.
   */
  run(order: Order, settle: (index: number, outcome: Outcome) => void, signals: RunSignals): Promise<void>;
  close(): Promise<void>;
}

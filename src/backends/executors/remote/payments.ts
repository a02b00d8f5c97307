// What is done beside each answer that is paid for where a batch runs.

import type { Json } from "../../../model/json.ts";
import type { CallDesk, PaidAnswer, Payment } from "../executor.ts";

export interface AnsweredCall extends PaidAnswer {
  readonly request: Json;
  readonly draw: number;
}

/** A desk of which each payment is remembered by `remember`. */
export function deskWith(desk: CallDesk, remember: (payment: Payment, call: AnsweredCall) => Promise<void>): CallDesk {
  return {
    async find(request, draw, terms) {
      const found = await desk.find(request, draw, terms);
      if (!("payment" in found)) return found;
      const { payment } = found;
      return {
        payment: { ...payment, remember: (answer) => remember(payment, { request, draw, ...answer }) },
      };
    },
  };
}

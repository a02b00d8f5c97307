// What a project has said of Modal, and what that costs: for who asks, without the SDK, credentials or a word to Modal.

import type { ModalSettings } from "../api/modal.ts";
import { allot } from "../backends/executors/modal/allotment.ts";
import { pricesWith, usdPerSecond } from "../backends/executors/modal/prices.ts";
import type { Rates } from "../engine/plan.ts";
import type { LocalSettings } from "./local-settings.ts";
import { nodeMajor } from "./project.ts";

/** exp.local.yaml counts over the Expfile; `targets` over what rules and targets say. */
export function modalSettings(
  declared: ModalSettings | undefined,
  local: LocalSettings["modal"],
): { readonly settings: ModalSettings; readonly targets: NonNullable<NonNullable<LocalSettings["modal"]>["targets"]> } {
  const { targets = {}, ...own } = local ?? {};
  return { settings: { ...declared, ...own }, targets };
}

/** What the containers that a build would ask for cost. */
export function modalRates(declared: ModalSettings | undefined, local: LocalSettings["modal"]): Rates {
  const { settings, targets } = modalSettings(declared, local);
  const prices = pricesWith(settings.prices);
  return {
    executor: "modal",
    usdPerSecond(target, { modal, resources = {}, timeoutMs }) {
      const options = { ...settings, ...modal, ...targets[target] };
      const allotment = allot({ options, resources, timeoutMs, actions: 1, moreTime: 1, moreMemory: 1, nodeMajor });
      return allotment.ok ? usdPerSecond(allotment.value, prices) : allotment;
    },
  };
}

// The places that the executor suite runs at: what they take, how they are opened and closed, and what befalls work there.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasBubblewrap, ModalServer } from "../modal/server/server.ts";
import { Storm } from "../modal/server/storm.ts";
import type { Rig } from "../rig.ts";
import { namespacesAreMissing, slurmIsMissing, TestCluster } from "../slurm/cluster.ts";
import { randomFrom } from "./bench.ts";
import { seed } from "./counts.ts";

export interface Place {
  readonly name: string;
  readonly executor: string;
  /** What is not here that it takes; undefined: nothing. */
  readonly missing: string | undefined;
  readonly open: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly environment: () => Readonly<Record<string, string>>;
  /** Whether anything of the project is under way there. */
  readonly isAtWork: (rig: Rig) => boolean;
  /** Part of the usual number of kills and of items: another way of a place that is asked in full. */
  readonly share: number;
  /** What exp.local.yaml says beside. */
  readonly settings: string;
  /** Where recipes write down what they did: a folder that they see. */
  readonly journalFolder: (rig: Rig) => string;
  /** What the platform does to it at random. Elsewhere: the same place is there with it too, and is asked what holds all the same. */
  readonly trouble: "none" | "here" | "elsewhere";
  /** Of a place with trouble: what there is of it. */
  readonly weather?: () => { readonly server: ModalServer; readonly storm: Storm };
  /** What the fan-out says beside. */
  readonly fanOut?: string;
}

let cluster: TestCluster | undefined;
let modal: ModalServer | undefined;
let storm: Storm | undefined;
/** What this machine sees, and a node that sees nothing else of it. */
let both = "";

export const places = {
  local: {
    ...{ name: "local", executor: "local", share: 1, settings: "", trouble: "none" },
    journalFolder: (rig) => rig.root,
    missing: undefined,
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    environment: () => ({}),
    isAtWork: (rig) => workersOf(rig).length > 0,
  },
  slurm: {
    ...{
      name: "slurm",
      executor: "slurm",
      share: 1,
      settings: "slurm: { poll: 0.3 }\n",
      trouble: "none",
      journalFolder: (rig) => rig.root,
    },
    missing: slurmIsMissing,
    open: async () => {
      cluster = await TestCluster.start({ cpus: 8 });
    },
    close: () => cluster!.stop(),
    environment: () => cluster!.environment,
    isAtWork: () => cluster!.tell("squeue", "-h") !== "",
  },
  slurmThroughSharedCache: {
    ...{ name: "slurm through a shared cache", executor: "slurm", share: 0.4, trouble: "none" },
    settings: "slurm: { poll: 0.3, files: shared-cache }\n",
    journalFolder: () => both,
    missing: namespacesAreMissing,
    open: async () => {
      both = mkdtempSync(join(tmpdir(), "exp-both-"));
      cluster = await TestCluster.start({ cpus: 8, seesOnly: [both] });
    },
    close: async () => {
      await cluster?.stop();
      rmSync(both, { recursive: true, force: true });
    },
    environment: () => ({ ...cluster!.environment, EXP_SHARED_CACHE: join(both, "cache") }),
    isAtWork: () => cluster!.tell("squeue", "-h") !== "",
  },
  modal: {
    ...{ name: "modal", executor: "modal", share: 0.4, trouble: "elsewhere" },
    ...atModal(),
  },
  modalWithFaults: {
    ...{ name: `modal with faults, seed ${seed}`, executor: "modal", share: 1, trouble: "here" },
    ...atModal(),
    weather: () => ({ server: modal!, storm: storm! }),
    // Containers with GPUs are of the other backend than those of the recipe and of the program.
    settings: "modal: { poll: 0.2, parallel: 4, targets: { draw: { gpu: L4 } } }\n",
    // Each of some length, so that what befalls it leaves something.
    fanOut: "batch: Math.ceil(COUNT / 4),",
  },
} satisfies Record<string, Place>;

function atModal() {
  return {
    settings: "modal: { poll: 0.2, parallel: 4 }\n",
    journalFolder: () => both,
    missing: hasBubblewrap ? undefined : "bubblewrap",
    open: async () => {
      both = mkdtempSync(join(tmpdir(), "exp-both-"));
      modal = await ModalServer.start({ seesToo: [both] });
      storm = new Storm(modal, randomFrom(seed));
    },
    close: async () => {
      await modal?.stop();
      rmSync(both, { recursive: true, force: true });
    },
    environment: () => modal!.environment,
    isAtWork: () => modal!.sandboxes.live.length > 0,
  };
}

/** Processes whose environment names the project's cache. */
function workersOf(rig: Rig): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`).includes(`${rig.root}/cache/tmp`);
    } catch {
      return false;
    }
  });
}

// How actions run in Modal containers, as an Expfile, a rule or exp.local.yaml says it. Nothing of it is part of a key.

import { aCount, anObject, aText, checkFields, checkShape, texts, type Shape } from "./declared.ts";

/** What a container is made of. */
export interface ModalImage {
  /** A tag of a registry: "python:3.12-slim". Node of the driver's major version has to be in it. */
  readonly from: string;
  /** Lines of a Dockerfile that come on top: ["RUN pip install torch==2.4.0"]. COPY has nothing to copy from. */
  readonly commands?: readonly string[];
  /** The name of a secret of Modal with the credentials of a private registry. */
  readonly registrySecret?: string;
}

export interface ModalOptions {
  /** The kind, and how many if not `resources: { gpu }` says it: "L4", "H100:2". */
  readonly gpu?: string;
  /** Processor cores. Without it: `resources.cpu`, or 1. */
  readonly cpu?: number;
  /** MiB. Without it: `resources.memory` and what exp itself needs, or 1024. */
  readonly memory?: number;
  /** Of a container, minutes. Without it: the time limits of its actions, or an hour. */
  readonly time?: number;
  /** Where it has to run: ["us-east"]. Modal asks more for it. */
  readonly regions?: readonly string[];
  /** A tag of a registry, or a tag and what comes on top. Without it: the image of Node of the driver's major version. */
  readonly image?: string | ModalImage;
  /** Names of secrets that are kept at Modal; their variables are handed to containers, and to recipes that declare them. */
  readonly secrets?: readonly string[];
}

/** What a resource costs, in dollars: it counts over the table that exp brings along. */
export interface ModalPrices {
  /** A core for a second. */
  readonly cpu?: number;
  /** A GiB for a second. */
  readonly memory?: number;
  /** One GPU for a second, by kind: { H100: 0.0011 }. */
  readonly gpu?: Readonly<Record<string, number>>;
  /** By region, what all of it is multiplied with: { "us-east": 1.5 }. */
  readonly regions?: Readonly<Record<string, number>>;
}

/** What holds for all of a project's work at Modal. */
export interface ModalSettings extends ModalOptions {
  /** The app that containers belong to; "exp" if not said. */
  readonly app?: string;
  /** The environment of the workspace; its default if not said. */
  readonly environment?: string;
  /** The volume that files travel by; "exp" if not said. Made when it is not there. */
  readonly volume?: string;
  /** How many containers may run at once; 20 if not said. */
  readonly parallel?: number;
  /** Seconds between two looks at what runs; 2 if not said. */
  readonly poll?: number;
  readonly prices?: ModalPrices;
}

/** As Modal takes it. */
export const gpuPattern = /^[A-Za-z][\w-]*[!+]?(?::[1-9]\d*)?$/;

const aPositive: Shape = {
  isMet: (value) => typeof value === "number" && Number.isFinite(value) && value > 0,
  what: "a number above 0",
};
const aGpu: Shape = {
  isMet: (value) => typeof value === "string" && gpuPattern.test(value),
  what: 'a kind of GPU, with a number if it is more than one: "L4", "H100:2"',
};
const anImage: Shape = {
  isMet: (value) => aText.isMet(value) || (anObject.isMet(value) && "from" in (value as object)),
  what: 'a tag of a registry ("python:3.12-slim"), or { from, commands }',
};
const amounts: Shape = {
  isMet: (value) =>
    anObject.isMet(value) && Object.values(value as object).every((one) => one === undefined || isPrice(one)),
  what: "an object of numbers from 0",
};
const aPrice: Shape = { isMet: isPrice, what: "dollars a second, a number from 0" };

function isPrice(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

const options: Readonly<Record<keyof ModalOptions, Shape>> = {
  gpu: aGpu,
  cpu: aPositive,
  memory: aPositive,
  time: aPositive,
  regions: texts,
  image: anImage,
  secrets: texts,
};
const settings: Readonly<Record<Exclude<keyof ModalSettings, keyof ModalOptions>, Shape>> = {
  app: aText,
  environment: aText,
  volume: aText,
  parallel: aCount,
  poll: aPositive,
  prices: anObject,
};

export const modalOptions: Shape = {
  isMet: anObject.isMet,
  what: 'what Modal is told: { gpu: "L4", time: 30 }',
};

/** Throws a `DeclarationError` that names the field. `who`: "rule lab/fold: `modal`". */
export function checkModalOptions(who: string, given: ModalOptions): void {
  checkFields(who, given, {}, options);
  checkImage(who, given);
}

export function checkModalSettings(who: string, given: ModalSettings): void {
  checkFields(who, given, {}, { ...options, ...settings });
  checkImage(who, given);
  const prices = { cpu: aPrice, memory: aPrice, gpu: amounts, regions: amounts };
  checkFields(`${who}: \`prices\``, given.prices ?? {}, {}, prices);
}

function checkImage(who: string, { image }: ModalOptions): void {
  if (typeof image !== "object") return;
  checkFields(`${who}: \`image\``, image, { from: aText }, { commands: texts, registrySecret: aText });
  checkShape(`${who}: \`image.commands\``, image.commands ?? [], noCopies);
}

const noCopies: Shape = {
  isMet: (value) => (value as readonly string[]).every((line) => !isCopy(line)),
  what: "without COPY from this machine, of which Modal's SDK has none: fetch it by RUN, or make it an input of the action",
};

function isCopy(line: string): boolean {
  return /^\s*(?:COPY|ADD)\s+(?!--from=|https?:)/i.test(line);
}

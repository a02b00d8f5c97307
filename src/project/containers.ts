// Modal as a project uses it: whether it may be spoken to, how its executor is made, what of the project runs there. Another of the files that name
// concrete executors and stores.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { ModalSettings } from "../api/modal.ts";
import { ModalPlatform } from "../backends/executors/modal.ts";
import { Cloud } from "../backends/executors/modal/cloud.ts";
import { configFile, findCredentials, type Lack } from "../backends/executors/modal/credentials.ts";
import { mountPath, VolumePlace } from "../backends/executors/modal/place.ts";
import { pricesWith } from "../backends/executors/modal/prices.ts";
import { loadSdk, type Sdk } from "../backends/executors/modal/sdk.ts";
import type { Start } from "../backends/executors/remote/carrier.ts";
import { ContentCarrier } from "../backends/executors/remote/content-carrier.ts";
import { SubmissionFolder } from "../backends/executors/remote/submission.ts";
import { digestOfBytes } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { Calls, callFiles } from "../runs/calls.ts";
import { isMissing, readTextIfThere } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { LocalSettings } from "./local-settings.ts";
import { driverFor } from "./driver.ts";
import type { Elsewhere } from "./executors.ts";
import { modalSettings } from "./modal-settings.ts";
import { noteModalUse, type ModalUse } from "./modal-use.ts";
import { batchVariable, type PlaceGiven } from "./places.ts";
import { nodeMajor, type Project } from "./project.ts";

const usualName = "exp";
const usualParallel = 20;

/** Undefined: this machine may speak to Modal. Nothing is loaded, and nobody asked. */
export function whyNoModal({ environment }: Pick<Project, "environment">): Lack | undefined {
  const credentials = findCredentials(environment, readTextIfThere(configFile(environment)));
  return credentials.ok ? undefined : credentials.error;
}

/** What is here for it, and what is missing; loads the SDK. */
export async function lookForModal(
  project: Pick<Project, "environment">,
): Promise<{ readonly found: string; readonly lack: Lack | undefined }> {
  const credentials = findCredentials(project.environment, readTextIfThere(configFile(project.environment)));
  const sdk = await loadSdk();
  if (!sdk.ok) return { found: sdk.error.what, lack: sdk.error };
  if (!credentials.ok) return { found: credentials.error.what, lack: credentials.error };
  return { found: `its SDK is installed, credentials are in ${credentials.value.from}`, lack: undefined };
}

/** `by`: who wants it. */
export async function openModal(
  project: Project,
  declared: ModalSettings | undefined,
  local: LocalSettings["modal"],
  by: string,
): Promise<Result<Elsewhere, readonly Failure[]>> {
  const neededBy = `the executor modal, by ${by}`;
  const { settings, targets } = modalSettings(declared, local);
  const lack = whyNoModal(project);
  if (lack !== undefined) return fail([inputFailure(lack.what, { neededBy, fix: sentence(lack.fix) })]);
  const sdk = await loadSdk();
  if (!sdk.ok) return fail([inputFailure(sdk.error.what, { neededBy, fix: sdk.error.fix })]);
  const cloud = openCloud(sdk.value, settings);
  if (!cloud.ok) return fail([inputFailure(cloud.error.what, { neededBy, fix: cloud.error.fix })]);
  const greeted = await cloud.value.greet();
  if (greeted.ok) {
    const make: Elsewhere["make"] = (run, setup) => {
      noteModalUse(project, settings);
      const { warn, budget } = setup;
      const platform = new ModalPlatform({
        ...{ cloud: cloud.value, settings, targets, nodeMajor, commandOf, warn, budget },
        prices: pricesWith(settings.prices),
        prefix: containerPrefixOf(project),
      });
      const carrier = openCarrierOf(project, cloud.value, settings, warn);
      const [folder, submissionsOf] = [submissionsFolder, containerSubmissions];
      return driverFor(project, run, { platform, carrier, folder, submissionsOf }, setup);
    };
    return ok({ name: "modal", make });
  }
  cloud.value.close();
  const { kind, message } = greeted.error;
  return fail([
    inputFailure(
      kind === "credentials" ? `Modal refuses the credentials: ${message}` : `Modal does not answer: ${message}`,
      {
        neededBy,
        fix:
          kind === "credentials"
            ? "Make a new token: modal.com/settings/tokens"
            : "Try again, or build with --executor local.",
      },
    ),
  ]);
}

/** All of the project's containers are called so, and tagged. */
export function containerPrefixOf({ paths }: Project): string {
  return `exp-${createHash("sha256").update(paths.root).digest("hex").slice(0, 8)}`;
}

const submissionsFolder = ".containers";

/** Of one run. */
export function containerSubmissions(runFolder: string): readonly SubmissionFolder[] {
  const folder = join(runFolder, submissionsFolder);
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => new SubmissionFolder(join(folder, name)));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Undefined: it cannot be spoken to now. */
export async function reopenModal(project: Project, use: ModalUse): Promise<Cloud | undefined> {
  if (whyNoModal(project) !== undefined) return undefined;
  const sdk = await loadSdk();
  const cloud = sdk.ok ? openCloud(sdk.value, use) : sdk;
  return cloud.ok ? cloud.value : undefined;
}

function openCloud(sdk: Sdk, { app, environment, volume, parallel }: ModalSettings): Result<Cloud, Lack> {
  return Cloud.open(sdk, {
    app: app ?? usualName,
    environment,
    volume: volume ?? usualName,
    parallel: parallel ?? usualParallel,
  });
}

function commandOf({ program }: Start): readonly string[] {
  if (program.kind === "there") throw new Error("containers do not see the project");
  const copies = program.files.flatMap(([name, text]) => {
    const digest = digestOfBytes(text);
    return [`${mountPath}/cas/${digest.slice(0, 2)}/${digest}`, name];
  });
  return ["/bin/sh", "-c", startScript, program.files[0]![0], ...copies, "--"];
}

/** The files of the program lie on the volume under their digests; it wants them under their names. What it says goes one way. */
const startScript =
  'folder=$(mktemp -d) && while [ "$1" != -- ]; do cp "$1" "$folder/$2" && shift 2 || exit 1; done && shift && exec node "$folder/$0" "$@" 2>&1';

function placeOf({ paths, store }: Project, cloud: Cloud, { volume = usualName, poll }: ModalSettings): VolumePlace {
  return new VolumePlace({
    volume,
    files: () => cloud.files(),
    local: store,
    staging: join(paths.cache, "tmp"),
    // All batches that are asked after in one look are answered by one list.
    freshMs: Math.min(1000, (poll ?? 2) * 500),
    now: () => performance.now(),
  });
}

export function openCarrierOf(
  project: Project,
  cloud: Cloud,
  settings: ModalSettings,
  warn: (text: string) => void,
): ContentCarrier {
  const { paths, store } = project;
  const place = placeOf(project, cloud, settings);
  const callsFolder = join(paths.archive, "calls");
  const calls = new Calls(callsFolder, { now: Date.now, notBefore: 0 });
  const at = `modal://${settings.volume ?? usualName}`;
  const given = { at: mountPath, patienceMs: 60_000, unpacked: true, commits: true };
  return new ContentCarrier({
    at,
    open: (one) => Promise.resolve(one === at ? place : undefined),
    store,
    carried: () => [["batch.mjs", readFileSync(programOf("batch.js"), "utf8")]],
    leavesCarried: true,
    programs: [
      ["worker.mjs", programOf("worker.js")],
      ["node_modules/yaml/index.js", programOf("yaml.cjs")],
    ],
    callFiles: () => (existsSync(callsFolder) ? callFiles(callsFolder).map((name) => join(callsFolder, name)) : []),
    keepCalls: (paid) => calls.keep(paid),
    environment: (key) => ({ [batchVariable]: JSON.stringify({ ...given, key } satisfies PlaceGiven) }),
    warn,
  });
}

function programOf(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

// How submissions of a project travel to where they run: in its folder or through its shared cache. Another of the files that name concrete ones.

import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { FolderCarrier, type Carrier } from "../backends/executors/remote/carrier.ts";
import { ContentCarrier } from "../backends/executors/remote/content-carrier.ts";
import { Calls, callFiles } from "../runs/calls.ts";
import { withoutPasswords } from "../util/url.ts";
import { batchVariable, openPlace, type PlaceGiven } from "./places.ts";
import type { Project } from "./project.ts";
import { patienceOf, sharedVariables } from "./shared.ts";

export interface CarriersSetup {
  /** The shared cache through which to send; undefined: the nodes see the project's folder. */
  readonly through: string | undefined;
  readonly warn: (text: string) => void;
}

/** Sends in one way, and hears of what was sent in either: a setting may have changed since. */
export function openCarriers(project: Project, { through, warn }: CarriersSetup): Carrier {
  const { paths, environment, store } = project;
  const callsFolder = join(paths.archive, "calls");
  const calls = new Calls(callsFolder, { now: Date.now, notBefore: 0 });
  const at = through === undefined ? undefined : whole(through, paths.root);
  const given = {
    ...(environment[sharedVariables.token] && { token: environment[sharedVariables.token]! }),
    patienceMs: patienceOf(environment) * 1000,
  };
  const told = [at, environment[sharedVariables.place]].filter((one) => one !== undefined);
  const content = new ContentCarrier({
    at: withoutPasswords(at ?? ""),
    // A password lies in no file: who waits for what an earlier build has sent has to be told it again.
    open: (noted) =>
      openPlace(
        { at: told.find((one) => withoutPasswords(one) === noted) ?? noted, ...given },
        store,
        join(paths.cache, "partial"),
      ),
    store,
    carried: () => [
      ["batch.mjs", readFileSync(programOf("batch.js"), "utf8")],
      ...(isBucket(at) ? [["aws-s3.mjs", readFileSync(programOf("aws-s3.mjs"), "utf8")] as const] : []),
    ],
    programs: [
      ["worker.mjs", programOf("worker.js")],
      ["node_modules/yaml/index.js", programOf("yaml.cjs")],
    ],
    callFiles: () => callFiles(callsFolder).map((name) => join(callsFolder, name)),
    keepCalls: (paid) => calls.keep(paid),
    environment: (key) => ({
      [batchVariable]: JSON.stringify({ at: at!, key, unpacked: true, ...given } satisfies PlaceGiven),
      ...(isBucket(at) && credentialsIn(environment)),
    }),
    warn,
  });
  const sender = at === undefined ? new FolderCarrier(programOf("batch.js")) : content;
  return {
    send: (folder, load) => sender.send(folder, load),
    collect: (folder, batches) => content.collect(folder, batches),
    refresh: () => content.refresh(),
    giveUp: (folder) => content.giveUp(folder),
    close: () => calls.close(),
  };
}

/** Of a bucket, the library that speaks to it has to go along. */
export function canTravelThrough(at: string): boolean {
  return !isBucket(at) || existsSync(programOf("aws-s3.mjs"));
}

function programOf(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

/** The nodes do not stand in the project's folder. */
function whole(at: string, root: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(at) || isAbsolute(at) ? at : resolve(root, at);
}

function isBucket(at: string | undefined): boolean {
  return at !== undefined && /^s3:/i.test(at);
}

/** What tools of AWS read of the environment; files in a home have to be there. */
function credentialsIn(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith("AWS_") && value !== undefined ? [[name, value]] : [],
    ),
  );
}

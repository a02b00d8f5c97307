// The RPCs of the control plane that executors need: each as the SDK expects it answered.

import { randomBytes } from "node:crypto";
import { ServerError, Status, type CallContext } from "nice-grpc";
import type { Blocks } from "./blocks.ts";
import { pause } from "./faults.ts";
import type { Registry } from "./registry.ts";
import { statuses, type Mount, type Sandbox, type SandboxDefinition, type Sandboxes } from "./sandboxes.ts";
import { volumeCalls, volumeOf } from "./volume-calls.ts";
import type { Volume } from "./volumes.ts";

export interface World {
  readonly registry: Registry;
  readonly sandboxes: Sandboxes;
  readonly volumes: Map<string, Volume>;
  readonly blocks: Blocks;
  readonly tokenId: string;
  readonly tokenSecret: string;
  /** Whether a call that is tried again under its idempotency key is answered as the first time: it is not known of the cloud. */
  readonly honoursIdempotency: () => boolean;
  readonly routerUrl: () => string;
}

interface Tag {
  readonly tagName: string;
  readonly tagValue: string;
}

interface DefinitionMessage {
  readonly entrypointArgs: readonly string[];
  readonly imageId: string;
  readonly timeoutSecs: number;
  readonly idleTimeoutSecs?: number;
  readonly workdir?: string;
  readonly name?: string;
  readonly secretIds: readonly string[];
  readonly volumeMounts: readonly { volumeId: string; mountPath: string; readOnly: boolean; subPath?: string }[];
  readonly resources?: {
    readonly milliCpu: number;
    readonly memoryMb: number;
    readonly gpuConfig?: { readonly count: number; readonly gpuType: string };
  };
  readonly networkAccess?: { readonly networkAccessType: number };
  readonly schedulerPlacement?: { readonly regions: readonly string[] };
  readonly openPorts?: { readonly ports: readonly unknown[] };
}

interface CreateMessage {
  readonly appId: string;
  readonly definition: DefinitionMessage;
  readonly tags: readonly Tag[];
  readonly secretSources?: readonly {
    readonly secretId?: string;
    readonly env?: { readonly contents: Readonly<Record<string, string>> };
  }[];
}

interface ListMessage {
  readonly appId: string;
  readonly beforeTimestamp: number;
  readonly tags: readonly Tag[];
}

interface NameMessage {
  readonly appName: string;
  readonly sandboxName: string;
  readonly includeTerminated: boolean;
}

const createIfMissing = 1;
const ephemeral = 5;
const blockedNetwork = 2;
const pageSize = 20;

/** By the names of the definition's methods. */
export function controlPlane(
  world: World,
): Readonly<Record<string, (request: never, context: CallContext) => unknown>> {
  const { registry, sandboxes } = world;
  const sandboxOf = ({ sandboxId }: { readonly sandboxId: string }): Sandbox => {
    const sandbox = sandboxes.all.get(sandboxId);
    if (sandbox === undefined) throw new ServerError(Status.NOT_FOUND, `no sandbox ${sandboxId}`);
    return sandbox;
  };
  const secretOf = (id: string) => {
    const values = registry.secrets.get(id);
    if (values === undefined) throw new ServerError(Status.NOT_FOUND, `no secret ${id}`);
    return values;
  };
  const answered = new Map<string, Sandbox>();

  const create = (backend: "V1" | "V2", message: CreateMessage, context: CallContext): Sandbox => {
    const key = context.metadata.get("x-idempotency-key") ?? "";
    const before = answered.get(key);
    if (before !== undefined && world.honoursIdempotency()) return before;
    const { definition, appId } = message;
    refuseWhatIsNotThere(definition);
    const image = registry.images.get(definition.imageId);
    if (image === undefined) throw new ServerError(Status.FAILED_PRECONDITION, `no image ${definition.imageId}`);
    const name = definition.name ?? "";
    if (name !== "" && sandboxes.named(appId, name).some(({ state }) => state !== "over"))
      throw new ServerError(Status.ALREADY_EXISTS, `sandbox with name '${name}' already exists`);
    const sandbox = sandboxes.create(definitionOf(backend, message), Object.fromEntries(message.tags.map(pair)));
    answered.set(key, sandbox);
    return sandbox;
  };

  const definitionOf = (
    backend: "V1" | "V2",
    { appId, definition, secretSources = [] }: CreateMessage,
  ): SandboxDefinition => {
    const { gpuConfig, milliCpu = 0, memoryMb = 0 } = definition.resources ?? {};
    const environment = {
      ...registry.imageEnvironment(definition.imageId),
      ...Object.assign({}, ...definition.secretIds.map(secretOf)),
      ...Object.assign({}, ...secretSources.map(({ secretId, env }) => env?.contents ?? secretOf(secretId!))),
    } as Readonly<Record<string, string>>;
    return {
      ...{ backend, appId, environment, milliCpu, imageId: definition.imageId, workdir: definition.workdir },
      name: definition.name ?? "",
      argv: definition.entrypointArgs,
      gpu:
        gpuConfig === undefined || gpuConfig.count === 0
          ? undefined
          : { type: gpuConfig.gpuType, count: gpuConfig.count },
      memoryMiB: memoryMb,
      lifetimeSeconds: definition.timeoutSecs,
      mounts: definition.volumeMounts.map(({ mountPath, readOnly, subPath = "", ...mount }): Mount => ({
        ...{ volume: volumeOf(world, mount), mountPath, subPath, isReadOnly: readOnly },
      })),
      regions: definition.schedulerPlacement?.regions ?? [],
      hasNetwork: definition.networkAccess?.networkAccessType !== blockedNetwork,
    };
  };

  const wait = async (
    request: { readonly sandboxId: string; readonly timeout: number },
    context: CallContext,
  ): Promise<object> => {
    const sandbox = sandboxOf(request);
    if (sandbox.result === undefined && request.timeout > 0)
      await Promise.race([sandbox.ended, pause(request.timeout * 1000, context.signal)]);
    return { result: sandbox.result, metadata: { appId: sandbox.definition.appId, result: sandbox.result } };
  };

  const taskId = async (request: { readonly sandboxId: string; readonly timeout?: number }, context: CallContext) => {
    const sandbox = sandboxOf(request);
    await Promise.race([sandbox.begun, pause((request.timeout ?? 0.25) * 1000, context.signal)]);
    if (sandbox.startedAt !== undefined) return { taskId: sandbox.taskId };
    return sandbox.result === undefined ? {} : { taskResult: sandbox.result };
  };

  const terminate = async (request: { readonly sandboxId: string }) => {
    const sandbox = sandboxOf(request);
    const existingResult = sandbox.result;
    void sandboxes.terminate(sandbox);
    return { existingResult };
  };

  const list = (backends: readonly string[], { appId, beforeTimestamp, tags }: ListMessage) => ({
    sandboxes: [...sandboxes.live]
      .filter((sandbox) => backends.includes(sandbox.definition.backend))
      .filter(({ definition }) => appId === "" || definition.appId === appId)
      .filter((sandbox) => tags.every(({ tagName, tagValue }) => sandbox.tags[tagName] === tagValue))
      .filter(({ createdAt }) => beforeTimestamp === 0 || createdAt < beforeTimestamp)
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, pageSize)
      .map((sandbox) => ({
        ...{ id: sandbox.id, createdAt: sandbox.createdAt, tags: tagsOf(sandbox) },
        ...{ appId: sandbox.definition.appId, name: sandbox.definition.name },
      })),
  });

  const named = (backend: string, { appName, sandboxName, includeTerminated }: NameMessage) => {
    const found = sandboxes
      .named(registry.apps.get(appName) ?? "", sandboxName)
      .filter((sandbox) => sandbox.definition.backend === backend);
    const sandbox = found.find(({ state }) => state !== "over") ?? (includeTerminated ? found.at(-1) : undefined);
    if (sandbox === undefined) throw new ServerError(Status.NOT_FOUND, `no sandbox named ${sandboxName}`);
    return { sandboxId: sandbox.id };
  };

  const setTags = ({ tags, ...request }: { readonly sandboxId: string; readonly tags: readonly Tag[] }) => {
    sandboxOf(request).tags = Object.fromEntries(tags.map(pair));
    return {};
  };

  const access = () => ({ jwt: tokenUntil(3600), url: world.routerUrl() });

  return {
    ...volumeCalls(world),
    authTokenGet: () => ({ token: tokenUntil(1200) }),
    environmentGetOrCreate: () => ({
      environmentId: "en-main",
      metadata: { name: "main", settings: { imageBuilderVersion: "2025.06", webhookSuffix: "" } },
    }),
    appGetOrCreate: ({ appName, objectCreationType }: { appName: string; objectCreationType: number }) => {
      const appId = registry.app(appName, objectCreationType === createIfMissing);
      if (appId === undefined) throw new ServerError(Status.NOT_FOUND, `no app ${appName}`);
      return { appId };
    },
    secretGetOrCreate: (message: {
      readonly deploymentName: string;
      readonly objectCreationType: number;
      readonly envDict: Readonly<Record<string, string>>;
      readonly requiredKeys: readonly string[];
    }) => {
      if (message.objectCreationType === ephemeral) return { secretId: registry.ephemeralSecret(message.envDict) };
      const secretId = registry.secretNamed(message.deploymentName);
      if (secretId === undefined) throw new ServerError(Status.NOT_FOUND, `no secret ${message.deploymentName}`);
      const missing = message.requiredKeys.filter((key) => !(key in secretOf(secretId)));
      if (missing.length > 0)
        throw new ServerError(Status.FAILED_PRECONDITION, `Secret is missing key(s): ${missing.join(", ")}`);
      return { secretId };
    },
    imageGetOrCreate: ({ image }: { image: { dockerfileCommands: string[]; baseImages: { imageId: string }[] } }) => {
      const built = registry.image(image.dockerfileCommands, image.baseImages[0]?.imageId);
      return { imageId: built.id, ...(registry.imageBuildMs === 0 && { result: imageResult(built.failure) }) };
    },
    imageJoinStreaming: async function* ({ imageId }: { imageId: string }, context: CallContext) {
      await pause(registry.imageBuildMs, context.signal);
      yield { result: imageResult(registry.images.get(imageId)?.failure), eof: true };
    },

    sandboxCreate: (message: CreateMessage, context: CallContext) => ({
      sandboxId: create("V1", message, context).id,
    }),
    sandboxCreateV2: async (message: CreateMessage, context: CallContext) => {
      if ((message.definition.resources?.gpuConfig?.count ?? 0) > 0)
        throw new ServerError(Status.INVALID_ARGUMENT, "GPUs are not supported");
      const sandbox = create("V2", message, context);
      return { sandboxId: sandbox.id, taskId: sandbox.taskId, commandRouterAccess: access() };
    },
    sandboxGetTaskId: taskId,
    sandboxGetTaskIdV2: taskId,
    sandboxWait: wait,
    sandboxWaitV2: wait,
    sandboxTerminate: terminate,
    sandboxTerminateV2: terminate,
    sandboxList: (message: ListMessage) => list(["V1"], message),
    sandboxListV2: (message: ListMessage) => list(["V1", "V2"], message),
    sandboxGetFromName: (message: NameMessage) => named("V1", message),
    sandboxGetFromNameV2: (message: NameMessage) => named("V2", message),
    sandboxTagsSet: setTags,
    sandboxTagsSetV2: setTags,
    sandboxTagsGet: (request: { sandboxId: string }) => ({ tags: tagsOf(sandboxOf(request)) }),
    sandboxTagsGetV2: (request: { sandboxId: string }) => ({ tags: tagsOf(sandboxOf(request)) }),
    sandboxGetCommandRouterAccess: (request: { sandboxId: string }) => (sandboxOf(request), access()),
    taskGetCommandRouterAccess: access,
    sandboxStdinWrite: (request: { sandboxId: string; input: Uint8Array; eof: boolean }) => {
      sandboxOf(request).input((process) => {
        process.write(request.input);
        if (request.eof) process.closeInput();
      });
      return {};
    },
    /** Text, in batches that can be asked for again by the last one's name. */
    sandboxGetLogs: async function* (
      request: { sandboxId: string; fileDescriptor: number; timeout: number; lastEntryId: string },
      context: CallContext,
    ) {
      const sandbox = sandboxOf(request);
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), request.timeout * 1000);
      const signal = AbortSignal.any([late.signal, context.signal]);
      await Promise.race([sandbox.begun, pause(request.timeout * 1000, signal)]);
      const output = request.fileDescriptor === 1 ? sandbox.process?.stdout : sandbox.process?.stderr;
      const decoder = new TextDecoder();
      try {
        for await (const { offset, data } of output?.from(Number(request.lastEntryId.split("-")[0]), signal) ?? [])
          yield {
            entryId: `${offset + data.length}-0`,
            items: [{ data: decoder.decode(data, { stream: true }), fileDescriptor: request.fileDescriptor }],
          };
      } finally {
        clearTimeout(timer);
      }
      if (!signal.aborted && sandbox.state !== "queued")
        yield { entryId: `${output?.length ?? 0}-0`, items: [], eof: true };
    },
  };
}

function refuseWhatIsNotThere(definition: DefinitionMessage): void {
  const missing =
    definition.idleTimeoutSecs !== undefined
      ? "idle timeouts"
      : (definition.openPorts?.ports.length ?? 0) > 0
        ? "ports"
        : undefined;
  if (missing !== undefined) throw new ServerError(Status.UNIMPLEMENTED, `this server has no ${missing}`);
}

function imageResult(failure: string | undefined): object {
  return failure === undefined
    ? { status: statuses.success, exception: "" }
    : { status: statuses.failure, exception: failure };
}

function pair({ tagName, tagValue }: Tag): readonly [string, string] {
  return [tagName, tagValue];
}

function tagsOf({ tags }: Sandbox): readonly Tag[] {
  return Object.entries(tags).map(([tagName, tagValue]) => ({ tagName, tagValue }));
}

/** Signed by nobody: its readers look at its time only. */
function tokenUntil(seconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return `${part({ alg: "none" })}.${part({ exp, nonce: randomBytes(4).toString("hex") })}.x`;
}

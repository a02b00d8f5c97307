// Modal on 127.0.0.1, for tests: the real SDK makes sandboxes, volumes and images on it, whose containers are local processes, each in a folder of its own.
// What goes wrong is steered from the test (`faults`, `settings`, `sandboxes`). Whatever it does not know it refuses by name.
//
//   const modal = await ModalServer.start();
//   spawn(program, { env: modal.environment });
//   modal.faults.add({ rpc: "SandboxCreate", kind: "answer-lost" });
//   await modal.stop();

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createServer,
  ServerError,
  Status,
  type CallContext,
  type CompatServiceDefinition,
  type Server,
  type ServerMiddlewareCall,
} from "nice-grpc";
import { Blocks } from "./blocks.ts";
import { hasBubblewrap } from "./container.ts";
import { commandRouter } from "./router.ts";
import { controlPlane, type World } from "./control.ts";
import { definitions } from "./definitions.ts";
import { Faults } from "./faults.ts";
import { Registry } from "./registry.ts";
import { Sandboxes, type SandboxSettings } from "./sandboxes.ts";
import type { Volume } from "./volumes.ts";

export interface ServerSettings extends SandboxSettings {
  /** Whether the answer to a call that is tried again is that of the first time. */
  honoursIdempotency: boolean;
}

export { hasBubblewrap };
const token = { id: "ak-local", secret: "as-local" };
const largestMessage = 100 * 1024 * 1024;

export class ModalServer {
  readonly faults = new Faults();
  readonly registry = new Registry();
  readonly volumes = new Map<string, Volume>();
  readonly blocks: Blocks;
  readonly sandboxes: Sandboxes;
  readonly settings: ServerSettings;
  readonly folder: string;
  readonly #grpc: Server;
  #port = 0;

  private constructor(folder: string, settings: Partial<ServerSettings>) {
    this.folder = folder;
    this.settings = {
      ...{ gpus: 8, containers: 100, startMs: 0, commitMs: 0, isOverBeforeCommit: false, preemptionGraceMs: 200 },
      ...{ backgroundCommitMs: undefined, misfortune: () => undefined, keptOutputBytes: 1024 * 1024 },
      ...{ honoursIdempotency: false, seesToo: [], node: process.execPath, onCommit: () => undefined },
      ...settings,
    };
    this.blocks = new Blocks(join(folder, "blocks"));
    this.sandboxes = new Sandboxes(join(folder, "sandboxes"), this.settings);
    const world: World = {
      ...{ registry: this.registry, sandboxes: this.sandboxes, volumes: this.volumes, blocks: this.blocks },
      ...{ tokenId: token.id, tokenSecret: token.secret },
      honoursIdempotency: () => this.settings.honoursIdempotency,
      // It has to say https, and is spoken to in the clear where the control plane is this machine.
      routerUrl: () => `https://127.0.0.1:${this.#port}`,
    };
    const { ModalClientDefinition, TaskCommandRouterDefinition } = definitions();
    this.#grpc = createServer({
      "grpc.max_receive_message_length": largestMessage,
      "grpc.max_send_message_length": largestMessage,
    }).use(this.faults.around);
    this.#grpc
      .with(checkToken)
      .add(ModalClientDefinition, implementationOf(ModalClientDefinition, controlPlane(world)));
    this.#grpc.add(TaskCommandRouterDefinition, implementationOf(TaskCommandRouterDefinition, commandRouter(world)));
  }

  static async start(settings: Partial<ServerSettings> = {}): Promise<ModalServer> {
    const server = new ModalServer(mkdtempSync(join(tmpdir(), "exp-modal-")), settings);
    await server.blocks.start();
    server.#port = await server.#grpc.listen("127.0.0.1:0");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What a program needs to speak to it, and to nothing else. */
  get environment(): Readonly<Record<string, string>> {
    return {
      MODAL_SERVER_URL: this.url,
      MODAL_TOKEN_ID: token.id,
      MODAL_TOKEN_SECRET: token.secret,
      MODAL_CONFIG_PATH: join(this.folder, "no-such-file.toml"),
      MODAL_LOGLEVEL: "error",
    };
  }

  /** With what was asked for, the answer lost or not. */
  volume(name: string): Volume {
    const volume = this.volumes.get(name);
    if (volume === undefined) throw new Error(`nobody has made a volume ${name}`);
    return volume;
  }

  async stop(): Promise<void> {
    await this.sandboxes.stop();
    this.#grpc.forceShutdown();
    await this.blocks.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function implementationOf(
  { name, methods }: CompatServiceDefinition & { readonly name?: string; readonly methods?: object },
  known: Readonly<Record<string, (request: never, context: CallContext) => unknown>>,
): never {
  const implementation: Record<string, (request: never, context: CallContext) => unknown> = {};
  for (const [method, { responseStream }] of Object.entries(
    methods as Readonly<Record<string, { readonly responseStream: boolean }>>,
  )) {
    const refuse = () => {
      throw new ServerError(Status.UNIMPLEMENTED, `this server does not know ${name}.${method}`);
    };
    implementation[method] =
      known[method] ?? (responseStream ? () => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) }) : refuse);
  }
  return implementation as never;
}

async function* checkToken<Request, Response>(
  call: ServerMiddlewareCall<Request, Response>,
  context: CallContext,
): AsyncGenerator<Response, Response | void, undefined> {
  const isKnown =
    context.metadata.get("x-modal-token-id") === token.id &&
    context.metadata.get("x-modal-token-secret") === token.secret;
  if (!isKnown) throw new ServerError(Status.UNAUTHENTICATED, "Token ID is malformed or was revoked");
  return yield* call.next(call.request, context);
}

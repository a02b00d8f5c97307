// The services of Modal as the installed SDK speaks them. Its bundle keeps their definitions to itself, so that a copy of it is compiled here, in
// memory, which hands them out. The SDK that is tested is the unmodified one.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { compileFunction } from "node:vm";
import type { CompatServiceDefinition } from "nice-grpc";

/** A message's type, as far as the server writes some itself. */
interface MessageType<Message> {
  encode(message: Message): { finish(): Uint8Array };
}

export interface Definitions {
  readonly ModalClientDefinition: CompatServiceDefinition;
  readonly TaskCommandRouterDefinition: CompatServiceDefinition;
  readonly RPCRetryPolicy: MessageType<{ readonly retryAfterSecs: number }>;
  readonly RPCStatus: MessageType<{
    readonly code: number;
    readonly message: string;
    readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
  }>;
}

const names = ["ModalClientDefinition", "TaskCommandRouterDefinition", "RPCRetryPolicy", "RPCStatus"] as const;

let loaded: Definitions | undefined;

export function definitions(): Definitions {
  return (loaded ??= load());
}

function load(): Definitions {
  const file = createRequire(import.meta.url).resolve("modal");
  const text = `${readFileSync(file, "utf8")}\nreturn { ${names.join(", ")} };`;
  const compiled = compileFunction(text, ["exports", "require", "module", "__filename", "__dirname"], {
    filename: file,
  }) as (...given: readonly unknown[]) => unknown;
  const module = { exports: {} };
  return compiled(module.exports, createRequire(file), module, file, dirname(file)) as Definitions;
}

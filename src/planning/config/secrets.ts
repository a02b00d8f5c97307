// Secrets: from the environment, else from the uncommitted file `.env`. They are handed to recipes, masked in all text, and refused in configs.

import { parseEnv } from "node:util";
import { join } from "node:path";
import { inputFailure, type Failure, type Place } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { decode } from "./decode.ts";
import { formatPath, type Located, type Path } from "./located.ts";
import { maskWith } from "./mask.ts";
import { recordReads, type FileRead, type ReadFile } from "./reads.ts";
import { placeOf, type Span } from "./source-text.ts";

/** Shorter values are too common in ordinary text to be masked. */
export const minSecretLength = 6;

export interface SecretOptions {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The names that rules declare. */
  readonly names: readonly string[];
  readonly readFile: ReadFile;
  /** The permission bits of a file, where the system has them. */
  readonly modeOf?: (path: string) => number | undefined;
}

export interface Secrets {
  readonly values: ReadonlyMap<string, string>;
  /** Declared, and found nowhere. */
  readonly missing: readonly string[];
  readonly warnings: readonly string[];
  readonly reads: readonly FileRead[];
  /** The text with each secret's value, plain or encoded, as `‹NAME›`. */
  readonly mask: (text: string) => string;
}

export function loadSecrets(options: SecretOptions): Result<Secrets, Failure[]> {
  const names = [...new Set(options.names)];
  const recorder = recordReads(options.readFile);
  const path = join(options.root, ".env");
  const file = readEnvFile(path, recorder.readFile);
  if (!file.ok) return file;
  const found = names.flatMap((name) => {
    // An empty variable is how shells and CI systems say "not set".
    const value = options.env[name] || file.value[name];
    return value ? [[name, value] as const] : [];
  });
  const values = new Map(found);
  const mode = Object.keys(file.value).length > 0 ? options.modeOf?.(path) : undefined;
  return ok({
    values,
    missing: names.filter((name) => !values.has(name)),
    warnings: [
      ...(mode !== undefined && (mode & 0o044) !== 0
        ? [".env can be read by other users of this machine; chmod 600 .env"]
        : []),
      ...found.flatMap(([name, value]) =>
        value.length < minSecretLength
          ? [`${name} is shorter than ${minSecretLength} characters and is not masked in logs`]
          : [],
      ),
    ],
    reads: recorder.reads(),
    mask: maskWith(found.filter(([, value]) => value.length >= minSecretLength)),
  });
}

/** A failure for each key and value that holds a secret. Neither the value nor its line is repeated. */
export function findSecretsIn(tree: Located, secrets: Secrets, path: Path = []): Failure[] {
  if (tree.kind === "scalar") return tellsSecret(String(tree.value), tree.span, path, secrets);
  if (tree.kind === "list") return tree.items.flatMap((item, index) => findSecretsIn(item, secrets, [...path, index]));
  return [...tree.entries].flatMap(([name, { key, value }]) => [
    ...tellsSecret(name, key, path, secrets),
    ...findSecretsIn(value, secrets, [...path, name]),
  ]);
}

function tellsSecret(text: string, span: Span, path: Path, { mask, values }: Secrets): Failure[] {
  const masked = mask(text);
  if (masked === text) return [];
  const name = [...values.keys()].find((each) => masked.includes(`‹${each}›`))!;
  const what = `${mask(formatPath(path)) || "the config"} holds the value of the secret ${name}`;
  return [
    inputFailure(what, {
      where: withoutText(placeOf(span), mask),
      fix: `Take it out: recipes get ${name} from the environment. If the file was shared, replace the secret.`,
    }),
  ];
}

function withoutText({ file, line, column }: Place, mask: Secrets["mask"]): Place {
  return { file: mask(file), ...(line !== undefined && { line }), ...(column !== undefined && { column }) };
}

function readEnvFile(
  path: string,
  readFile: ReadFile,
): Result<Readonly<Record<string, string | undefined>>, Failure[]> {
  const bytes = readFile(path);
  if (!bytes) return ok({});
  const text = decode(".env", bytes);
  return text.ok ? ok(parseEnv(text.value)) : fail([...text.error]);
}

// Apps, images and secrets: what sandboxes are made of. An image is a record of its layers; what its commands would have installed is not.

import { createHash, randomBytes } from "node:crypto";

export interface ImageRecord {
  readonly id: string;
  /** With those of the images below it, from the first on. */
  readonly commands: readonly string[];
  readonly failure: string | undefined;
}

export class Registry {
  readonly apps = new Map<string, string>();
  readonly images = new Map<string, ImageRecord>();
  /** By id. */
  readonly secrets = new Map<string, Readonly<Record<string, string>>>();
  readonly #secretNames = new Map<string, string>();
  /** Why the build of an image fails, if it does. */
  imageFailure: (commands: readonly string[]) => string | undefined = () => undefined;
  /** How long builds take; 0: the answer comes at once. */
  imageBuildMs = 0;

  app(name: string, isCreated: boolean): string | undefined {
    const known = this.apps.get(name);
    if (known !== undefined || !isCreated) return known;
    const id = newId("ap");
    this.apps.set(name, id);
    return id;
  }

  image(commands: readonly string[], base: string | undefined): ImageRecord {
    const below = base === undefined ? [] : this.images.get(base)!.commands;
    const all = [...below, ...commands];
    const id = `im-${createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 22)}`;
    const known = this.images.get(id);
    if (known !== undefined && known.failure === undefined) return known;
    const image = { id, commands: all, failure: this.imageFailure(all) };
    this.images.set(id, image);
    return image;
  }

  /** As lines `ENV NAME=value` of its layers say it. */
  imageEnvironment(id: string): Readonly<Record<string, string>> {
    const lines = this.images.get(id)?.commands ?? [];
    return Object.fromEntries(
      lines.flatMap((line) => {
        const [, name, value] = /^ENV\s+(\w+)=(.*)$/i.exec(line.trim()) ?? [];
        return name === undefined ? [] : [[name, value!.replace(/^"(.*)"$/, "$1")]];
      }),
    );
  }

  /** A secret of the workspace, which sandboxes refer to by its name. */
  addSecret(name: string, values: Readonly<Record<string, string>>): void {
    const id = newId("st");
    this.secrets.set(id, values);
    this.#secretNames.set(name, id);
  }

  secretNamed(name: string): string | undefined {
    return this.#secretNames.get(name);
  }

  ephemeralSecret(values: Readonly<Record<string, string>>): string {
    const id = newId("st");
    this.secrets.set(id, values);
    return id;
  }
}

export function newId(kind: string): string {
  return `${kind}-${randomBytes(11).toString("hex")}`;
}

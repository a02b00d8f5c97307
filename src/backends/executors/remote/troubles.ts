// Of each kind of trouble one warning, until it has passed: what is tried every second is not to be told every second.

export class Troubles<Kind extends string> {
  readonly #warn: (text: string) => void;
  readonly #told = new Set<Kind>();

  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  tell(kind: Kind, text: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#warn(text);
  }

  pass(kind: Kind): void {
    this.#told.delete(kind);
  }
}

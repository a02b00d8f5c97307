// What a process has printed: read from any place on, also while it still prints. Old output is dropped where a limit says so.

export interface Piece {
  readonly offset: number;
  readonly data: Buffer;
}

export class Output {
  readonly #most: number;
  #pieces: Piece[] = [];
  #length = 0;
  #kept = 0;
  #hasEnded = false;
  #changed = deferred();

  constructor(most = Infinity) {
    this.#most = most;
  }

  append(data: Buffer): void {
    if (data.length === 0 || this.#hasEnded) return;
    this.#pieces.push({ offset: this.#length, data });
    this.#length += data.length;
    this.#kept += data.length;
    while (this.#kept > this.#most && this.#pieces.length > 1) this.#kept -= this.#pieces.shift()!.data.length;
    this.#tell();
  }

  end(): void {
    this.#hasEnded = true;
    this.#tell();
  }

  get text(): string {
    return Buffer.concat(this.#pieces.map(({ data }) => data)).toString();
  }

  get length(): number {
    return this.#length;
  }

  /** Until the end, or until `signal` is aborted. */
  async *from(start: number, signal: AbortSignal): AsyncGenerator<Piece> {
    let at = start;
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      for (const piece of this.#pieces.slice()) {
        const end = piece.offset + piece.data.length;
        if (end <= at) continue;
        const skipped = Math.max(0, at - piece.offset);
        yield { offset: piece.offset + skipped, data: piece.data.subarray(skipped) };
        at = end;
      }
      if (at < this.#length) continue;
      if (this.#hasEnded) return;
      await Promise.race([changed, aborted(signal)]);
    }
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = deferred();
    resolve();
  }
}

export interface Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

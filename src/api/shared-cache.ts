// The cache that a team shares, as an Expfile names it.

/** Where it is: a folder that all machines see (absolute, or from the project's), `https://…` or `http://…`. */
export interface SharedCacheSettings {
  readonly at: string;
  /** Whether what is computed here is published there; true if not said. */
  readonly publish?: boolean;
}

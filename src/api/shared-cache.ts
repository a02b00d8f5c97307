// The cache that a team shares, as an Expfile names it.

/** Where it is: a folder that all machines see (absolute, or from the project's), `https://…` or `http://…`. */
export interface SharedCacheSettings {
  readonly at: string;
  /** Whether what is computed here is published there; true if not said. */
  readonly publish?: boolean;
  /**
   * Which outputs of cached results a build brings into the run: those of all targets that it needs, as if not said, or only those of the targets that were
   * asked for, and what something reads that is computed here. The others stay there until `exp fetch` brings them.
   */
  readonly outputs?: "all" | "asked";
}

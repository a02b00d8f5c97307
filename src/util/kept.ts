// What is asked for again and again, and made once.

/** What failed is not kept: it may go well for who asks next. */
export function kept<K, V>(all: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = all.get(key);
  if (known !== undefined) return known;
  const made = make();
  all.set(key, made);
  made.catch(() => all.get(key) === made && all.delete(key));
  return made;
}

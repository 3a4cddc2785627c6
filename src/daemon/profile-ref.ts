/** Names a profile. `rename` changes the name, and everything that keeps the reference sees the new one. */
export interface ProfileRef {
  readonly name: string;
}

/** Gives the value of a map another key. Without a value, the map stays as it is. */
export function moveKey<Key>(map: Map<Key, unknown>, from: Key, to: Key): void {
  if (!map.has(from)) return;
  const value = map.get(from);
  map.delete(from);
  map.set(to, value);
}

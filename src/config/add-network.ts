/** Settings of `network` in `config.yaml`. */
export interface NetworkSettings {
  readonly proxy?: string;
  readonly caFile?: string;
}

/**
 * @returns the whole file with the settings that it does not name yet, and those; comments and all else stay. `null`
 *   where the file is none that can be added to
 */
export async function addNetwork(
  text: string,
  settings: NetworkSettings,
): Promise<{ readonly added: NetworkSettings; readonly text: string } | null> {
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const network = document.get('network');
  const isOpen = (value: unknown): boolean => (value ?? undefined) === undefined || isMap(value);
  if (document.errors.length > 0 || !isOpen(document.contents) || !isOpen(network)) return null;
  const added = Object.entries(settings).filter(([key]) => !document.hasIn(['network', key]));
  if (network === undefined && document.has('network')) document.delete('network');
  for (const [key, value] of added) document.setIn(['network', key], value);
  return { added: Object.fromEntries(added), text: document.toString({ lineWidth: 0 }) };
}

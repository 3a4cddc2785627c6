/** Settings below `network` in `config.yaml`. */
export interface NetworkSettings {
  readonly proxy?: string;
  readonly caFile?: string;
}

/**
 * Adds settings that `config.yaml` does not contain yet; keeps its comments and everything else.
 * @returns the new text and the settings that were added; `null` if the file is not valid
 */
export async function addNetworkSettings(
  text: string,
  settings: NetworkSettings,
): Promise<{ readonly addedSettings: NetworkSettings; readonly text: string } | null> {
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const network = document.get('network');
  const isMapOrAbsent = (value: unknown): boolean => (value ?? undefined) === undefined || isMap(value);
  if (document.errors.length > 0 || !isMapOrAbsent(document.contents) || !isMapOrAbsent(network)) return null;
  const addedSettings = Object.entries(settings).filter(([key]) => !document.hasIn(['network', key]));
  if (network === undefined && document.has('network')) document.delete('network');
  for (const [key, value] of addedSettings) document.setIn(['network', key], value);
  return { addedSettings: Object.fromEntries(addedSettings), text: document.toString({ lineWidth: 0 }) };
}

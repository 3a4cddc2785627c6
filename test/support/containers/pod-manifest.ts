import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import * as v from 'valibot';
import { root } from '../../conventions/source-tree.ts';

const valueSchema = v.object({
  name: v.string(),
  value: v.optional(v.string()),
  valueFrom: v.optional(v.object({ configMapKeyRef: v.object({ name: v.string(), key: v.string() }) })),
});
const containerSchema = v.object({
  name: v.string(),
  command: v.optional(v.array(v.string()), []),
  args: v.optional(v.array(v.string()), []),
  env: v.optional(v.array(valueSchema), []),
  volumeMounts: v.array(
    v.object({ name: v.string(), mountPath: v.string(), readOnly: v.optional(v.boolean(), false) }),
  ),
  securityContext: v.object({
    runAsUser: v.optional(v.number()),
    readOnlyRootFilesystem: v.optional(v.boolean(), false),
    capabilities: v.object({ drop: v.array(v.string()), add: v.optional(v.array(v.string()), []) }),
  }),
});
const podSchema = v.object({
  securityContext: v.object({ runAsUser: v.number(), runAsGroup: v.number() }),
  initContainers: v.optional(v.array(containerSchema), []),
  containers: v.array(containerSchema),
});
const workloadSchema = v.object({ spec: v.object({ template: v.object({ spec: podSchema }) }) });
const configMapSchema = v.object({ kind: v.literal('ConfigMap'), data: v.record(v.string(), v.string()) });

type Container = v.InferOutput<typeof containerSchema>;

/** The documents of the manifests in a folder of scripts/kubernetes; not its kustomization. */
export function readManifests(name: string): readonly unknown[] {
  const folder = join(root, 'scripts/kubernetes', name);
  return readdirSync(folder)
    .filter((file) => file !== 'kustomization.yaml')
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document) => document.toJS() as unknown);
}

/** The pod of a manifest, as options of `podman run`. */
export class PodManifest {
  readonly #pod: v.InferOutput<typeof podSchema>;
  /** Of its ConfigMap. */
  readonly data: Readonly<Record<string, string>>;

  /** @param replaced values of the names in capitals */
  constructor(name: string, replaced: Readonly<Record<string, string>>) {
    const text = Object.entries(replaced).reduce(
      (json, [word, value]) => json.replaceAll(`"${word}"`, JSON.stringify(value)),
      JSON.stringify(readManifests(name)),
    );
    const documents = JSON.parse(text) as readonly unknown[];
    const find = <T>(schema: v.GenericSchema<unknown, T>): T =>
      v.parse(
        schema,
        documents.find((document) => v.is(schema, document)),
      );
    this.#pod = find(workloadSchema).spec.template.spec;
    this.data = find(configMapSchema).data;
  }

  /**
   * The command line of a container behind `podman run`.
   * @param volumes the folders of the volumes, by name
   * @param options such as `--detach`
   * @param program replaces image and arguments
   */
  podmanRun(
    name: string,
    volumes: Readonly<Record<string, string>>,
    options: string,
    program?: string,
  ): string {
    const container = [...this.#pod.initContainers, ...this.#pod.containers].find(
      (each) => each.name === name,
    );
    if (container === undefined) throw new Error(`no container ${name}`);
    const { securityContext, volumeMounts, command, args } = container;
    const { capabilities, runAsUser } = securityContext;
    const environment = this.#environmentOf(container);
    const expand = (text: string): string =>
      text.replaceAll(/\$\((\w+)\)/g, (_, variable: string) => environment[variable] ?? '');
    const quote = (text: string): string => `'${expand(text)}'`;
    const user = runAsUser ?? this.#pod.securityContext.runAsUser;
    const words = [
      ...['podman run', options, `--user ${user}:${user}`, '--security-opt no-new-privileges'],
      securityContext.readOnlyRootFilesystem ? '--read-only --read-only-tmpfs=false' : '',
      ...capabilities.drop.map((capability) => `--cap-drop ${capability}`),
      ...capabilities.add.map((capability) => `--cap-add ${capability}`),
      ...Object.entries(environment).map(([variable, value]) => `--env '${variable}=${value}'`),
      ...volumeMounts.map(
        ({ name: volume, mountPath, readOnly }) =>
          `--volume ${volumes[volume]}:${mountPath}${readOnly ? ':ro' : ''}`,
      ),
      command.length === 0 || program !== undefined ? '' : `--entrypoint '${JSON.stringify(command)}'`,
      program ?? ['iam-tokend', ...args.map(quote)].join(' '),
    ];
    return words.join(' ');
  }

  #environmentOf({ env }: Container): Readonly<Record<string, string>> {
    return Object.fromEntries(
      env.map(({ name, value, valueFrom }) => [
        name,
        value ?? this.data[valueFrom?.configMapKeyRef.key ?? ''] ?? '',
      ]),
    );
  }
}

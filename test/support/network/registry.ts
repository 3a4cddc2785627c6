import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Authority } from './example-authorities.ts';
import {
  parseRegistryToken,
  startHttpService,
  type TokenCheck,
  type TokenService,
} from './token-services.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const digestOf = (content: string | Buffer): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** A container registry with the image `crp1/app:latest`, which has one empty layer. Accepts the user `iam` with a token. */
export function startRegistry(tls: Authority, isTokenValid: TokenCheck): Promise<TokenService> {
  const archive = Buffer.alloc(1_024);
  const layer = gzipSync(archive);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(archive)] },
  });
  const describe = (mediaType: string, content: string | Buffer): object => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: digestOf(content),
    size: content.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: describe('config.v1+json', config),
    layers: [describe('layer.v1.tar+gzip', layer)],
  });
  const bodies: Readonly<Record<string, string | Buffer>> = {
    '/v2/': '{}',
    '/v2/crp1/app/tags/list': '{"name":"crp1/app","tags":["latest"]}',
    [`/v2/crp1/app/blobs/${digestOf(config)}`]: config,
    [`/v2/crp1/app/blobs/${digestOf(layer)}`]: layer,
  };
  return startHttpService({
    isTokenValid,
    tls,
    challenge: 'Basic realm="registry"',
    extractToken: parseRegistryToken,
    respond: (path) =>
      path.includes('/manifests/')
        ? { type: manifestType, body: manifest }
        : { type: 'application/json', body: bodies[path] ?? '{}' },
  });
}

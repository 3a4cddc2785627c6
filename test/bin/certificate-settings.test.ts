import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { loadSettings, ReloadableSettings } from '../../src/bin/iam-tokend/settings.ts';
import { FileDeadline } from '../../src/files/file-deadline.ts';
import { foreignAuthority } from '../support/network/example-authorities.ts';
import { neverAborted, useHttpServers } from '../support/network/http-client-fixture.ts';
import { tlsCertificate, tlsKey } from '../support/network/tls-certificate.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { createRealClock } from '../support/time/real-clock.ts';

describe('the certificates of caFile', () => {
  const folder = useTemporaryFolder();
  const servers = useHttpServers();
  const createContext = tls.createSecureContext;
  let contextCount = 0;

  beforeEach(() => {
    contextCount = 0;
    tls.createSecureContext = (...parameters) => {
      contextCount += 1;
      return createContext(...parameters);
    };
  });
  afterEach(() => {
    tls.createSecureContext = createContext;
  });

  const clock = createRealClock();

  /** @returns the path of caFile */
  function writeConfig(): string {
    const caFile = join(folder(), 'ca.pem');
    writeFileSync(caFile, tlsCertificate);
    writeFileSync(join(folder(), 'config.yaml'), `network: { caFile: ${caFile} }\n`);
    return caFile;
  }

  function loadFrom(fileDeadline: FileDeadline): Promise<ReloadableSettings> {
    const configFile = join(folder(), 'config.yaml');
    const paths = {
      ...{ config: folder(), configFile, state: folder(), log: folder() },
      isSystemWide: false,
      defaultSocket: join(folder(), 'ipc.sock'),
      alternatives: {},
    };
    const uid = process.getuid?.() ?? null;
    return ReloadableSettings.load(() =>
      loadSettings({ config: configFile }, paths, clock, uid, fileDeadline),
    );
  }

  it('B7: are those of the previous configuration while a reload cannot read the file again', async () => {
    const caFile = writeConfig();
    let isSlow = false;
    class SlowDeadline extends FileDeadline {
      override async run<T>(key: string, operation: () => Promise<T>): Promise<T> {
        if (isSlow && key.startsWith('certificates of ')) throw new Error('no answer within 2 s');
        return super.run(key, operation);
      }
    }
    const settings = await loadFrom(new SlowDeadline(clock));
    const anchors = [{ path: caFile, sha256: createHash('sha256').update(tlsCertificate).digest('hex') }];
    isSlow = true;
    await assert.rejects(settings.reload(), {
      name: 'ConfigError',
      message: `network.caFile: ${caFile} cannot be read: no answer within 2 s`,
    });
    assert.deepEqual((await settings.current.trust.read()).anchors, anchors);
  });

  it('B7: are parsed once for all exchanges, and again when the file changes', async () => {
    const server = createServer({ key: tlsKey, cert: tlsCertificate }, (_request, response) => {
      response.end('safe');
    });
    const url = `https://localhost:${await servers.listen(server)}/`;
    const caFile = writeConfig();
    const settings = await loadFrom(new FileDeadline(clock));
    const exchange = async (): Promise<string> => {
      const request = { method: 'GET', url, headers: {} } as const;
      return (await (await settings.current.trust.read()).http.send(request, neverAborted)).body;
    };
    const exchangeOften = (): Promise<readonly string[]> => Promise.all(Array.from({ length: 20 }, exchange));
    // The server has one of its own.
    contextCount = 0;
    assert.deepEqual(new Set(await exchangeOften()), new Set(['safe']));
    assert.equal(contextCount, 1);
    writeFileSync(caFile, foreignAuthority.certificate + tlsCertificate);
    assert.deepEqual(new Set(await exchangeOften()), new Set(['safe']));
    assert.equal(contextCount, 2);
  });
});

import assert from 'node:assert/strict';
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

  it('B7: are parsed once for all exchanges, and again when the file changes', async () => {
    const server = createServer({ key: tlsKey, cert: tlsCertificate }, (_request, response) => {
      response.end('safe');
    });
    const url = `https://localhost:${await servers.listen(server)}/`;
    const caFile = join(folder(), 'ca.pem');
    const configFile = join(folder(), 'config.yaml');
    writeFileSync(caFile, tlsCertificate);
    writeFileSync(configFile, `network: { caFile: ${caFile} }\n`);
    const paths = {
      ...{ config: folder(), configFile, state: folder(), log: folder() },
      isSystemWide: false,
      defaultSocket: join(folder(), 'ipc.sock'),
      alternatives: {},
    };
    const clock = createRealClock();
    const uid = process.getuid?.() ?? null;
    const settings = await ReloadableSettings.load(() =>
      loadSettings({ config: configFile }, paths, clock, uid, new FileDeadline(clock)),
    );
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

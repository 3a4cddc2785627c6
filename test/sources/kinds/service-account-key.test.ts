import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HttpClient } from '../../../src/shared/http-client.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import { serviceAccountKeyKind } from '../../../src/sources/kinds/service-account-key.ts';
import type { ExchangeOutcome } from '../../../src/token/token-source.ts';
import { createScriptedHttp } from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { createTestClock } from '../../support/time/test-clock.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const installation = { endpoint: 'https://iam.kz.test', audience: 'https://aud.kz.test/tokens' };
const successResponse = { body: '{"iamToken":"t1.a.b","expiresAt":"2026-11-24T20:00:00Z"}' };

function createCredential(secret: string): Promise<Secret> {
  return serviceAccountKeyKind.createCredential({ secret, settings: {} }, installation, createSourceTools());
}

async function exchange(http: HttpClient, bits: 2048 | 4096 = 2048): Promise<ExchangeOutcome<Secret>> {
  const tools = createSourceTools({ http, clock: createTestClock(nowMs) });
  const source = serviceAccountKeyKind.open(
    await createCredential(formatKeyFile(getTestKey(bits))),
    installation,
    tools,
  );
  return source.exchange(new AbortController().signal, false);
}

function parseJwt(body: string | undefined): readonly [header: string, claims: string, signature: string] {
  const { jwt, ...rest } = JSON.parse(body ?? '') as { readonly jwt: string };
  assert.deepEqual(rest, {});
  const [header, claims, signature, ...more] = jwt.split('.');
  assert.ok(header !== undefined && claims !== undefined && signature !== undefined && more.length === 0);
  return [header, claims, signature];
}

const decodeJson = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

describe('an authorized key', () => {
  for (const bits of [2048, 4096] as const) {
    it(`of ${bits} bits signs a JWT that openssl verifies, with a salt of 32 bytes`, async () => {
      const http = createScriptedHttp(successResponse);
      assert.ok((await exchange(http, bits)).ok);
      const [header, claims, signature] = parseJwt(http.requests[0]?.body);
      const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-jwt-'));
      try {
        const path = (name: string): string => join(folder, name);
        writeFileSync(path('public.pem'), getTestKey(bits).publicKey);
        writeFileSync(path('signed'), `${header}.${claims}`);
        writeFileSync(path('signature'), Buffer.from(signature, 'base64url'));
        const verify = (saltLength: number): string =>
          execFileSync(
            'openssl',
            [
              ...['dgst', '-sha256', '-verify', path('public.pem'), '-signature', path('signature')],
              ...['-sigopt', 'rsa_padding_mode:pss', '-sigopt', `rsa_pss_saltlen:${saltLength}`],
              path('signed'),
            ],
            { encoding: 'utf8', stdio: 'pipe' },
          );
        assert.match(verify(32), /^Verified OK/);
        assert.throws(() => verify(20));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  it('signs the documented claims, for its own installation', async () => {
    const http = createScriptedHttp(successResponse);
    await exchange(http);
    assert.equal(http.requests[0]?.url, 'https://iam.kz.test/iam/v1/tokens');
    const [header, claims] = parseJwt(http.requests[0]?.body);
    assert.deepEqual(decodeJson(header), { typ: 'JWT', alg: 'PS256', kid: getTestKey().id });
    const issuedAt = nowMs / 1_000 - 60;
    assert.deepEqual(decodeJson(claims), {
      iss: getTestKey().serviceAccountId,
      aud: 'https://aud.kz.test/tokens',
      iat: issuedAt,
      exp: issuedAt + 600,
    });
  });

  it('is stored in a form that fits the Windows Credential Manager, with 4,096 bits too', async () => {
    const storedText = (await createCredential(formatKeyFile(getTestKey(4096)))).expose();
    assert.deepEqual(Object.keys(JSON.parse(storedText) as object), [
      'id',
      'serviceAccountId',
      'key',
      'createdAtMs',
    ]);
    assert.ok(storedText.length * 2 < 3 * 2_560, `${storedText.length} characters`);
  });

  it('names the command that deletes it', async () => {
    assert.deepEqual(serviceAccountKeyKind.getRevocationAdvice(await createCredential(formatKeyFile())), {
      message: 'the authorized key ajekey20480000000000 is still valid',
      hint: 'yc iam key delete ajekey20480000000000',
    });
  });

  it('is not opened from an invalid item', () => {
    for (const storedText of ['junk', '{}', '[]']) {
      assert.throws(
        () =>
          serviceAccountKeyKind.open(
            { expose: () => storedText } as Secret,
            installation,
            createSourceTools(),
          ),
        /format that this release of iam-tokend cannot read$/,
      );
    }
  });
});

describe('an authorized key on a machine with a wrong clock', () => {
  const createRejection = (date: string) => ({
    status: 401,
    headers: new Map([['date', date]]),
    body: '{"code":16,"message":"The JWT has expired"}',
  });
  /** IAM's responses, in order. */
  const respondInOrder = (
    responses: readonly object[],
  ): HttpClient & { readonly bodies: (string | undefined)[] } => {
    const bodies: (string | undefined)[] = [];
    return {
      bodies,
      async send({ body }) {
        bodies.push(body);
        return { status: 200, headers: new Map(), body: '', ...responses[bodies.length - 1] };
      },
    };
  };
  const issuedAtOf = (body: string | undefined): number =>
    (decodeJson(parseJwt(body)[1]) as { readonly iat: number }).iat;

  it('dates the JWT by IAM’s clock after a rejection', async () => {
    const http = respondInOrder([createRejection('Tue, 24 Nov 2026 15:00:00 GMT'), successResponse]);
    assert.ok((await exchange(http)).ok);
    assert.equal(issuedAtOf(http.bodies[1]) - issuedAtOf(http.bodies[0]), 3 * 60 * 60);
  });

  it('retries once only', async () => {
    const rejection = createRejection('Tue, 24 Nov 2026 15:00:00 GMT');
    const http = respondInOrder([rejection, rejection, successResponse]);
    const outcome = await exchange(http);
    assert.ok(!outcome.ok && outcome.failure.kind === 'terminal');
    assert.equal(http.bodies.length, 2);
  });

  it('does not retry if the clocks agree, or without a server time', async () => {
    for (const headers of [new Map([['date', 'Tue, 24 Nov 2026 12:00:20 GMT']]), new Map<string, string>()]) {
      const http = respondInOrder([{ ...createRejection(''), headers }, successResponse]);
      assert.ok(!(await exchange(http)).ok);
      assert.equal(http.bodies.length, 1);
    }
  });

  it('does not take the date of a response from before a sleep for IAM’s clock', async () => {
    const clock = createTestClock(nowMs);
    const http = respondInOrder([createRejection('Tue, 24 Nov 2026 12:00:00 GMT'), successResponse]);
    const sleepingHttp: HttpClient = {
      async send(request, signal) {
        const response = await http.send(request, signal);
        if (http.bodies.length === 1) clock.jump(60 * 60_000);
        return response;
      },
    };
    const tools = createSourceTools({ http: sleepingHttp, clock });
    const source = serviceAccountKeyKind.open(await createCredential(formatKeyFile()), installation, tools);
    const outcome = await source.exchange(new AbortController().signal, false);
    assert.ok(!outcome.ok && http.bodies.length === 1);
    assert.ok((await source.exchange(new AbortController().signal, false)).ok);
    assert.equal(issuedAtOf(http.bodies[1]), nowMs / 1_000 + 60 * 60 - 60);
  });
});

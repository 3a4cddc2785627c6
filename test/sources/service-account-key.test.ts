import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HttpClient } from '../../src/shared/http-client.ts';
import type { Secret } from '../../src/shared/secret.ts';
import { serviceAccountKeyKind } from '../../src/sources/service-account-key.ts';
import type { ExchangeOutcome } from '../../src/token/ports.ts';
import { scriptedHttp } from '../support/scripted-http.ts';
import { sourceTools } from '../support/source-tools.ts';
import { testClock } from '../support/test-clock.ts';
import { keyFile, testKey } from '../support/test-keys.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const installation = { endpoint: 'https://iam.kz.test', audience: 'https://aud.kz.test/tokens' };
const good = { body: '{"iamToken":"t1.a.b","expiresAt":"2026-11-24T20:00:00Z"}' };

function accept(secret: string): Promise<Secret> {
  return serviceAccountKeyKind.accept({ secret, settings: {} }, installation, sourceTools());
}

async function exchange(http: HttpClient, bits: 2048 | 4096 = 2048): Promise<ExchangeOutcome> {
  const tools = sourceTools({ http, clock: testClock(nowMs) });
  const source = serviceAccountKeyKind.open(await accept(keyFile(testKey(bits))), installation, tools);
  return source.exchange(new AbortController().signal, false);
}

function jwtIn(body: string | undefined): readonly [header: string, claims: string, signature: string] {
  const { jwt, ...rest } = JSON.parse(body ?? '') as { readonly jwt: string };
  assert.deepEqual(rest, {});
  const [header, claims, signature, ...more] = jwt.split('.');
  assert.ok(header !== undefined && claims !== undefined && signature !== undefined && more.length === 0);
  return [header, claims, signature];
}

const objectIn = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

describe('an authorized key', () => {
  for (const bits of [2048, 4096] as const) {
    it(`of ${bits} bits signs a JWT that openssl verifies, with a salt of 32 bytes`, async () => {
      const http = scriptedHttp(good);
      assert.ok((await exchange(http, bits)).ok);
      const [header, claims, signature] = jwtIn(http.asked[0]?.body);
      const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-jwt-'));
      try {
        const path = (name: string): string => join(folder, name);
        writeFileSync(path('public.pem'), testKey(bits).publicKey);
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

  it('says in the JWT what IAM wants to know, for the installation that it belongs to', async () => {
    const http = scriptedHttp(good);
    await exchange(http);
    assert.equal(http.asked[0]?.url, 'https://iam.kz.test/iam/v1/tokens');
    const [header, claims] = jwtIn(http.asked[0]?.body);
    assert.deepEqual(objectIn(header), { typ: 'JWT', alg: 'PS256', kid: testKey().id });
    const issuedAt = nowMs / 1_000 - 60;
    assert.deepEqual(objectIn(claims), {
      iss: testKey().serviceAccountId,
      aud: 'https://aud.kz.test/tokens',
      iat: issuedAt,
      exp: issuedAt + 600,
    });
  });

  it('is kept compactly: twice its size fits two items of a Windows keychain, with 4,096 bits too', async () => {
    const kept = (await accept(keyFile(testKey(4096)))).expose();
    assert.deepEqual(Object.keys(JSON.parse(kept) as object), ['id', 'serviceAccountId', 'key']);
    assert.ok(kept.length * 2 < 3 * 2_560, `${kept.length} characters`);
  });

  it('says with which command it is deleted', async () => {
    assert.deepEqual(serviceAccountKeyKind.revocationAdvice(await accept(keyFile())), {
      message: 'the authorized key ajekey20480000000000 is still valid',
      hint: 'yc iam key delete ajekey20480000000000',
    });
  });

  it('cannot be opened from what somebody else kept', () => {
    for (const kept of ['junk', '{}', '[]']) {
      assert.throws(
        () => serviceAccountKeyKind.open({ expose: () => kept } as Secret, installation, sourceTools()),
        /not one that this release of iam-tokend reads/,
      );
    }
  });
});

describe('an authorized key on a machine whose clock is wrong', () => {
  const refusal = (date: string) => ({
    status: 401,
    headers: new Map([['date', date]]),
    body: '{"code":16,"message":"The JWT has expired"}',
  });
  /** IAM as it answers one call after the other. */
  const inTurn = (answers: readonly object[]): HttpClient & { readonly bodies: (string | undefined)[] } => {
    const bodies: (string | undefined)[] = [];
    return {
      bodies,
      async send({ body }) {
        bodies.push(body);
        return { status: 200, headers: new Map(), body: '', ...answers[bodies.length - 1] };
      },
    };
  };
  const issuedAt = (body: string | undefined): number =>
    (objectIn(jwtIn(body)[1]) as { readonly iat: number }).iat;

  it('dates the JWT by the clock of IAM once that has refused it', async () => {
    const http = inTurn([refusal('Tue, 24 Nov 2026 15:00:00 GMT'), good]);
    assert.ok((await exchange(http)).ok);
    assert.equal(issuedAt(http.bodies[1]) - issuedAt(http.bodies[0]), 3 * 60 * 60);
  });

  it('tries once and no more', async () => {
    const again = refusal('Tue, 24 Nov 2026 15:00:00 GMT');
    const http = inTurn([again, again, good]);
    const outcome = await exchange(http);
    assert.ok(!outcome.ok && outcome.failure.kind === 'terminal');
    assert.equal(http.bodies.length, 2);
  });

  it('believes a refusal where the clocks agree, or where IAM says no time', async () => {
    for (const headers of [new Map([['date', 'Tue, 24 Nov 2026 12:00:20 GMT']]), new Map<string, string>()]) {
      const http = inTurn([{ ...refusal(''), headers }, good]);
      assert.ok(!(await exchange(http)).ok);
      assert.equal(http.bodies.length, 1);
    }
  });
});

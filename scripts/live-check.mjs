// Sends junk to IAM, for which no account is needed, and looks whether it is refused as iam-errors.ts expects; with a key,
// goes the whole way. Needs a build; scripts/live-check makes one. Says no secret. Ends with 1 when something differs.
import { readFileSync } from 'node:fs';
import { argv, env, stderr, stdout } from 'node:process';
import { parseArgs } from 'node:util';
import { systemClock } from '../dist/src/adapters/system-clock.js';
import { undiciHttp } from '../dist/src/adapters/undici-http.js';
import { audienceOf } from '../dist/src/shared/endpoint.js';
import { endpointOf, isLoopbackUrl } from '../dist/src/shared/endpoint.js';
import { Secret } from '../dist/src/shared/secret.js';
import { createToken, createTokenForServiceAccount, revokeToken } from '../dist/src/sources/iam-api.js';
import { serviceAccountKeyKind } from '../dist/src/sources/service-account-key.js';

const usage = `usage: scripts/live-check [--service-account-key FILE] [--endpoint URL]

Sends junk to the real IAM and checks that it is refused as iam-tokend expects; no account is needed.
  --service-account-key FILE  the whole way with an authorized key too: a token, a call with it, its end
  --endpoint URL              another installation; https://iam.api.cloud.yandex.net unless given
`;

/** Of a form that the service must know, and of a content that it cannot. */
const junk = {
  oauth: 'y0_live-check-of-iam-tokend',
  jwt: 'eyJhbGciOiJQUzI1NiJ9.e30.AAAA',
  iam: 't1.live.check',
};
const timeoutMs = 15_000;
const clock = systemClock();
const http = undiciHttp({
  proxy: env['HTTPS_PROXY'] ?? env['https_proxy'] ?? null,
  noProxy: (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(/[\s,]+/).filter(Boolean),
  certificates: null,
});
const tools = { http, clock, timeoutMs, programs: { find: () => null } };
const never = new AbortController().signal;

async function main() {
  const options = {
    'service-account-key': { type: 'string' },
    endpoint: { type: 'string' },
    help: { type: 'boolean' },
  };
  const { values } = parseArgs({ args: argv.slice(2), options });
  if (values.help) {
    stdout.write(usage);
    return;
  }
  const endpoint = endpointOf(values.endpoint ?? 'https://iam.api.cloud.yandex.net');
  if (endpoint === null) throw new TypeError('--endpoint must be an https URL');
  await refusals(endpoint);
  if (values['service-account-key'] !== undefined) await wholeWay(endpoint, values['service-account-key']);
}

// --- what needs no account ----------------------------------------------------------------------------------

async function refusals(endpoint) {
  const tokens = `${endpoint}/iam/v1/tokens`;
  await refused('an unknown OAuth token', tokens, { yandexPassportOauthToken: junk.oauth }, 401, 16);
  await refused('a JWT of nobody', tokens, { jwt: junk.jwt }, 401, 16);
  await refused('no credential', tokens, {}, 400, 3);
  await refused('two credentials', tokens, { yandexPassportOauthToken: junk.oauth, jwt: junk.jwt }, 400, 3);
  await refused(
    'to act as another, by nobody',
    `${tokens}:createForServiceAccount`,
    { serviceAccountId: 'aje' },
    401,
    16,
    junk.iam,
  );
  await refused('to revoke, by nobody', `${tokens}:revoke`, { iamToken: junk.iam }, 401, 16, junk.iam);

  const installation = { endpoint, audience: audienceOf(endpoint) };
  const proof = { field: 'yandexPassportOauthToken', secret: new Secret(junk.oauth) };
  const jwtProof = { field: 'jwt', secret: new Secret(junk.jwt) };
  const token = new Secret(junk.iam);
  judge('an unknown OAuth token', await createToken(proof, installation, never, tools));
  judge('a JWT of nobody', await createToken(jwtProof, installation, never, tools));
  judge('a token of nobody', await createTokenForServiceAccount(token, 'aje', installation, never, tools));
  await tokenExchange(
    isLoopbackUrl(endpoint) ? `${endpoint}/oauth/token` : 'https://auth.yandex.cloud/oauth/token',
  );
}

function judge(name, outcome) {
  const failure = outcome.ok ? { kind: 'a token' } : outcome.failure;
  check(
    `${name} is refused for good`,
    failure.kind === 'terminal',
    `${failure.kind}: ${failure.message ?? ''}`,
  );
  check(`${name}: the answer has a date`, failure.serverTimeMs !== undefined, 'no Date header');
}

async function refused(name, url, body, status, code, bearer) {
  const answer = await send('POST', url, 'application/json', JSON.stringify(body), bearer);
  const found = json(answer.body)?.code;
  check(
    `${name}: ${status} with code ${code}`,
    answer.status === status && found === code,
    `${answer.status} with code ${found}`,
  );
}

/** RFC 6749, section 5.2: an object with `error`. */
async function tokenExchange(url) {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'aje00000000000000000',
    subject_token: junk.jwt,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  });
  const answer = await send('POST', url, 'application/x-www-form-urlencoded', form.toString());
  const body = json(answer.body);
  const speaks = typeof body?.error === 'string' || typeof body?.code === 'number';
  check(
    'an OIDC token of nobody: 4xx with an error object',
    answer.status >= 400 && answer.status < 500 && speaks,
    `${answer.status}`,
  );
}

// --- what needs a key ---------------------------------------------------------------------------------------

async function wholeWay(endpoint, path) {
  const installation = { endpoint, audience: audienceOf(endpoint) };
  const handed = { secret: readFileSync(path, 'utf8'), settings: {} };
  const credential = await serviceAccountKeyKind.accept(handed, installation, tools);
  const outcome = await serviceAccountKeyKind.open(credential, installation, tools).exchange(never, false);
  check('the key gives a token', outcome.ok, outcome.ok ? '' : outcome.failure.message);
  if (!outcome.ok) return;
  const { token, subject, expiresAtMs } = outcome.exchanged;
  const hours = (expiresAtMs - clock.now().wallMs) / 3_600_000;
  check('it lives for an hour at least, and 12 at most', hours > 1 && hours < 12.1, `${hours.toFixed(2)} h`);
  check('it says whom it speaks for', subject !== null, 'it does not');
  const clouds = isLoopbackUrl(endpoint)
    ? `${endpoint}/resource-manager/v1/clouds`
    : endpoint.replace('//iam.', '//resource-manager.') + '/resource-manager/v1/clouds';
  const { status } = await send('GET', clouds, undefined, undefined, token.expose());
  check('other services take it', status === 200, `${status}`);
  const why = await revokeToken(token, installation, never, tools);
  check('it is revoked', why === null, why ?? '');
}

async function send(method, url, type, body, bearer) {
  const headers = {
    accept: 'application/json',
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
  return http.send(
    { method, url, headers, ...(body === undefined ? {} : { body }) },
    clock.deadline(timeoutMs),
  );
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON: the check says what came instead.
    return undefined;
  }
}

function check(what, holds, found) {
  stdout.write(holds ? `ok      ${what}\n` : `DIFFERS ${what}: ${found}\n`);
  if (!holds) process.exitCode = 1;
}

main().catch((error) => {
  stderr.write(`live-check: error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

// Sends invalid credentials to the real IAM, which needs no account, and checks that the errors are those that
// src/sources/exchange/rpc-status.ts expects; with a key, also exchanges, uses and revokes a token. Prints no secret.
// Needs a build, which scripts/live-check makes. Exits with 1 if something differs.
import { readFileSync } from 'node:fs';
import { argv, env, stderr, stdout } from 'node:process';
import { parseArgs } from 'node:util';
import { createSystemClock } from '../dist/src/adapters/system-clock.js';
import { createUndiciHttpClient } from '../dist/src/adapters/undici-http-client.js';
import { readExtraCertificates } from '../dist/src/config/extra-certificates.js';
import {
  defaultAudienceOf,
  defaultIamEndpoint,
  endpointRule,
  isLoopbackUrl,
  parseEndpoint,
} from '../dist/src/shared/endpoint.js';
import { Secret } from '../dist/src/shared/secret.js';
import {
  createToken,
  createTokenForServiceAccount,
  revokeToken,
} from '../dist/src/sources/exchange/iam-api.js';
import { serviceAccountKeyKind } from '../dist/src/sources/kinds/service-account-key.js';

const usage = `usage: scripts/live-check [--service-account-key FILE] [--endpoint URL]

Check that the real IAM rejects invalid credentials as iam-tokend expects; no account is needed.
  --service-account-key FILE  also exchange this authorized key, and use and revoke the token
  --endpoint URL              IAM endpoint (default: ${defaultIamEndpoint})
`;

/** Valid formats with invalid content. */
const invalidCredentials = {
  oauth: 'y0_live-check-of-iam-tokend',
  jwt: 'eyJhbGciOiJQUzI1NiJ9.e30.AAAA',
  iam: 't1.live.check',
};
const timeoutMs = 15_000;
const clock = createSystemClock();
const http = createUndiciHttpClient(
  {
    proxy: env['HTTPS_PROXY'] ?? env['https_proxy'] ?? null,
    noProxy: (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(/[\s,]+/).filter(Boolean),
    certificates: readExtraCertificates(env).certificates,
  },
  clock,
);
const tools = { http, clock, timeoutMs, programs: { find: () => null } };
const neverAborted = new AbortController().signal;

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
  const endpoint = parseEndpoint(values.endpoint ?? defaultIamEndpoint);
  if (endpoint === null) throw new TypeError(`--endpoint ${values.endpoint}: ${endpointRule}`);
  await checkErrors(endpoint);
  if (values['service-account-key'] !== undefined) await checkKey(endpoint, values['service-account-key']);
}

async function checkErrors(endpoint) {
  const tokens = `${endpoint}/iam/v1/tokens`;
  await checkStatus(
    'an unknown OAuth token',
    tokens,
    { yandexPassportOauthToken: invalidCredentials.oauth },
    401,
    16,
  );
  await checkStatus('an invalid JWT', tokens, { jwt: invalidCredentials.jwt }, 401, 16);
  await checkStatus('no credential', tokens, {}, 400, 3);
  await checkStatus(
    'two credentials',
    tokens,
    { yandexPassportOauthToken: invalidCredentials.oauth, jwt: invalidCredentials.jwt },
    400,
    3,
  );
  await checkStatus(
    'impersonation with an invalid token',
    `${tokens}:createForServiceAccount`,
    { serviceAccountId: 'aje' },
    401,
    16,
    invalidCredentials.iam,
  );
  await checkStatus(
    'revocation with an invalid token',
    `${tokens}:revoke`,
    { iamToken: invalidCredentials.iam },
    401,
    16,
    invalidCredentials.iam,
  );

  const installation = { endpoint, audience: defaultAudienceOf(endpoint) };
  const oauthCredential = { field: 'yandexPassportOauthToken', secret: new Secret(invalidCredentials.oauth) };
  const jwtCredential = { field: 'jwt', secret: new Secret(invalidCredentials.jwt) };
  const token = new Secret(invalidCredentials.iam);
  checkFailure(
    'an unknown OAuth token',
    await createToken(oauthCredential, installation, neverAborted, tools),
  );
  checkFailure('an invalid JWT', await createToken(jwtCredential, installation, neverAborted, tools));
  checkFailure(
    'an invalid IAM token',
    await createTokenForServiceAccount(token, 'aje', installation, neverAborted, tools),
  );
  await checkTokenExchange(
    isLoopbackUrl(endpoint) ? `${endpoint}/oauth/token` : 'https://auth.yandex.cloud/oauth/token',
  );
}

function checkFailure(name, outcome) {
  const failure = outcome.ok ? { kind: 'a token' } : outcome.failure;
  check(
    `${name}: a terminal failure`,
    failure.kind === 'terminal',
    `${failure.kind}: ${failure.message ?? ''}`,
  );
  check(`${name}: the response has a Date`, failure.serverTimeMs !== undefined, 'no Date header');
}

async function checkStatus(name, url, body, status, code, bearer) {
  const response = await send('POST', url, 'application/json', JSON.stringify(body), bearer);
  const actualCode = parseJson(response.body)?.code;
  check(
    `${name}: ${status} with code ${code}`,
    response.status === status && actualCode === code,
    `${response.status} with code ${actualCode}`,
  );
}

/** RFC 6749, section 5.2: an object with `error`. */
async function checkTokenExchange(url) {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'aje00000000000000000',
    subject_token: invalidCredentials.jwt,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  });
  const response = await send('POST', url, 'application/x-www-form-urlencoded', form.toString());
  const body = parseJson(response.body);
  const isError = typeof body?.error === 'string' || typeof body?.code === 'number';
  check(
    'an invalid OIDC token: 4xx with an error object',
    response.status >= 400 && response.status < 500 && isError,
    `${response.status}`,
  );
}

async function checkKey(endpoint, path) {
  const installation = { endpoint, audience: defaultAudienceOf(endpoint) };
  const input = { secret: readFileSync(path, 'utf8'), settings: {} };
  const credential = await serviceAccountKeyKind.createCredential(input, installation, tools);
  const outcome = await serviceAccountKeyKind
    .open(credential, installation, tools)
    .exchange(neverAborted, false);
  check('the key is exchanged for a token', outcome.ok, outcome.ok ? '' : outcome.failure.message);
  if (!outcome.ok) return;
  const { value: token, subject, expiresAtMs } = outcome.issuedToken;
  const hours = (expiresAtMs - clock.now().wallMs) / 3_600_000;
  check(
    'the token is valid for at least 1 hour and at most 12',
    hours > 1 && hours < 12.1,
    `${hours.toFixed(2)} h`,
  );
  check('the token has a subject', subject !== null, 'it has none');
  const clouds = isLoopbackUrl(endpoint)
    ? `${endpoint}/resource-manager/v1/clouds`
    : endpoint.replace('//iam.', '//resource-manager.') + '/resource-manager/v1/clouds';
  const { status } = await send('GET', clouds, undefined, undefined, token.expose());
  check('another service accepts the token', status === 200, `${status}`);
  const failureReason = await revokeToken(token, installation, neverAborted, tools);
  check('the token is revoked', failureReason === null, failureReason ?? '');
}

async function send(method, url, type, body, bearer) {
  const headers = {
    accept: 'application/json',
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
  return http.send(
    { method, url, headers, ...(body === undefined ? {} : { body }) },
    clock.timeoutSignal(timeoutMs),
  );
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    // The check fails, and prints the status.
    return undefined;
  }
}

function check(expectation, isMet, actual) {
  stdout.write(isMet ? `ok      ${expectation}\n` : `DIFFERS ${expectation}: ${actual}\n`);
  if (!isMet) process.exitCode = 1;
}

main().catch((error) => {
  stderr.write(`live-check: error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

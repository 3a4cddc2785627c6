import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';
import { parsePemCertificates, readPemCertificates } from '../../src/config/pem-certificates.ts';
import { foreignAuthority, ownAuthority } from '../support/network/example-authorities.ts';

const own = ownAuthority.certificate;
const foreign = foreignAuthority.certificate;
/** The number of lines of `own`, and of `foreign`. */
const lineCount = own.trimEnd().split('\n').length;
const relabel = (label: string): string => own.replaceAll('CERTIFICATE', label);
const systemBundle = '/etc/ssl/certs/ca-certificates.crt';

describe('parsePemCertificates', () => {
  for (const [title, text, count] of [
    ['several certificates', own + foreign, 2],
    ['line ends of Windows', (own + foreign).replaceAll('\n', '\r\n'), 2],
    ['line ends of old Macs', (own + foreign).replaceAll('\n', '\r'), 2],
    ['a byte order mark', `\uFEFF${own}`, 1],
    ['indentation, as in YAML', own.replaceAll(/^/gm, '    '), 1],
    ['spaces at the ends of lines', own.replaceAll('\n', ' \n'), 1],
    ['no line end at the end', own.trimEnd(), 1],
    ['comments between them', `# ours\n${own}subject=CN = b\n${foreign}`, 2],
    ['a key beside it', own + ownAuthority.key, 1],
    ['the labels of OpenSSL', relabel('TRUSTED CERTIFICATE') + relabel('X509 CERTIFICATE'), 2],
    ['the authorities of Node', rootCertificates.join('\n'), rootCertificates.length],
  ] as const) {
    it(`B7: reads ${title}`, () => {
      const { certificates, violations } = parsePemCertificates(text);
      assert.deepEqual([certificates.length, violations], [count, []]);
      createSecureContext({ ca: [...certificates] });
    });
  }

  it('B7: reads the bundle of the system', async function () {
    if (!existsSync(systemBundle)) this.skip();
    const { certificates, violations } = await readPemCertificates(systemBundle);
    assert.ok(certificates.length > 10);
    assert.deepEqual(violations, []);
  });

  for (const [title, text, expected] of [
    ['base64', own.replace(/^MI/m, '!!'), ['line 1: not a valid certificate (bad base64 decode)']],
    ['a shortened body', own.replace(/^MI.*\n/m, ''), [/^line 1: not a valid certificate \([a-z0-9 ]+\)$/]],
    ['an empty body', own.replace(/\n[^]*\n-/, '\n-'), [/^line 1: not a valid certificate \([a-z0-9 ]+\)$/]],
    [
      'no end before the next one',
      own.replace(/-----END.*\n/, '') + foreign,
      ['line 1: the certificate has no line "-----END CERTIFICATE-----"'],
    ],
    [
      'no end',
      own + foreign.replace(/-----END.*\n/, ''),
      [`line ${lineCount + 1}: the certificate has no line "-----END CERTIFICATE-----"`],
    ],
    [
      'no beginning',
      foreign.replace(/.*BEGIN.*\n/, '') + own,
      [`line ${lineCount - 1}: no certificate begins before this line`],
    ],
    [
      'different labels',
      own.replace('END CERT', 'END X509 CERT'),
      [
        'line 1: the certificate has no line "-----END CERTIFICATE-----"',
        `line ${lineCount}: no certificate begins before this line`,
      ],
    ],
    ['nothing', '', ['contains no PEM certificate']],
    ['only a key', ownAuthority.key, ['contains no PEM certificate, only a PRIVATE KEY']],
    ['PKCS #7', relabel('PKCS7'), ['contains no PEM certificate, only a PKCS7']],
    [
      'DER',
      Buffer.from(own.replaceAll(/-----.*-----|\n/g, ''), 'base64').toString(),
      [
        /^contains no PEM certificate but binary data, such as DER; convert it with openssl x509 -inform der$/,
      ],
    ],
  ] as const) {
    it(`B7: names the line and the reason of ${title}, and reads the others`, () => {
      const { certificates, violations } = parsePemCertificates(text);
      assert.equal(violations.length, expected.length, violations.join());
      for (const [index, rule] of expected.entries()) {
        if (typeof rule === 'string') assert.equal(violations[index], rule);
        else assert.match(violations[index] ?? '', rule);
      }
      const validCount = [own, foreign].filter((certificate) => text.includes(certificate)).length;
      assert.equal(certificates.length, validCount);
    });
  }
});

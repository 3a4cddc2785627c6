import assert from 'node:assert/strict';
import { subjectOf } from '../../../src/sources/exchange/token-subject.ts';

const subject = 'aje0123456789abcdefg';

function encodePayload(message: Buffer): string {
  return Buffer.from(message.map((byte) => ~byte)).toString('base64url');
}

function createMessage(id: string, ...extraBytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from([0x0a, id.length]), Buffer.from(id), Buffer.from(extraBytes)]);
}

describe('the subject of an IAM token', () => {
  const signature = 'A'.repeat(86);

  it('is read from the token', () => {
    assert.equal(subjectOf(`t1.${encodePayload(createMessage(subject))}.${signature}`), subject);
    assert.equal(
      subjectOf(`t1.${encodePayload(createMessage(subject, 0x12, 1, 7))}==.${signature}==`),
      subject,
    );
  });

  const invalidTokens: readonly (readonly [string, string])[] = [
    ['another prefix', `t2.${encodePayload(createMessage(subject))}.${signature}`],
    ['two parts', `t1.${encodePayload(createMessage(subject))}`],
    ['four parts', `t1.${encodePayload(createMessage(subject))}.${signature}.x`],
    ['no payload', `t1..${signature}`],
    ['a short payload', `t1.${encodePayload(createMessage(subject).subarray(0, 10))}.${signature}`],
    ['bits that are not inverted', `t1.${createMessage(subject).toString('base64url')}.${signature}`],
    [
      'another field first',
      `t1.${encodePayload(Buffer.concat([Buffer.from([0x12, 20]), Buffer.from(subject)]))}.${signature}`,
    ],
    ['another length', `t1.${encodePayload(createMessage('aje'))}.${signature}`],
    ['other characters', `t1.${encodePayload(createMessage('aje-0123456789ABCDEF'))}.${signature}`],
    ['an OAuth token', 'y0_not-an-iam-token'],
    ['nothing', ''],
  ];
  for (const [name, token] of invalidTokens) {
    it(`is unknown with ${name}`, () => {
      assert.equal(subjectOf(token), null);
    });
  }
});

import assert from 'node:assert/strict';
import { subjectOf } from '../../src/sources/token-subject.ts';

const subject = 'aje0123456789abcdefg';

function payload(message: Buffer): string {
  return Buffer.from(message.map((byte) => ~byte)).toString('base64url');
}

function message(id: string, ...more: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from([0x0a, id.length]), Buffer.from(id), Buffer.from(more)]);
}

describe('the subject of an IAM token', () => {
  const signature = 'A'.repeat(86);

  it('is read from the token', () => {
    assert.equal(subjectOf(`t1.${payload(message(subject))}.${signature}`), subject);
    assert.equal(subjectOf(`t1.${payload(message(subject, 0x12, 1, 7))}==.${signature}==`), subject);
  });

  const unfit: readonly (readonly [string, string])[] = [
    ['another prefix', `t2.${payload(message(subject))}.${signature}`],
    ['two parts', `t1.${payload(message(subject))}`],
    ['four parts', `t1.${payload(message(subject))}.${signature}.x`],
    ['no payload', `t1..${signature}`],
    ['a short payload', `t1.${payload(message(subject).subarray(0, 10))}.${signature}`],
    ['bits as they are', `t1.${message(subject).toString('base64url')}.${signature}`],
    [
      'another field first',
      `t1.${payload(Buffer.concat([Buffer.from([0x12, 20]), Buffer.from(subject)]))}.${signature}`,
    ],
    ['another length', `t1.${payload(message('aje'))}.${signature}`],
    ['other characters', `t1.${payload(message('aje-0123456789ABCDEF'))}.${signature}`],
    ['an OAuth token', 'y0_not-an-iam-token'],
    ['nothing', ''],
  ];
  for (const [name, token] of unfit) {
    it(`is unknown with ${name}`, () => {
      assert.equal(subjectOf(token), null);
    });
  }
});

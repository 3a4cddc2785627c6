import assert from 'node:assert/strict';
import { EmulatorFixture, type EmulatorResponse } from '../support/iam/emulator-fixture.ts';

describe('emulator faults', () => {
  let fixture: EmulatorFixture;

  beforeEach(async () => {
    fixture = await EmulatorFixture.start();
  });
  afterEach(() => fixture.emulator.close());

  const putFault = (body: unknown): Promise<EmulatorResponse> =>
    fixture.send('/emulator/fault', { method: 'PUT', body: JSON.stringify(body) });

  it('apply until they are switched off', async () => {
    fixture.emulator.setFault({ kind: 'unavailable' });
    assert.deepEqual([(await fixture.exchange()).status, (await fixture.exchange()).status], [503, 503]);
    fixture.emulator.setFault(null);
    assert.equal((await fixture.exchange()).status, 200);
  });

  it('apply to a number of requests', async () => {
    fixture.emulator.setFault({ kind: 'too_many_requests', retryAfter: '7' }, 2);
    const [first, second, third] = [
      await fixture.exchange(),
      await fixture.exchange(),
      await fixture.exchange(),
    ];
    assert.deepEqual([first.status, second.status, third.status], [429, 429, 200]);
    assert.equal(first.headers.get('retry-after'), '7');
  });

  it('apply to other methods of the same path, which are not counted', async () => {
    await putFault({ fault: 'unavailable', count: 1 });
    assert.equal((await fixture.send('/iam/v1/tokens')).status, 503);
    assert.equal((await fixture.exchange()).status, 503);
    assert.equal((await fixture.send('/iam/v1/tokens')).status, 501);
  });

  it('do not apply to the resource manager', async () => {
    const token = String((await fixture.exchange()).body['iamToken']);
    fixture.emulator.setFault({ kind: 'hang' });
    assert.equal((await fixture.listClouds(token)).status, 200);
  });

  it('are switched over HTTP', async () => {
    assert.equal(
      (await putFault({ fault: { kind: 'status', code: 9, message: 'frozen' }, count: 1 })).status,
      200,
    );
    assert.deepEqual((await fixture.exchange()).body['message'], 'frozen');
    assert.equal((await fixture.exchange()).status, 200);
    assert.deepEqual((await putFault({ fault: 'too_many_requests' })).body, {
      fault: { kind: 'too_many_requests', retryAfter: '30' },
    });
    assert.equal((await fixture.exchange()).status, 429);
    assert.equal((await putFault({ fault: null })).status, 200);
    assert.equal((await fixture.exchange()).status, 200);
  });

  it('reject invalid settings', async () => {
    const invalidSettings = [
      {},
      [],
      { fault: 'nothing' },
      { fault: {} },
      { fault: 'status' },
      { fault: { kind: 'cut', atByte: -1 } },
      { fault: { kind: 'hang', x: 1 } },
      { fault: 'hang', count: 0 },
      { fault: 'hang', more: 1 },
    ];
    for (const body of invalidSettings) {
      const response = await putFault(body);
      assert.equal(response.status, 400, JSON.stringify(body));
      assert.equal(typeof response.body['error'], 'string');
    }
    assert.equal((await fixture.send('/emulator/fault', { method: 'PUT', body: '{' })).status, 400);
    assert.throws(() => fixture.emulator.setFault({ kind: 'hang' }, 0), TypeError);
  });
});

import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { type TestClock, createTestClock } from '../time/test-clock.ts';

export const emulatorSubject = 'ajetest0000000000001';
export const emulatorOauthToken = 'y0_known-oauth-token';

export interface EmulatorResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** An emulator on a test clock, and requests to it. */
export class EmulatorFixture {
  readonly clock: TestClock;
  readonly emulator: Emulator;

  private constructor(emulator: Emulator, clock: TestClock) {
    this.emulator = emulator;
    this.clock = clock;
  }

  static async start(): Promise<EmulatorFixture> {
    const clock = createTestClock(Date.UTC(2026, 10, 24, 12));
    const oauthAccounts = [{ token: emulatorOauthToken, subject: emulatorSubject }];
    return new EmulatorFixture(await startEmulator({ clock, oauthAccounts }), clock);
  }

  async send(path: string, init: RequestInit = {}): Promise<EmulatorResponse> {
    const response = await fetch(this.emulator.url + path, init);
    const { status, headers } = response;
    return { status, headers, body: (await response.json()) as EmulatorResponse['body'] };
  }

  post(body: string, type = 'application/json'): Promise<EmulatorResponse> {
    return this.send('/iam/v1/tokens', { method: 'POST', headers: { 'content-type': type }, body });
  }

  exchange(token = emulatorOauthToken): Promise<EmulatorResponse> {
    return this.post(JSON.stringify({ yandexPassportOauthToken: token }));
  }

  listClouds(token: string): Promise<EmulatorResponse> {
    return this.send('/resource-manager/v1/clouds', { headers: { authorization: `Bearer ${token}` } });
  }
}

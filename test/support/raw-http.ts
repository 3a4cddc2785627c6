import { connect, type NetConnectOpts } from 'node:net';

export interface RawAnswer {
  /** 0 where the connection ended without an answer. */
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends what it is given, byte for byte, and reads until the other side ends the connection. */
export function sendRaw(to: NetConnectOpts, request: string): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(to).setEncoding('utf8');
    socket.on('data', (piece: string) => (received += piece));
    socket.on('error', () => undefined); // it says with `close` what it has to say
    socket.once('close', () => {
      const [headers = '', ...body] = received.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0);
      resolve({ status, headers, body: body.join('\r\n\r\n') });
    });
    socket.write(request);
  });
}

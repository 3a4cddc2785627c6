import { connect, type NetConnectOpts } from 'node:net';

export interface RawResponse {
  /** 0 if the connection closed without a response. */
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends `request` unchanged, and reads until the other side closes the connection. */
export function sendRawRequest(target: NetConnectOpts, request: string): Promise<RawResponse> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(target).setEncoding('utf8');
    socket.on('data', (chunk: string) => (received += chunk));
    socket.on('error', () => undefined); // `close` follows
    socket.once('close', () => {
      const [headers = '', ...body] = received.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0);
      resolve({ status, headers, body: body.join('\r\n\r\n') });
    });
    socket.write(request);
  });
}

// Clients of a Unix socket, for servers of several protocols.
import { once } from 'node:events';
import { connect } from 'node:net';

/** A token request of iam-tokend, answered by one frame. */
export const tokenProtocol = {
  createRequest: (id) => `{"type":"iam-token","data":{"v":1,"id":${id},"method":"token"}}\f`,
  countResponses: (chunk) => chunk.reduce((count, byte) => count + (byte === 0x0c ? 1 : 0), 0),
};

/** SSH_AGENTC_REQUEST_IDENTITIES (draft-ietf-sshm-ssh-agent), for an agent whose answer has `responseBytes`. */
export function createSshAgentProtocol(responseBytes) {
  let receivedBytes = 0;
  return {
    createRequest: () => '\0\0\0\x01\x0b',
    countResponses: (chunk) => {
      const before = Math.floor(receivedBytes / responseBytes);
      receivedBytes += chunk.length;
      return Math.floor(receivedBytes / responseBytes) - before;
    },
  };
}

/** Connects; repeats that while the server's queue of connections is full, as a client of a busy server does. */
async function connectTo(path) {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** @returns the first response to one request */
export async function ask(path, { createRequest, countResponses }) {
  const socket = await connectTo(path);
  const chunks = [];
  try {
    socket.write(createRequest(1));
    for await (const chunk of socket) {
      chunks.push(chunk);
      if (countResponses(chunk) > 0) return Buffer.concat(chunks);
    }
    throw new Error(`${path} closed the connection without a response`);
  } finally {
    socket.destroy();
  }
}

/**
 * `clientCount` clients at a time, each of which connects, asks once and closes, until `total` have been answered.
 * @returns the rate per second, and the durations in milliseconds, ascending
 */
export async function connectAndAsk(path, createProtocol, clientCount, total) {
  let remaining = total;
  const durations = [];
  const runClient = async () => {
    while (remaining > 0) {
      remaining -= 1;
      const startedMs = performance.now();
      await ask(path, createProtocol());
      durations.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: clientCount }, runClient));
  const rate = (total * 1_000) / (performance.now() - startedMs);
  return { rate, durations: durations.toSorted((a, b) => a - b) };
}

/**
 * Requests on one connection, 256 of them pending at a time.
 * @returns the rate per second
 */
export async function pipeline(path, { createRequest, countResponses }, total) {
  const socket = await connectTo(path);
  let sentCount = 0;
  let receivedCount = 0;
  const sendBatch = () => {
    let batch = '';
    for (; sentCount < total && sentCount - receivedCount < 256; sentCount += 1)
      batch += createRequest(sentCount);
    if (batch !== '') socket.write(batch, 'latin1');
  };
  const startedMs = performance.now();
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      receivedCount += countResponses(chunk);
      if (receivedCount >= total) resolve();
      else sendBatch();
    });
    sendBatch();
  });
  socket.destroy();
  return (total * 1_000) / (performance.now() - startedMs);
}

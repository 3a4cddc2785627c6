/**
 * A script for `node -e SCRIPT SOCKET REQUESTS`: sends requests that the client would reject itself, and prints the error
 * code of each method, or `done`. REQUESTS is a JSON array of `[method, params]`.
 */
export const rawRequestScript = `
const [, socketPath, requestsJson] = process.argv;
const socket = require('node:net').connect(socketPath).setEncoding('utf8');
const requests = JSON.parse(requestsJson);
let partialFrame = '';
const outcomes = {};
socket.on('data', (chunk) => {
  const frames = (partialFrame + chunk).split('\\f');
  partialFrame = frames.pop();
  for (const { data } of frames.map((frame) => JSON.parse(frame))) outcomes[requests[data.id][0]] = data.error?.code ?? 'done';
  if (Object.keys(outcomes).length === requests.length) { console.log(JSON.stringify(outcomes)); process.exit(); }
});
for (const [id, [method, params]] of requests.entries())
  socket.write(JSON.stringify({ type: 'iam-token', data: { v: 1, id, method, params } }) + '\\f');
`;

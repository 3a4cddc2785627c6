// The least that a server in Node can do: node bare-server.mjs SOCKET RESPONSE
// It copies the id of each request into RESPONSE, the daemon's own frame without its end, and prints `listening`.
import { createServer } from 'node:net';
import { argv, stdout } from 'node:process';

const [, , socketPath, responseText] = argv;
const response = JSON.parse(responseText);

createServer((socket) => {
  let partialFrame = '';
  socket.on('error', () => undefined);
  socket.setEncoding('utf8').on('data', (chunk) => {
    const frames = (partialFrame + chunk).split('\f');
    partialFrame = frames.pop();
    for (const frame of frames) {
      response.data.id = JSON.parse(frame).data.id;
      socket.write(`${JSON.stringify(response)}\f`);
    }
  });
}).listen({ path: socketPath, backlog: 4_096 }, () => stdout.write('listening\n'));

/** node-ipc 14.0.0 ships no types; this is the part that `node-ipc-server.ts` uses. */
declare module 'node-ipc' {
  import type { Socket } from 'node:net';

  export interface IpcSocket extends Socket {
    /** The beginning of an unfinished frame. */
    readonly ipcBuffer?: string;
  }

  export interface Hub {
    on(event: string, listener: (data: unknown, socket: Socket) => void): void;
    emit(socket: Socket, event: string, data: unknown): boolean;
    addSocket(socket: Socket): void;
    clearMessageTimer(socket: Socket): void;
  }

  export class IPCModule {
    readonly config: object;
    readonly server: Hub;
    serve(path: string): void;
  }
}

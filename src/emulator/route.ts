import type { IncomingHttpHeaders } from 'node:http';
import type { IamService } from './iam-service.ts';
import type { Reply } from './reply.ts';

export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One address of the service. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** A fault that is switched on does not show here. */
  readonly isSpared?: true;
  /** The emulator's own control is not part of what is logged. */
  readonly isUnlogged?: true;
  /** @throws Refusal */
  answer(call: Call, service: IamService): Reply;
}

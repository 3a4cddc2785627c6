import { createToken } from './create-token.ts';
import { getLog } from './get-log.ts';
import { listClouds } from './list-clouds.ts';
import type { Route } from './route.ts';
import { setFault } from './set-fault.ts';

/** Every address of the emulator. */
export const routes: readonly Route[] = [createToken, listClouds, setFault, getLog];

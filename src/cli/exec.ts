import type { Command } from './command.ts';
import { runThrough } from './run-through.ts';
import { tokenEnvironment } from './token-environment.ts';

/** Runs a command with the token in its environment; its exit code is ours. */
export const exec: Command = async (call) => {
  const variables = await tokenEnvironment(call);
  return runThrough(call.foreign, { ...call.surroundings.env, ...variables });
};

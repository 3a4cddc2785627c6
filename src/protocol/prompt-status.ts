import * as v from 'valibot';
import { status } from './methods.ts';

/** `status`, of which only what a prompt shows is checked: it has no place for a message about the rest. */
export const promptStatus = {
  ...status,
  result: () => {
    const { profiles, next } = status.result().entries;
    const shown = v.pick(profiles.item, ['profile', 'isDefault', 'state', 'timeLeftMs']);
    return v.object({ profiles: v.array(shown), next });
  },
};
